"""Which GPUs a library has code for, read from the file itself: the image has no cuobjdump.

nvcc puts all GPU code of a library into one section: boxes one after the other, in each of them entries of compiled code
or PTX for one compute capability. NVIDIA describes that nowhere; what is read here has been the same since CUDA 4, and
was compared with what cuobjdump says of torch's and NVIDIA's own libraries.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .elf import opened

# What can be linked on (`__nv_relfatbin`) is nothing that runs.
SECTION = b".nv_fatbin"
BOX = struct.Struct("<IHHQ")  # magic, version, bytes of this header, bytes of all entries
MAGIC = 0xBA55ED50
ENTRY = struct.Struct("<HHIQIIHHI")  # kind, version, bytes of this header, bytes of the code, …, capability
PTX, CODE = 1, 2


@dataclass(frozen=True)
class GpuCode:
    """Code for the capability `number` (89 for 8.9), or PTX, which later ones can use too."""

    number: int
    is_ptx: bool = False

    def __str__(self) -> str:
        return f"{'compute' if self.is_ptx else 'sm'}_{self.number}"


def read_gpu_code(path: Path) -> set[GpuCode]:
    """What the library holds; nothing for one without GPU code. Raises ValueError for a file that is damaged."""
    try:
        with opened(path) as sections:
            found = sections.named(SECTION)
            return {code for begin, end in found for code in read_boxes(sections.content, begin, end)}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_boxes(content: mmap.mmap, begin: int, end: int) -> Iterator[GpuCode]:
    """The entries of a section."""
    at = begin
    while at + BOX.size <= end:
        magic, _, header, length = BOX.unpack_from(content, at)
        if magic != MAGIC:
            # Boxes are aligned, with zeros between them.
            at += 8
            continue
        entry, at = at + header, at + header + length
        while entry + ENTRY.size <= min(at, end):
            kind, _, own, code, _, _, _, _, number = ENTRY.unpack_from(content, entry)
            if kind in (PTX, CODE):
                yield GpuCode(number, kind == PTX)
            entry += own + code


def runs_on(codes: Iterable[GpuCode], capability: str) -> bool:
    """Whether something of `codes` runs on a GPU of `capability`.

    Code runs on later capabilities of the same major number too, PTX on all later ones. Code that is for one
    capability alone (sm_90a) looks like any other here: what it cannot do, a GPU host shows.
    """
    wanted = int(capability.replace(".", ""))
    return any(code.number <= wanted and (code.is_ptx or code.number // 10 == wanted // 10) for code in codes)
