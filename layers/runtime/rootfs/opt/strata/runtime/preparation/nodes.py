"""Which nodes come from the image, which from the volume, and which of the latter are left out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def list_nodes(folder: Path) -> list[str]:
    """Names of the nodes in a custom_nodes folder, as ComfyUI sees them: folders and Python files, disabled ones aside."""
    with suppress(OSError):
        return sorted(entry.name for entry in folder.iterdir() if is_node(entry))
    return []


def is_node(entry: Path) -> bool:
    """Whether ComfyUI would try to load it."""
    if entry.name.startswith(".") or entry.name == "__pycache__" or entry.name.endswith(".disabled"):
        return False
    return entry.is_dir() or entry.suffix == ".py"


def shadowed_nodes(image: Iterable[str], volume: Iterable[str]) -> list[str]:
    """Nodes of the volume that the image has too. Case does not count: ComfyUI-Manager writes names in small letters."""
    known = {name.casefold() for name in image}
    return sorted(name for name in volume if name.casefold() in known)


LOGIN = "comfyui-login"


def find_login(image: Path, volume: Path, hidden: Iterable[str]) -> Path | None:
    """The folder of ComfyUI-Login, if it is one of the nodes that are loaded."""
    candidates = [image / name for name in list_nodes(image)]
    candidates += [volume / name for name in list_nodes(volume) if name not in set(hidden)]
    return next((path for path in candidates if path.name.casefold() == LOGIN), None)
