"""ComfyUI's code where this user may write into it.

Nodes keep settings, keys and caches beside their code: ComfyUI-Login the key of its cookies, without which it is not loaded.
The image's folders belong to its own user. For another one, or where the root file system is read-only, ComfyUI runs from a copy
in the state folder: small files are copied, so that a node finds itself there whichever way it looks for its folder, and large
ones are links to the image. What is written there goes with the container, as with the image's own user.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .nodes import list_nodes

# Bytes up to which a file is copied. Code, settings and pages are smaller; weights, fonts and pictures need not be copied.
LARGEST_COPY = 512 << 10


def is_writable(code: Path) -> bool:
    """Whether nodes can write where the image's own user can: in their folders, and in two of ComfyUI's."""
    nodes = code / "custom_nodes"
    folders = [code / "login", code / "web/extensions", *(nodes / name for name in list_nodes(nodes))]
    return all(os.access(folder, os.W_OK) for folder in folders if folder.is_dir())


def writable_code(code: Path, state: Path) -> Path:
    """`code` itself, or a copy of it in `state` where this user cannot write into it."""
    return code if is_writable(code) else copy_code(code, state / "comfyui")


def copy_code(source: Path, target: Path) -> Path:
    """Copies folders and small files, times included, as compiled Python goes by them; links to large files."""
    for folder, _, files in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for name in files:
            file = os.path.join(folder, name)
            if os.path.islink(file) or os.path.getsize(file) > LARGEST_COPY:
                (there / name).symlink_to(os.path.realpath(file))
            else:
                shutil.copyfile(file, there / name)
                shutil.copystat(file, there / name)
                (there / name).chmod(0o644 | (os.stat(file).st_mode & 0o111))
    return target
