"""The persistent volume: where it is, its folders, and what earlier images left in it.

What a user owns lies in the volume, what the image owns never does. ComfyUI runs with `--base-directory VOLUME`, its
code and the image's nodes come from /opt/comfyui, so a volume that an older image wrote cannot bring back old code.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .problem import Problem

DEFAULT = Path("/workspace")
# Where RunPod mounts a network volume for serverless workers; for pods it is /workspace.
NETWORK_VOLUME = Path("/runpod-volume")
FOLDERS = ("models", "input", "output", "user/default/workflows", "custom_nodes")
# Without these nothing of a session is kept; the others are used as they are.
WRITTEN = ("output", "user")
# In the volume: what the last start knew about itself, for whoever has to find out what happened to a volume.
MARKER = Path(".strata/last-start.json")


@dataclass(frozen=True)
class Volume:
    """Where a user's files are, and what people should know about it."""

    path: Path
    persistent: bool
    warnings: tuple[str, ...] = ()


def why_not_writable(folder: Path) -> str | None:
    """Tries to write, because neither mode bits nor `access` tell about read-only mounts and other users' shares."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".strata-"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def choose_volume(
    variables: Mapping[str, str],
    fallbacks: Iterable[Path],
    why_not: Callable[[Path], str | None] = why_not_writable,
    is_mount: Callable[[Path], bool] = os.path.ismount,
    default: Path = DEFAULT,
) -> Volume:
    """The folder in `STRATA_VOLUME`, or else /workspace, or else the first of `fallbacks` that can be written to.

    Who names a folder or mounts one means it: there is no way around one that cannot be written to. Raises Problem.
    """
    wanted = variables.get("STRATA_VOLUME")
    path = Path(wanted) if wanted else default
    if not path.is_absolute():
        raise Problem("STRATA_VOLUME", f'expected an absolute path, got "{path}".', f"Try {DEFAULT}.")
    reason = why_not(path)
    lost = "what is stored there goes with the container."
    if reason is None:
        temporary = () if is_mount(path) else (f"{path} is no volume: {lost}",)
        return Volume(path, persistent=not temporary, warnings=temporary)
    if not wanted and not is_mount(path):
        for fallback in fallbacks:
            if why_not(fallback) is None:
                return Volume(fallback, False, (f"Nothing is mounted at {path}: {fallback} is used, and {lost}",))
    who = f"user {os.getuid()} cannot write to {path} ({reason})."
    raise Problem("STRATA_VOLUME" if wanted else str(path), who, remedy(path, variables))


def remedy(path: Path, variables: Mapping[str, str]) -> str:
    """What makes a mounted folder writable, in the place where this container runs."""
    uid, gid = os.getuid(), os.getgid()
    if variables.get("KUBERNETES_SERVICE_HOST"):
        return f"Give the pod a securityContext with fsGroup: {gid or uid}; NFS and hostPath heed none: chown them to {uid}."
    if variables.get("STRATA_STARTED_AS") == "root":
        owner = path.stat().st_uid if path.exists() else uid
        become = f", or start with PUID={owner} and PGID={path.stat().st_gid}, its owner" if owner != uid else ""
        return (
            f"root of this container may not give it away, or it is mounted read-only. Mount it writable, and where it is kept:"
            f" chown {uid}:{gid} FOLDER{become}."
        )
    return f"On the host: chown -R {uid}:{gid} FOLDER. Or start without --user: the image then gives root's folders to its user."


def prepare_folders(volume: Path, model_folders: Iterable[str]) -> list[str]:
    """
    Makes the folders that ComfyUI expects; those that are there stay as they are. Returns what people should know: a mounted
    folder may be there to be read alone, but settings and results have to be kept. Raises Problem.
    """
    unmade = []
    for name in (*FOLDERS, *(f"models/{name}" for name in model_folders)):
        folder = volume / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise Problem(
                str(folder), "cannot be used as a folder: it is a file or a broken link.", "Move it away."
            ) from error
        except OSError as error:
            if name in WRITTEN:
                raise Problem(
                    str(folder), f"cannot be made: {error.strerror}.", f"chown it to {os.getuid()}."
                ) from error
            unmade.append(name)
    for name in WRITTEN:
        if reason := why_not_writable(volume / name):
            raise Problem(
                str(volume / name),
                f"user {os.getuid()} cannot write to it ({reason}).",
                f"It is another user's or mounted read-only: chown -R {os.getuid()}:{os.getgid()} it, or mount it writable.",
            )
    return [f"Only read, not written to: {', '.join(sorted({unmade_in(name) for name in unmade}))}."] if unmade else []


def unmade_in(name: str) -> str:
    """The folder of the volume's first level that lets nothing be made in it."""
    return name.split("/")[0]


def standard_model_folders(code: Path) -> list[str]:
    """ComfyUI's own model folders, as its source brings them; the configurations in one of them belong to the code."""
    with suppress(OSError):
        return sorted(
            folder.name for folder in (code / "models").iterdir() if folder.is_dir() and folder.name[0] != "."
        )
    return []


def find_checkouts(volume: Path) -> list[Path]:
    """ComfyUI's source in a folder of the volume: older images kept it there."""
    with suppress(OSError):
        return sorted(
            folder
            for folder in volume.iterdir()
            if (folder / "main.py").is_file() and (folder / "folder_paths.py").is_file()
        )
    return []


def link_checkout(volume: Path, checkout: Path) -> list[str]:
    """Shows an old checkout's pictures and workflows where ComfyUI looks for them; returns what was linked.

    Only names that are free are taken, and nothing is moved: an older image still finds its files.
    """
    linked = []
    for folder in ("input", "output", "user/default/workflows"):
        target, link = checkout / folder, volume / folder / checkout.name
        if not target.is_dir():
            continue
        # The name may be taken, and some network file systems have no links.
        with suppress(OSError):
            link.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
            linked.append(f"{folder}/{checkout.name}")
    return linked


def write_marker(volume: Path, content: dict[str, Any]) -> dict[str, Any] | None:
    """Notes this start in the volume and returns what the last one noted. A volume without room is no reason to stop."""
    marker = volume / MARKER
    earlier = None
    with suppress(OSError, ValueError):
        earlier = json.loads(marker.read_text(encoding="utf-8"))
    with suppress(OSError):
        marker.parent.mkdir(exist_ok=True)
        draft = marker.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.replace(marker)
    return earlier if isinstance(earlier, dict) else None
