"""The PNG reader on pictures of every filter."""

from __future__ import annotations

import random
import struct
import unittest
import zlib

import support  # noqa: F401 - puts the library on the path

from lib.png import SIGNATURE, predict, read_png

WIDTH, HEIGHT, CHANNELS = 7, 10, 3
NOISE = random.Random(1)
ROWS = [NOISE.randbytes(WIDTH * CHANNELS) for _ in range(HEIGHT)]


def chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encode(depth: int = 8) -> bytes:
    """ROWS, each with the next filter, in two pieces and with a text between."""
    stream = b""
    for number, row in enumerate(ROWS):
        above = ROWS[number - 1] if number else bytes(len(row))
        left, corner = bytes(CHANNELS) + row, bytes(CHANNELS) + above
        kind = number % 5
        stream += bytes(
            [kind, *((row[at] - predict(kind, left[at], above[at], corner[at])) & 0xFF for at in range(len(row)))]
        )
    data = zlib.compress(stream)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 2, 0, 0, 0)
    pieces = (chunk(b"IHDR", header), chunk(b"IDAT", data[:9]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", data[9:]))
    return SIGNATURE + b"".join(pieces) + chunk(b"IEND", b"")


class PngTest(unittest.TestCase):
    """What comes out is what went in."""

    def test_every_filter(self) -> None:
        picture = read_png(encode())
        self.assertEqual((picture.width, picture.height, picture.channels), (WIDTH, HEIGHT, CHANNELS))
        self.assertEqual(picture.rows, ROWS)
        self.assertIn(tuple(ROWS[0][:3]), picture.colours())

    def test_filters_by_the_book(self) -> None:
        # left, above, corner: of the three, the one nearest to left + above - corner.
        self.assertEqual([predict(kind, 10, 20, 12) for kind in range(5)], [0, 10, 20, 15, 20])
        self.assertEqual([predict(4, 10, 20, 25), predict(4, 10, 20, 14), predict(4, 10, 10, 10)], [10, 14, 10])
        self.assertRaises(ValueError, predict, 5, 0, 0, 0)

    def test_what_is_no_png(self) -> None:
        for content in (b"", b"GIF89a", encode()[:50], SIGNATURE, encode(depth=16)):
            self.assertRaises(ValueError, read_png, content)


if __name__ == "__main__":
    unittest.main()
