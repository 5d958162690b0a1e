"""The reader of ELF files against binutils' own, on the C library; and which files it takes for what the loader loads."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import unittest
from itertools import chain
from pathlib import Path

from stages import elf

C_LIBRARY = Path("/lib/x86_64-linux-gnu/libc.so.6")
# `  123: 000... 42 FUNC    GLOBAL DEFAULT   15 name@@VERSION`; an empty name is the table's first entry.
SYMBOL = re.compile(r"^\s*\d+: \S+\s+\S+\s+\S+\s+(\S+)\s+(\S+)\s+(\S+) ([^\s@]+)", re.MULTILINE)
# Of verdef's entries the first name, of verneed's all of them but those that may be missing.
DEFINED = re.compile(r"Rev: 1  Flags: .*Name: (\S+)$", re.MULTILINE)
WANTED = re.compile(r"  Name: (\S+)  Flags: none")


def readelf(option: str, file: Path) -> str:
    """What binutils say."""
    command = ["readelf", "--wide", option, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout


@unittest.skipUnless(shutil.which("readelf") and C_LIBRARY.exists(), "needs readelf and Debian's or Ubuntu's libc")
class AgainstReadelfTest(unittest.TestCase):
    """Real libraries, of which some have all that the reader knows."""

    def test_it_reads_what_readelf_reads(self) -> None:
        names = ("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libstdc++.so.6")
        for file in (C_LIBRARY.with_name(name).resolve() for name in names):
            if not file.exists():
                continue
            read, dynamic = elf.read_elf(file), readelf("--dynamic", file)
            self.assertEqual(read.needed, re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
            self.assertEqual([read.soname], re.findall(r"\(SONAME\).*\[(.*)\]", dynamic))
            symbols = SYMBOL.findall(readelf("--dyn-syms", file))
            defined = {
                symbol
                for binding, visibility, section, symbol in symbols
                if section != "UND" and binding != "LOCAL" and visibility in ("DEFAULT", "PROTECTED")
            }
            self.assertEqual({symbol.decode() for symbol in read.defined}, defined)
            wanted = {symbol for binding, _, section, symbol in symbols if section == "UND" and binding == "GLOBAL"}
            self.assertEqual({symbol.decode() for symbol in read.wanted}, wanted)
            versions = readelf("--version-info", file)
            self.assertEqual({version.decode() for version in read.defined_versions}, set(DEFINED.findall(versions)))
            wanted_versions = {version.decode() for names in read.versions.values() for version in names}
            self.assertEqual(wanted_versions, set(WANTED.findall(versions)))
        self.assertGreater(len(elf.read_elf(C_LIBRARY).defined), 1000)

    def test_a_version_that_may_be_missing_is_not_asked_for(self) -> None:
        library = C_LIBRARY.with_name("libm.so.6")
        printed = readelf("--version-info", library)
        (table, first, name) = re.findall(
            r"needs section.*?Offset: (\S+).*?(0x0\w+):\s+Name: (\S+)", printed, re.DOTALL
        )[0]
        content = bytearray(library.read_bytes())
        # vna_flags: VER_FLG_WEAK, after a hash of four bytes.
        content[int(table, 16) + int(first, 16) + 4] = 2
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "weak.so")
            file.write_bytes(content)
            self.assertRegex(readelf("--version-info", file), rf"Name: {re.escape(name)}  Flags: WEAK")
            whole, rest = (list(chain(*elf.read_elf(each).versions.values())) for each in (library, file))
        self.assertEqual([name.encode(), *rest], whole)

    def test_sections_by_name_lie_where_readelf_says(self) -> None:
        with elf.opened(C_LIBRARY) as sections:
            found = {name: list(sections.named(name)) for name in (b".text", b".rodata", b".nothing")}
        listed = readelf("--section-headers", C_LIBRARY)
        for name in (b".text", b".rodata"):
            offset, size = re.findall(rf"\] {re.escape(name.decode())} +\S+ +\S+ (\S+) (\S+)", listed)[0]
            self.assertEqual(found[name], [(int(offset, 16), int(offset, 16) + int(size, 16))])
        self.assertEqual(found[b".nothing"], [])

    def test_what_the_loader_loads(self) -> None:
        whole = C_LIBRARY.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "file.so")
            for content, machine in {
                whole: elf.X86_64,
                # Cut off: it is damaged, and whoever reads it says so.
                whole[:100]: elf.X86_64,
                whole[:40]: elf.X86_64,
                whole[:18] + b"\xb7\x00" + whole[20:]: elf.AARCH64,
                # EM_CUDA, a program's object, 32 bits, and no program header that says "dynamic".
                whole[:18] + b"\xbe\x00" + whole[20:]: None,
                whole[:16] + b"\x01\x00" + whole[18:]: None,
                whole[:4] + b"\x01" + whole[5:]: None,
                whole[:56] + b"\x00\x00" + whole[58:]: None,
                whole[:19]: None,
                b"INPUT(libinner.so)\n" * 9: None,
                b"": None,
            }.items():
                file.write_bytes(content)
                self.assertEqual(elf.machine_of(file), machine, content[:60])
            file.write_bytes(whole[:100])
            self.assertRaisesRegex(ValueError, "damaged: ", elf.read_elf, file)


if __name__ == "__main__":
    unittest.main()
