"""A volume as an older image would have left it, with code that must not run and data that must stay."""

from __future__ import annotations

from pathlib import Path

from .result import Fail

MARKER = "code of the old volume ran"
# Ends ComfyUI where it is imported: an exception would only cost the one node.
LOUD = f"print({MARKER!r}, flush=True)\nraise SystemExit({MARKER!r})\n"
# Where people keep a checkout, and what of it Python or ComfyUI could pick up.
CHECKOUTS = ("ComfyUI", "comfyui", ".")
MODULES = ("main.py", "nodes.py", "server.py", "folder_paths.py", "comfyui_version.py", "comfy/__init__.py")
DATA = {
    "models/checkpoints/kept.safetensors": "a model",
    "input/kept.png": "an input",
    "output/kept.png": "an output",
    "user/default/workflows/kept.json": "{}",
}


def make_old_volume(volume: Path, folders: list[str]) -> None:
    """Fills `volume`; `folders` are the image's nodes, each of which is there in another version."""
    for checkout in CHECKOUTS:
        nodes = [
            f"custom_nodes/{folder}/{name}" for folder in folders for name in ("__init__.py", "prestartup_script.py")
        ]
        for name in (*MODULES, *nodes):
            write(volume / checkout / name, LOUD)
    for name, content in DATA.items():
        write(volume / name, content)


def write(path: Path, content: str) -> None:
    """Writes a file into a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def expect_kept(volume: Path) -> None:
    """Raises Fail when data of the volume is gone or changed."""
    lost = [
        name
        for name, content in DATA.items()
        if not (volume / name).is_file() or (volume / name).read_text() != content
    ]
    if lost:
        raise Fail(f"gone or changed: {', '.join(lost)}")
