"""What the dynamic loader reads of an ELF file, and nothing else of it: some are larger than a gigabyte.

The smoke test and the stage `verify` share it; ADR 0016 has why it is no library.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"\x7fELF"
X86_64, AARCH64 = 62, 183
ET_EXEC, ET_DYN = 2, 3
PT_DYNAMIC = 2
SHT_DYNAMIC, SHT_DYNSYM, SHT_VERDEF, SHT_VERNEED = 6, 11, 0x6FFFFFFD, 0x6FFFFFFE
DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 14, 15, 29
GLOBAL, WEAK, UNIQUE = 1, 2, 10
VISIBLE = (0, 3)


@dataclass
class Elf:
    """Names as the file has them. `wanted` are the symbols and `versions` the versions that others must have."""

    needed: list[str] = field(default_factory=list)
    soname: str | None = None
    rpath: list[str] = field(default_factory=list)
    runpath: list[str] = field(default_factory=list)
    defined: frozenset[bytes] = frozenset()
    wanted: frozenset[bytes] = frozenset()
    defined_versions: frozenset[bytes] = frozenset()
    versions: dict[str, list[bytes]] = field(default_factory=dict)


class Sections:
    """The section headers of a file. Raises struct.error or IndexError for one that is damaged."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content = content
        (offset,) = struct.unpack_from("<Q", content, 40)
        size, count, self._names = struct.unpack_from("<HHH", content, 58)
        self._headers = [struct.unpack_from("<IIQQQQIIQQ", content, offset + size * number) for number in range(count)]

    def find(self, kind: int) -> tuple[bytes, bytes, int]:
        """Content, strings and `info` of the first section of this kind; empty where there is none."""
        for header in self._headers:
            if header[1] == kind:
                return self._bytes(header), self._bytes(self._headers[header[6]]), header[7]
        return b"", b"", 0

    def named(self, name: bytes) -> Iterator[tuple[int, int]]:
        """Where the sections of this name begin and end."""
        for header in self._headers:
            start = self._headers[self._names][4] + header[0]
            if self.content[start : self.content.find(b"\0", start)] == name:
                yield header[4], header[4] + header[5]

    def _bytes(self, header: tuple[int, ...]) -> bytes:
        return self.content[header[4] : header[4] + header[5]]


def machine_of(path: Path) -> int | None:
    """The processor that a dynamically linked program or library is for.

    None where the loader has nothing to do with the file: static programs, objects, a GPU's own code, all other files.
    One that was cut off is no such file: whoever reads it says that it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 20 or head[:5] != MAGIC + b"\x02":
            return None
        kind, machine = struct.unpack_from("<HH", head, 16)
        if kind not in (ET_EXEC, ET_DYN) or machine not in (X86_64, AARCH64):
            return None
        if len(head) < 64:
            return int(machine)
        (offset,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        segments = file.read(size * count)
    kinds = {segments[size * number : size * number + 4] for number in range(count)}
    is_cut = len(segments) < size * count
    return int(machine) if is_cut or struct.pack("<I", PT_DYNAMIC) in kinds else None


@contextmanager
def opened(path: Path) -> Iterator[Sections]:
    """The file's sections while it is read; raises ValueError for one that is damaged."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            yield Sections(content)
        except (struct.error, IndexError, ValueError) as error:
            raise ValueError(f"damaged: {error}") from error


def read_elf(path: Path) -> Elf:
    """Raises ValueError for a file that is damaged."""
    with opened(path) as sections:
        return parse(sections)


def parse(sections: Sections) -> Elf:
    """Everything of `Elf`."""
    elf = Elf()
    dynamic, strings, _ = sections.find(SHT_DYNAMIC)
    for tag, value in struct.iter_unpack("<QQ", dynamic):
        if tag == DT_NEEDED:
            elf.needed.append(text(strings, value).decode())
        elif tag == DT_SONAME:
            elf.soname = text(strings, value).decode()
        elif tag in (DT_RPATH, DT_RUNPATH):
            folders = [folder for folder in text(strings, value).decode().split(":") if folder]
            (elf.rpath if tag == DT_RPATH else elf.runpath).extend(folders)
        elif tag == 0:
            break
    elf.defined, elf.wanted = parse_symbols(*sections.find(SHT_DYNSYM)[:2])
    elf.defined_versions = frozenset(parse_verdef(*sections.find(SHT_VERDEF)))
    elf.versions = dict(parse_verneed(*sections.find(SHT_VERNEED)))
    return elf


def text(strings: bytes, at: int) -> bytes:
    """The string that begins there."""
    return strings[at : strings.index(b"\0", at)]


def parse_symbols(table: bytes, strings: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Symbols for others, and symbols that others must have."""
    defined, wanted = set(), set()
    for name, info, other, section, _, _ in struct.iter_unpack("<IBBHQQ", table):
        binding = info >> 4
        if section and binding in (GLOBAL, WEAK, UNIQUE) and other & 3 in VISIBLE:
            defined.add(text(strings, name))
        elif not section and binding == GLOBAL:
            wanted.add(text(strings, name))
    return frozenset(defined), frozenset(wanted)


def parse_verdef(table: bytes, strings: bytes, count: int) -> Iterator[bytes]:
    """The versions that a library has."""
    at = 0
    for _ in range(count):
        auxiliary, following = struct.unpack_from("<II", table, at + 12)
        (name,) = struct.unpack_from("<I", table, at + auxiliary)
        yield text(strings, name)
        at += following


def parse_verneed(table: bytes, strings: bytes, count: int) -> Iterator[tuple[str, list[bytes]]]:
    """The versions that it wants, by library."""
    at = 0
    for _ in range(count):
        entries, file, auxiliary, following = struct.unpack_from("<HIII", table, at + 2)
        names, inner = [], at + auxiliary
        for _ in range(entries):
            flags, name, step = struct.unpack_from("<HxxII", table, inner + 4)
            if not flags & WEAK:
                names.append(text(strings, name))
            inner += step
        yield text(strings, file).decode(), names
        at += following
