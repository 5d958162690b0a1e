"""The models that the image's workflows need: where they are, and which have to be fetched first.

A library is a folder that is laid out as ComfyUI's own: `models/vae/…`, and `custom_nodes/<node>/…` for what a node
looks for beside its code. The image itself is one where models are part of it; another is mounted, or is a volume that
many containers share (`STRATA_LIBRARY`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .problem import Problem

STARTS = ("wait", "background", "off")
# In a volume, files of nodes are kept here: in its custom_nodes they would be taken for a node.
KEPT = ".strata"
MOUNT = "Mount the image of models, or a folder laid out as ComfyUI's, and name its place in STRATA_LIBRARY."


@dataclass(frozen=True)
class Library:
    """What the start found out about models."""

    # Folders beside the volume's in which ComfyUI looks, by the name of their place.
    folders: Mapping[str, Path] = field(default_factory=dict)
    # Where they are fetched to; None where this image fetches none.
    root: Path | None = None
    # wait: ComfyUI starts when all are there; background: at once; off: nobody fetches.
    fetch: str = "off"
    messages: tuple[str, ...] = ()

    @property
    def plan(self) -> dict[str, str] | None:
        """For who fetches."""
        return {"fetch": self.fetch, "root": str(self.root)} if self.root and self.fetch != "off" else None


def find_library(
    variables: Mapping[str, str], image: Mapping[str, Any], code: Path, volume: Path, shared: Path | None = None
) -> Library:
    """`shared` is a mounted folder that stands in where `STRATA_LIBRARY` names none. Raises Problem."""
    described = image.get("models") or {}
    strategy = described.get("strategy", "none")
    files = [str(file) for file in described.get("files", [])]
    named = named_folder(variables, must_exist=strategy != "volume") or shared
    if strategy == "volume":
        return fetched(variables, described, files, code, volume, named)
    if variables.get("STRATA_MODELS") not in (None, "", "off"):
        raise Problem("STRATA_MODELS", "this image fetches no models.", "Leave it out.")
    # A library may be the volume itself, whose models are found anyway.
    folders = {"library": named / "models"} if named and named != volume else {}
    if strategy == "baked":
        folders["models of the image"] = code / "models"
    places = [volume, *([named] if named else []), *([code] if strategy == "baked" else [])]
    messages = link_node_files(code, files, places)
    missing = [file for file in files if not any((place / file).is_file() for place in places)]
    if missing:
        messages.append(f"{len(missing)} models are not there: {', '.join(missing)}. {MOUNT}")
    return Library(folders, messages=tuple(messages))


def named_folder(variables: Mapping[str, str], *, must_exist: bool) -> Path | None:
    """`STRATA_LIBRARY`; raises Problem."""
    text = variables.get("STRATA_LIBRARY")
    if not text:
        return None
    path = Path(text)
    if not path.is_absolute():
        raise Problem("STRATA_LIBRARY", f'expected an absolute path, got "{text}".', "Name where it is mounted.")
    if must_exist and not path.is_dir():
        raise Problem("STRATA_LIBRARY", f"there is no folder {path}.", "Mount it there, or name another.")
    return path


def fetched(
    variables: Mapping[str, str],
    described: Mapping[str, Any],
    files: list[str],
    code: Path,
    volume: Path,
    named: Path | None,
) -> Library:
    """Models go to the library that is named, or else to the volume."""
    start = variables.get("STRATA_MODELS") or ("background" if described.get("background") else "wait")
    if start not in STARTS:
        raise Problem("STRATA_MODELS", f'expected one of {", ".join(STARTS)}, got "{start}".', "Leave it out.")
    root = named or volume
    messages = link_node_files(code, files, [root / KEPT, root])
    folders = {}
    if root != volume:
        folders["library"] = root / "models"
        # ComfyUI is told of them now, and they are filled later.
        for file in files:
            if start != "off" and file.startswith("models/"):
                make_folder((root / file).parent)
    if start == "background":
        messages.append("Models are fetched while ComfyUI runs; those that are not there yet are missing in its lists.")
    return Library(folders, root, start, tuple(messages))


def make_folder(folder: Path) -> None:
    """Raises Problem."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            "STRATA_LIBRARY", f"{folder} cannot be made: {error.strerror}.", "Mount it writable, or leave it out."
        ) from error


def link_node_files(code: Path, files: Iterable[str], places: list[Path]) -> list[str]:
    """
    Shows files of nodes where the nodes look for them: beside their code. The first place that has one counts, or else
    the first of all, where it will be. Returns what people should know.
    """
    failed = []
    for file in files:
        target = code / file
        if not file.startswith("custom_nodes/") or target.exists():
            continue
        sources = [place / file for place in places if place != code]
        source = next((each for each in sources if each.is_file()), sources[0] if sources else None)
        if source is None:
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                target.unlink()
            target.symlink_to(source)
        except OSError as error:
            failed.append(f"{target} ({error.strerror})")
    if not failed:
        return []
    return [f"Not linked, as the image's folders cannot be written to here: {', '.join(failed)}."]
