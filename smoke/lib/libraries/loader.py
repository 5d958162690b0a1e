"""Dynamically linked files, and the libraries that the dynamic loader finds for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..process import describe
from .elf import AARCH64, X86_64, machine_of

LOADERS = {X86_64: "/lib64/ld-linux-x86-64.so.2", AARCH64: "/lib/ld-linux-aarch64.so.1"}
NAMES = {X86_64: "x86_64", AARCH64: "aarch64"}
DEADLINE = 30.0


@dataclass(frozen=True)
class Loadable:
    """A dynamically linked executable or library, and the processor that it is for."""

    path: Path
    machine: int


def find_loadable(root: Path) -> Iterator[Loadable]:
    """Every dynamically linked file below `root`, among those that are executable or have `.so` in their name."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or not (".so" in name or os.access(path, os.X_OK)):
                continue
            if machine := machine_of(path):
                yield Loadable(path, machine)


def missing_libraries(file: Loadable, search: str = "") -> list[str]:
    """Names of the libraries that the loader does not find, with `search` as LD_LIBRARY_PATH; what `ldd` does.

    Raises OSError when the loader refuses the file, or there is none for its processor.
    """
    if not Path(LOADERS[file.machine]).exists():
        raise OSError(f"{file.path}: is for {NAMES[file.machine]}")
    environment = {"LD_TRACE_LOADED_OBJECTS": "1", "PATH": os.environ.get("PATH", "")}
    # What the image itself sets counts; what torch or a user would add is what `search` is for.
    if path := ":".join(filter(None, [search, os.environ.get("LD_LIBRARY_PATH", "")])):
        environment["LD_LIBRARY_PATH"] = path
    answer = subprocess.run(
        [LOADERS[file.machine], str(file.path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    missing = sorted({line.split()[0] for line in answer.stdout.splitlines() if line.endswith("not found")})
    if answer.returncode != 0 and not missing:
        raise OSError(f"{file.path}: {answer.stderr.strip() or describe(answer.returncode)}")
    return missing
