"""ELF files and the libraries that the dynamic loader finds for them."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .process import describe

MAGIC = b"\x7fELF"
# e_machine of the programs this loader can load; a GPU's own code (EM_CUDA) is ELF too.
MACHINES = {62: "x86_64", 183: "aarch64"}
LOADERS = {62: "/lib64/ld-linux-x86-64.so.2", 183: "/lib/ld-linux-aarch64.so.1"}
ET_EXEC, ET_DYN = 2, 3
PT_DYNAMIC = 2
DEADLINE = 30.0


@dataclass(frozen=True)
class Elf:
    """A dynamically linked executable or library."""

    path: Path
    machine: int


def read_elf(path: Path) -> Elf | None:
    """The file if the loader has anything to do with it: not for other files, static programs and objects."""
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:4] != MAGIC or head[4] != 2:
            return None
        kind, machine = struct.unpack_from("<HH", head, 16)
        if kind not in (ET_EXEC, ET_DYN) or machine not in MACHINES:
            return None
        (offset,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        segments = file.read(size * count)
    if all(struct.unpack_from("<I", segments, at)[0] != PT_DYNAMIC for at in range(0, size * count, size)):
        return None
    return Elf(path, machine)


def find_elfs(root: Path) -> Iterator[Elf]:
    """Every dynamically linked file below `root`, among those that are executable or have `.so` in their name."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or not (".so" in name or os.access(path, os.X_OK)):
                continue
            elf = read_elf(path)
            if elf:
                yield elf


def missing_libraries(elf: Elf, search: str = "") -> list[str]:
    """Names of the libraries that the loader does not find, with `search` as LD_LIBRARY_PATH; what `ldd` does.

    Raises OSError when the loader refuses the file, or there is none for its processor.
    """
    if not Path(LOADERS[elf.machine]).exists():
        raise OSError(f"{elf.path}: is for {MACHINES[elf.machine]}")
    environment = {"LD_TRACE_LOADED_OBJECTS": "1", "PATH": os.environ.get("PATH", "")}
    # What the image itself sets counts; what torch or a user would add is what `search` is for.
    if path := ":".join(filter(None, [search, os.environ.get("LD_LIBRARY_PATH", "")])):
        environment["LD_LIBRARY_PATH"] = path
    answer = subprocess.run(
        [LOADERS[elf.machine], str(elf.path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    missing = sorted({line.split()[0] for line in answer.stdout.splitlines() if line.endswith("not found")})
    if answer.returncode != 0 and not missing:
        raise OSError(f"{elf.path}: {answer.stderr.strip() or describe(answer.returncode)}")
    return missing
