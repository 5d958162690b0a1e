"""GPU code as nvcc leaves it in a library: numbers in place of code, another one for each entry."""

from __future__ import annotations

import struct

KINDS = {"compute": 1, "sm": 2, "other": 64}


def entry(code: str) -> bytes:
    """`sm_89` is code, `compute_90` PTX; `sm_90x3` has three times as much of it."""
    kind, number = code.split("_")
    number, _, times = number.partition("x")
    content = bytes([int(number)]) * 8 * int(times or 1)
    # Header of 64 bytes: kind, version, its size, that of the code, five fields of no interest, capability, the rest.
    header = struct.pack("<HHIQIIHHI", KINDS[kind], 0x101, 64, len(content), 0, 0, 0, 0, int(number))
    return header.ljust(64, b"\0") + content


def box(*codes: str) -> bytes:
    """One box with an entry for each of `codes`."""
    entries = b"".join(map(entry, codes))
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entries)) + entries


def source(*boxes: bytes) -> str:
    """C that puts the boxes into the section, with the space between them that a linker leaves."""
    content = bytes(8).join(boxes)
    return f'__attribute__((section(".nv_fatbin"), used)) const unsigned char code[] = {{{",".join(map(str, content))}}};\n'
