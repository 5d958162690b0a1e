"""GPU code that a stack never runs, on libraries made for it: what stays, where it lies, and that nothing else changes."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from collections.abc import Iterable
from mmap import mmap
from pathlib import Path
from typing import Any

from stages import PYTHON, elf, gpu_boxes, load, load_from

fake = load_from("smoke/tests/fake_gpu_code.py")
trim = load("trim_gpu_code")
MIT = {"licence": "MIT", "stated": "MIT License", "libraries": ["cards/*.so"]}


def region(content: bytes) -> mmap:
    """Memory that holds it."""
    memory = mmap(-1, len(content))
    memory[:] = content
    return memory


def names(memory: mmap) -> list[list[str]]:
    """`sm_89` for each entry of each box."""
    kinds = {number: kind for kind, number in fake.KINDS.items()}
    boxes = gpu_boxes.read_boxes(memory, 0, len(memory))
    return [[f"{kinds[entry.kind]}_{entry.number}" for entry in box.entries] for box in boxes]


class KeptTest(unittest.TestCase):
    """Which entries of a box stay."""

    def kept(self, capabilities: Iterable[str], *codes: str) -> list[str]:
        memory = region(fake.box(*codes))
        (box,) = gpu_boxes.read_boxes(memory, 0, len(memory))
        trim.trim_box(memory, box, capabilities)
        return names(memory)[0]

    def test_the_newest_code_of_the_same_major_number(self) -> None:
        torch = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
        for capability, code in {"8.9": "sm_86", "8.0": "sm_80", "9.0": "sm_90", "12.0": "sm_120"}.items():
            self.assertEqual(self.kept([capability], *torch), [code])
        self.assertEqual(self.kept(["8.9"], *torch, "sm_89"), ["sm_89"])

    def test_every_capability_of_a_stack_has_its_own(self) -> None:
        self.assertEqual(self.kept(["8.0", "8.6"], "sm_86", "sm_75", "sm_80", "sm_89"), ["sm_86", "sm_80"])
        self.assertEqual(self.kept(["7.5", "9.0"], "sm_90", "sm_80", "sm_75"), ["sm_90", "sm_75"])

    def test_variants_for_one_capability_alone_stay_beside_their_own(self) -> None:
        # cuobjdump lists 90 and 90a in such a box; both have the number 90.
        self.assertEqual(self.kept(["9.0"], "sm_80", "sm_90", "sm_90x2"), ["sm_90", "sm_90"])

    def test_ptx_where_there_is_no_code(self) -> None:
        self.assertEqual(
            self.kept(["9.0"], "sm_80", "compute_80", "compute_90", "compute_120"), ["compute_80", "compute_90"]
        )
        self.assertEqual(self.kept(["8.9"], "sm_80", "compute_80"), ["sm_80"])

    def test_a_box_of_which_nothing_runs_keeps_its_smallest_entry(self) -> None:
        self.assertEqual(self.kept(["7.5"], "sm_80x3", "sm_90", "sm_100x2"), ["sm_90"])

    def test_kinds_that_nobody_knows_stay(self) -> None:
        self.assertEqual(self.kept(["8.9"], "other_75", "sm_86", "sm_90"), ["other_75", "sm_86"])

    def test_without_a_card_everything_goes(self) -> None:
        self.assertEqual(self.kept([], "sm_80", "compute_90", "other_75"), [])


class RegionTest(unittest.TestCase):
    """Boxes as a linker lays them one after the other."""

    def test_entries_move_to_the_front_and_zeros_follow(self) -> None:
        first, second = fake.box("sm_75x4", "sm_86x2", "sm_90x5"), fake.box("sm_80x3")
        memory = region(first + bytes(8) + second)
        for box in list(gpu_boxes.read_boxes(memory, 0, len(memory))):
            trim.trim_box(memory, box, ["8.9"])
        entry = fake.entry("sm_86x2")
        header = struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entry))
        self.assertEqual(memory[: len(first)], (header + entry).ljust(len(first), b"\0"))
        self.assertEqual(memory[len(first) :], bytes(8) + second)

    def test_entries_that_overlap_their_new_place(self) -> None:
        box = fake.box("sm_75", "sm_86x40")
        memory = region(box)
        trim.trim_box(memory, next(gpu_boxes.read_boxes(memory, 0, len(memory))), ["8.6"])
        self.assertEqual(memory[16 : 16 + 64 + 320], fake.entry("sm_86x40"))

    def test_boxes_begin_at_multiples_of_eight(self) -> None:
        box = fake.box("sm_86")
        # The same four bytes between two boxes are no box.
        memory = region(box + bytes(4) + box[:4] + box)
        self.assertEqual(names(memory), [["sm_86"], ["sm_86"]])

    def test_what_is_damaged(self) -> None:
        box = bytearray(fake.box("sm_75", "sm_86"))
        for at, value, problem in [
            (8, 10_000, "the box at 0 is larger than its section"),
            (16 + 8, 10_000, "the entry at 16 is larger than its box"),
            (16 + 8, 8 + 64, "the entry at 152 is cut off"),
        ]:
            damaged = bytearray(box)
            struct.pack_into("<Q", damaged, at, value)
            with self.assertRaisesRegex(ValueError, problem):
                list(gpu_boxes.read_boxes(region(bytes(damaged)), 0, len(damaged)))


@unittest.skipUnless(shutil.which("gcc"), "needs gcc")
class LibraryTest(unittest.TestCase):
    """Files, and the packages that brought them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.site = Path(folder.name)

    def library(self, path: str = "cards/a.so", *boxes: bytes) -> Path:
        """A library that loads and has GPU code."""
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = fake.source(*(boxes or (fake.box("sm_75x90", "sm_86"), fake.box("sm_86", "sm_120x30"))))
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(file)]
        subprocess.run(command, input=f"{text}int answer(void) {{ return 42; }}\n", text=True, check=True)
        return file

    def section(self, file: Path) -> tuple[int, int]:
        """Where the GPU code is."""
        with elf.opened(file) as sections:
            (found,) = sections.named(b".nv_fatbin")
            return tuple(found)

    def install(self, licence: str = "Classifier: License :: OSI Approved :: MIT License") -> Path:
        """A package `cards` with two libraries, of which one has no GPU code."""
        self.library()
        plain = self.site / "cards/plain.so"
        subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-o", str(plain)], check=True)
        info = self.site / "cards-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Name: cards\nVersion: 1.0\n{licence}\n\nLicense: none of this text\n")
        (self.site / "cards/x, y.py").touch()
        rows = [["cards/a.so", "sha256=old", "1"], ["cards/plain.so", "sha256=same", "2"], ["cards/x, y.py", "", ""]]
        with (info / "RECORD").open("w", newline="") as record:
            csv.writer(record, lineterminator="\n").writerows([*rows, ["cards-1.0.dist-info/RECORD", "", ""]])
        return info

    def trim(self, package: dict[str, Any] = MIT, name: str = "cards") -> str:
        """What the program prints for a stack for 8.9."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            trim.main(self.site, self.order(package, name))
        return printed.getvalue()

    def order(self, package: dict[str, Any], name: str = "cards") -> Path:
        """The order of a stack for 8.9."""
        file = self.site / "trim.json"
        file.write_text(json.dumps({"capabilities": ["8.9"], "packages": {name: package}}))
        return file

    def test_nothing_outside_the_section_changes_and_it_loads(self) -> None:
        file = self.library()
        before, (begin, end) = file.read_bytes(), self.section(file)
        self.assertEqual(trim.trim_library(file, ["8.9"]), (64 + 720) + (64 + 240))
        after = file.read_bytes()
        self.assertEqual((after[:begin], after[end:]), (before[:begin], before[end:]))
        self.assertEqual(self.section(file), (begin, end))
        self.assertEqual(names(region(after[begin:end])), [["sm_86"], ["sm_86"]])
        program = f"import ctypes; print(ctypes.CDLL({str(file)!r}).answer())"
        self.assertEqual(subprocess.run(["python3", "-c", program], capture_output=True, check=True).stdout, b"42\n")

    def test_again_changes_nothing(self) -> None:
        file = self.library()
        trim.trim_library(file, ["8.9"])
        once = file.read_bytes()
        self.assertEqual(trim.trim_library(file, ["8.9"]), 0)
        self.assertEqual(file.read_bytes(), once)

    def test_a_damaged_library_stays_as_it_is(self) -> None:
        broken = bytearray(fake.box("sm_75", "sm_86"))
        struct.pack_into("<Q", broken, 24, 10_000)
        file = self.library("cards/a.so", fake.box("sm_75", "sm_86"), bytes(broken))
        before = file.read_bytes()
        with self.assertRaisesRegex(ValueError, "a.so is damaged: the entry at"):
            trim.trim_library(file, ["8.9"])
        self.assertEqual(file.read_bytes(), before)

    def test_a_library_with_a_second_name(self) -> None:
        file = self.library()
        os.link(file, self.site / "other.so")
        self.assertRaisesRegex(ValueError, "has other names", trim.trim_library, file, ["8.9"])

    def test_record_and_notice_say_what_was_done(self) -> None:
        info = self.install()
        published = trim.digest_of(self.site / "cards/a.so")
        self.assertEqual(self.trim(), "cards-1.0.dist-info: 0.0 MB of GPU code in 1 libraries made zeros\n")
        with (info / "RECORD").open(newline="") as record:
            rows = {row[0]: row[1:] for row in csv.reader(record)}
        digest = hashlib.sha256((self.site / "cards/a.so").read_bytes()).digest()
        expected = f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        self.assertNotEqual(published, expected)
        self.assertEqual(rows["cards/a.so"], [expected, "1"])
        self.assertEqual(rows["cards/plain.so"], ["sha256=same", "2"])
        self.assertEqual(rows["cards/x, y.py"], ["", ""])
        notice = info / "strata-trimmed.json"
        self.assertEqual(rows[f"{info.name}/{notice.name}"], [trim.digest_of(notice), str(notice.stat().st_size)])
        said = json.loads(notice.read_text())
        self.assertEqual((said["licence"], said["capabilities"]), ("MIT", ["8.9"]))
        self.assertEqual(said["files"], {"cards/a.so": {"published": published, "zeros": 1088}})

    def test_a_licence_that_is_not_the_known_one(self) -> None:
        for licence in (
            "License: Proprietary",
            "License-Expression: LicenseRef-NVIDIA-Proprietary",
            "Summary: MIT License",
            "Classifier: Topic :: MIT License",
        ):
            self.install(licence)
            before = (self.site / "cards/a.so").read_bytes()
            with self.assertRaisesRegex(ValueError, "says of its licence .*, not MIT License"):
                self.trim()
            self.assertEqual((self.site / "cards/a.so").read_bytes(), before)
        for licence in ("License: MIT License", "License-Expression: MIT License"):
            self.install(licence)
            self.trim()

    def test_a_table_that_does_not_fit_the_wheel(self) -> None:
        self.install()
        with self.assertRaisesRegex(ValueError, "nothing to trim in cards/plain.so, other/"):
            self.trim({**MIT, "libraries": ["cards/plain.so", "other/*"]})
        with self.assertRaisesRegex(ValueError, "torch is installed 0 times"):
            self.trim(name="torch")


@unittest.skipUnless(PYTHON >= "3.11", "needs Python 3.11")
class SecondOpinionTest(unittest.TestCase):
    """torchaudio's own libraries, and what NVIDIA's cuobjdump says of them; 2 MB from the package index."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        wheels = Path(__file__).with_name("gpu-wheels.txt")
        platforms = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64", "--python-version=3.11"]
        command = ["python3", "-m", "pip", "--quiet", "install", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        asked = [*command, *platforms, "--target", str(self.folder), "--requirement", str(wheels)]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.returncode:
            self.skipTest(f"the package index cannot be asked: {answer.stderr.strip().splitlines()[-1]}")
        self.cuobjdump = self.folder / "nvidia/cu13/bin/cuobjdump"
        self.cuobjdump.chmod(0o755)

    def test_cuobjdump_lists_the_kept_code_alone(self) -> None:
        gpu_code = load("gpu_code")
        libraries = sorted((self.folder / "torchaudio/lib").glob("*.so"))
        found = [gpu_code.list_code(str(self.cuobjdump), library) for library in libraries]
        every = {"75", "80", "86", "90", "100", "120"}
        self.assertEqual([each for each in found if any(each)], [(every, {"120"})] * 2)
        order = {"licence": "BSD-2-Clause", "stated": "BSD License", "libraries": ["torchaudio/lib/*.so"]}
        (info,) = self.folder.glob("torchaudio-*.dist-info")
        trim.trim_package(self.folder, info, order, ["8.9"])
        found = [gpu_code.list_code(str(self.cuobjdump), library) for library in libraries]
        self.assertEqual([each for each in found if any(each)], [({"86"}, set())] * 2)


if __name__ == "__main__":
    unittest.main()
