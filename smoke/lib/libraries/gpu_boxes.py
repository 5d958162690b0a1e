"""GPU code as nvcc leaves it in a library: boxes one after the other, in each of them entries for one compute capability.

NVIDIA describes that nowhere; what is read here has been the same since CUDA 4, and was compared with what cuobjdump says
of torch's and NVIDIA's own libraries. The smoke test reads it, and the stages that take code for other GPUs out
(layers/shared/trim_gpu_code.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap

# What can be linked on (`__nv_relfatbin`) is nothing that runs.
SECTION = b".nv_fatbin"
BOX = struct.Struct("<IHHQ")  # magic, version, bytes of this header, bytes of all entries
BOX_MAGIC = 0xBA55ED50
ENTRY = struct.Struct("<HHIQIIHHI")  # kind, version, bytes of this header, bytes of the code, …, capability
PTX, CODE = 1, 2
# Boxes and entries begin at multiples of it.
ALIGNMENT = 8


@dataclass(frozen=True)
class Entry:
    """Code (or PTX) for the capability `number`, 89 for 8.9; of `kind` others may come. Header and code are `size` bytes."""

    begin: int
    size: int
    kind: int
    number: int


@dataclass(frozen=True)
class Box:
    """The header begins at `begin`, the entries at `first`, and what is the box's ends at `end`."""

    begin: int
    first: int
    end: int
    entries: tuple[Entry, ...] = field(default=())


def read_boxes(content: mmap, begin: int, end: int) -> Iterator[Box]:
    """The boxes of a section; between them are zeros. Raises ValueError for one that is damaged."""
    magic = BOX_MAGIC.to_bytes(4, "little")
    at = begin
    while (at := content.find(magic, at, end)) >= 0:
        if (at - begin) % ALIGNMENT:
            at += 1
            continue
        if at + BOX.size > end:
            raise ValueError(f"the box at {at} ends with the section")
        _, _, header, length = BOX.unpack_from(content, at)
        box = Box(at, at + header, at + header + length)
        if header < BOX.size or box.end > end:
            raise ValueError(f"the box at {at} is larger than its section")
        yield Box(box.begin, box.first, box.end, tuple(read_entries(content, box)))
        at = box.end


def read_entries(content: mmap, box: Box) -> Iterator[Entry]:
    """The entries of a box, which fill it."""
    at = box.first
    while at < box.end:
        if at + ENTRY.size > box.end:
            raise ValueError(f"the entry at {at} is cut off")
        kind, _, header, code, _, _, _, _, number = ENTRY.unpack_from(content, at)
        entry = Entry(at, header + code, kind, number)
        if header < ENTRY.size or at + entry.size > box.end:
            raise ValueError(f"the entry at {at} is larger than its box")
        yield entry
        at += entry.size
