"""GPU code as nvcc leaves it in a library: empty, but for the GPUs that it says."""

from __future__ import annotations

import struct

CODE_SIZE = 24


def box(*codes: str) -> bytes:
    """One box with an entry for each of `codes`: `sm_89` is code, `compute_90` PTX."""
    entries = b""
    for code in codes:
        kind, number = code.split("_")
        # Header of 64 bytes: kind, version, its size, that of the code, five fields of no interest, capability, the rest.
        header = struct.pack("<HHIQIIHHI", 1 if kind == "compute" else 2, 0x101, 64, CODE_SIZE, 0, 0, 0, 0, int(number))
        entries += header.ljust(64, b"\0") + bytes(CODE_SIZE)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entries)) + entries


def source(*boxes: bytes) -> str:
    """C that puts the boxes into the section, with the space between them that a linker leaves."""
    content = bytes(8).join(boxes)
    return f'__attribute__((section(".nv_fatbin"), used)) const unsigned char code[] = {{{",".join(map(str, content))}}};\n'
