"""A volume as an older image would have left it, with code that must not run and data that must stay."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ..comfyui import ComfyUI
from ..result import Fail
from ..services import Services, fetch

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
# Where ComfyUI-Manager kept its settings before ComfyUI had a folder for such; neither value is its default.
DATABASE = "local"
SETTINGS = {"user/default/ComfyUI-Manager/config.ini": f"[default]\nsecurity_level = strong\ndb_mode = {DATABASE}\n"}


def make_old_volume(volume: Path, folders: list[str]) -> None:
    """Fills `volume`; `folders` are the image's nodes, each of which is there in another version."""
    for checkout in CHECKOUTS:
        nodes = [
            f"custom_nodes/{folder}/{name}" for folder in folders for name in ("__init__.py", "prestartup_script.py")
        ]
        for name in (*MODULES, *nodes):
            write(volume / checkout / name, LOUD)
    for name, content in (DATA | SETTINGS).items():
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


def expect_settings(comfyui: ComfyUI) -> None:
    """Raises Fail unless ComfyUI-Manager goes by SETTINGS."""
    status, content = fetch(f"{comfyui.url}/manager/db_mode", token=comfyui.token)
    if (status, content.decode()) != (200, DATABASE):
        raise Fail(f"expected the database to be {DATABASE}, got {content.decode()} (status {status})")
    # Nothing of that name exists; who may not even ask is refused before anybody looks.
    status, _ = fetch(f"{comfyui.url}/snapshot/remove", {"target": "strata-smoke"}, token=comfyui.token)
    if status != 403:
        raise Fail(f"security_level is strong in the volume, but removing something is answered with {status}, not 403")


class OldVolume:
    """A volume that an older image has used, and services on it from `begin` on; none of them outlives the block."""

    def __init__(self, folder: Path, nodes: list[str]) -> None:
        self.folder = folder
        self.services: Services | None = None
        self._nodes = nodes
        self._block = ExitStack()

    def begin(self) -> Services:
        """Starts the services, unless they are."""
        if self.services is None:
            make_old_volume(self.folder, self._nodes)
            # Here and not earlier: its ports are free now.
            services = Services(default_ports=False, llama=False, comfyui=True, volume=self.folder)
            self.services = self._block.enter_context(services)
        return self.services

    def end(self) -> None:
        """Stops the services."""
        self._block.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
