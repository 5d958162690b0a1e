"""Reads a PNG, with the standard library alone: 8 bits a channel, not interlaced, as ComfyUI writes them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type: grey, RGB, grey and alpha, RGB and alpha


@dataclass(frozen=True)
class Picture:
    """`rows` are bytes, `channels` for each pixel."""

    width: int
    height: int
    channels: int
    rows: list[bytes]

    def colours(self) -> set[tuple[int, ...]]:
        """Every colour in it."""
        step = self.channels
        return {tuple(row[at : at + step]) for row in self.rows for at in range(0, len(row), step)}


def read_png(content: bytes) -> Picture:
    """The picture; raises ValueError for anything else."""
    if not content.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    header, data, at = b"", b"", len(SIGNATURE)
    try:
        while at < len(content):
            length, kind = struct.unpack_from(">I4s", content, at)
            chunk = content[at + 8 : at + 8 + length]
            header = chunk if kind == b"IHDR" else header
            data += chunk if kind == b"IDAT" else b""
            at += length + 12
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        stream = zlib.decompress(data)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"a damaged PNG: {error}") from error
    if depth != 8 or colour not in CHANNELS or interlaced:
        raise ValueError(f"a PNG of {depth} bits, colour type {colour}, interlaced {interlaced}")
    return Picture(
        width, height, CHANNELS[colour], unfilter(stream, width * CHANNELS[colour], height, CHANNELS[colour])
    )


def unfilter(stream: bytes, size: int, height: int, channels: int) -> list[bytes]:
    """Undoes the filter of each row: https://www.w3.org/TR/png/#9Filters"""
    if len(stream) != (size + 1) * height:
        raise ValueError(f"a damaged PNG: {len(stream)} bytes for {height} rows of {size}")
    rows: list[bytes] = []
    above = bytes(size)
    for start in range(0, len(stream), size + 1):
        kind, row = stream[start], bytearray(stream[start + 1 : start + 1 + size])
        for at in range(size):
            left, corner = (row[at - channels], above[at - channels]) if at >= channels else (0, 0)
            row[at] = (row[at] + predict(kind, left, above[at], corner)) & 0xFF
        above = bytes(row)
        rows.append(above)
    return rows


def predict(kind: int, left: int, up: int, corner: int) -> int:
    """What a filter takes off a byte."""
    match kind:
        case 0:
            return 0
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) // 2
        case 4:
            return min((left, up, corner), key=lambda near: abs(left + up - corner - near))
        case _:
            raise ValueError(f"a damaged PNG: filter {kind}")


def write_png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(colour) * width) * height)
    return SIGNATURE + b"".join(chunk(*part) for part in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of the file: length, kind, content and the sum over both."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
