"""The PNG reader on pictures of every filter."""

from __future__ import annotations

import random
import struct
import unittest
import zlib

import support  # noqa: F401 - puts the library on the path

from lib.png import SIGNATURE, predict, read_png, write_png

WIDTH, HEIGHT, CHANNELS = 7, 10, 3
NOISE = random.Random(1)
ROWS = [NOISE.randbytes(WIDTH * CHANNELS) for _ in range(HEIGHT)]
# Above a row of the last filter: what is left of the first pixel counts as 0 there, which shows with small numbers alone.
ROWS[3] = bytes([1] * CHANNELS) + ROWS[3][CHANNELS:]


def chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encode(depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
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
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
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
        for content in (b"", b"GIF89a", encode()[:50], SIGNATURE):
            self.assertRaises(ValueError, read_png, content)

    def test_pictures_that_comfyui_does_not_write(self) -> None:
        for options in ({"depth": 16}, {"depth": 4}, {"colour": 3}, {"interlaced": 1}):
            with self.assertRaisesRegex(ValueError, "a PNG of .* bits, colour type ., interlaced"):
                read_png(encode(**options))

    def test_bytes_of_a_pixel_by_colour_type(self) -> None:
        for colour, channels in {0: 1, 2: 3, 4: 2, 6: 4}.items():
            header = struct.pack(">IIBBBBB", 2, 1, 8, colour, 0, 0, 0)
            pixels = bytes(range(2 * channels))
            parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + pixels))
            picture = read_png(SIGNATURE + parts)
            self.assertEqual((picture.channels, picture.rows), (channels, [pixels]))
            self.assertEqual(picture.colours(), {tuple(pixels[:channels]), tuple(pixels[channels:])})

    def test_a_picture_that_is_written(self) -> None:
        written = write_png(3, 2, (1, 2, 3))
        picture = read_png(written)
        self.assertEqual((picture.width, picture.height), (3, 2))
        self.assertEqual(picture.rows, [bytes([1, 2, 3] * 3)] * 2)
        # Readers of others look at lengths and sums as well.
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0))
        self.assertTrue(written.startswith(SIGNATURE + header))
        data = written[len(SIGNATURE + header) : -len(chunk(b"IEND", b""))]
        self.assertEqual(data, chunk(b"IDAT", data[8:-4]))
        self.assertTrue(written.endswith(chunk(b"IEND", b"")))


if __name__ == "__main__":
    unittest.main()
