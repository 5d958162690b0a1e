"""The persistent volume: where it is, its folders, and what earlier images left in it.

What a user owns lies in the volume, what the image owns never does. ComfyUI runs with `--base-directory VOLUME`, its
code and the image's nodes come from /opt/comfyui, so a volume that an older image wrote cannot bring back old code.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .problem import Problem

DEFAULT = Path("/workspace")
# Where RunPod mounts a network volume for serverless workers; for pods it is /workspace.
NETWORK_VOLUME = Path("/runpod-volume")
FOLDERS = ("models", "input", "output", "user/default/workflows", "custom_nodes")
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
    wanted: str | None,
    fallbacks: Iterable[Path],
    why_not: Callable[[Path], str | None] = why_not_writable,
    is_mount: Callable[[Path], bool] = os.path.ismount,
    default: Path = DEFAULT,
) -> Volume:
    """The folder in `STRATA_VOLUME`, or else /workspace, or else the first of `fallbacks` that can be written to.

    Who names a folder means it: there is no way around one that cannot be written to. Raises Problem.
    """
    path = Path(wanted) if wanted else default
    if not path.is_absolute():
        raise Problem("STRATA_VOLUME", f'expected an absolute path, got "{path}".', f"Try {DEFAULT}.")
    reason = why_not(path)
    if reason is None:
        temporary = () if is_mount(path) else (f"{path} is no volume: what is stored there goes with the container.",)
        return Volume(path, persistent=not temporary, warnings=temporary)
    if wanted:
        raise Problem("STRATA_VOLUME", f"user {os.getuid()} cannot write to {path} ({reason}).", remedy(path))
    for fallback in fallbacks:
        if why_not(fallback) is None:
            warning = f"user {os.getuid()} cannot write to {path} ({reason}). {remedy(path)}"
            lost = f"Until then {fallback} is used, and everything in it goes with the container."
            return Volume(fallback, persistent=False, warnings=(f"{warning} {lost}",))
    raise Problem(str(path), f"user {os.getuid()} cannot write to it ({reason}).", remedy(path))


def remedy(path: Path) -> str:
    """What makes a mounted folder writable."""
    user = f"{os.getuid()}:{os.getgid()}"
    return (
        f"Mount a volume at {path} that belongs to this user (on the host: chown -R {user} FOLDER), or start the"
        " container as the folder's owner: --user $(id -u):$(id -g)."
    )


def prepare_folders(volume: Path, model_folders: Iterable[str]) -> None:
    """Makes the folders that ComfyUI expects; those that are there stay as they are. Raises Problem."""
    for name in (*FOLDERS, *(f"models/{name}" for name in model_folders)):
        folder = volume / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = "it is a file or a broken link." if isinstance(error, FileExistsError) else f"{error.strerror}."
            raise Problem(str(folder), f"cannot be used as a folder: {what}", "Move it away.") from error


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
