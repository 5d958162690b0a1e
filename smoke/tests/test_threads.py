"""Check 32: an extension that switches the GIL on is named, and a Python with a GIL is told from one without."""

from __future__ import annotations

import sys
import tempfile
import unittest
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from unittest import mock

from support import load

from lib.result import Fail

threads = load("32")
FREE = {"free": True, "start": False, "culprit": None}


class Names(unittest.TestCase):
    """Which files of a distribution are modules."""

    def test_extensions_of_this_python_alone(self) -> None:
        suffix = EXTENSION_SUFFIXES[0]
        self.assertEqual(threads.module_name(f"torch/_C{suffix}"), "torch._C")
        for path in ("torch/lib/libtorch.so", f"a-b/_C{suffix}", f"../bin/x{suffix}", "torch/_C.cpython-39-aarch64.so"):
            self.assertIsNone(threads.module_name(path), path)

    def test_by_the_distributions_own_records(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "fast-1.0.dist-info")
            place.mkdir()
            (place / "METADATA").write_text("Metadata-Version: 2.1\nName: fast\nVersion: 1.0\n")
            (place / "RECORD").write_text(f"fast/_core{EXTENSION_SUFFIXES[0]},,\nfast/__init__.py,,\n")
            found = threads.extensions(metadata.distributions(path=[folder]))
        self.assertEqual(found, {"fast": ["fast._core"]})


class Verdicts(unittest.TestCase):
    """What is said of what a process saw."""

    def test_a_python_with_a_gil(self) -> None:
        seen = threads.probe(["json", "no_such_module"])
        free = not getattr(sys, "_is_gil_enabled", lambda: True)()
        self.assertEqual((seen["start"], seen["culprit"]), (not free, None))
        if not free:
            with self.assertRaises(Fail):
                threads.require_free(seen)

    def test_each_way_to_have_one(self) -> None:
        threads.require_free(FREE)
        for wrong in ({"free": False}, {"start": True}, {"culprit": "torch"}):
            with self.assertRaises(Fail):
                threads.require_free(FREE | wrong)

    def test_every_guilty_distribution_is_named(self) -> None:
        def probe(modules: list[str]) -> dict[str, object]:
            return FREE | {"culprit": modules[0] if modules[0].startswith("bad") else None}

        with mock.patch.object(threads, "probe", probe):
            self.assertEqual(threads.judge_extensions({"a": ["a.x", "a.y"]}), "2 extensions of 1 packages")
            with self.assertRaisesRegex(Fail, r"after importing b \(bad\.b\), c \(bad\.c\)"):
                threads.judge_extensions({"a": ["a.x"], "b": ["bad.b"], "c": ["bad.c"]})

    def test_the_module_after_which_it_is_on(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            # A module that does to this process what such an extension does to one without a GIL.
            Path(folder, "guilty.py").write_text("import sys\nsys._is_gil_enabled.on = True\n")
            start = "import sys\ndef on():\n    return on.on\non.on = False\nsys._is_gil_enabled = on\n"
            source = start + threads.PROBE
            with mock.patch.object(threads, "PROBE", source), mock.patch.dict("os.environ", {"PYTHONPATH": folder}):
                seen = threads.probe(["json", "guilty", "this"])
        self.assertEqual((seen["start"], seen["culprit"]), (False, "guilty"))

    def test_a_process_that_dies(self) -> None:
        with mock.patch.object(threads, "PROBE", "import os; os._exit(9)"), self.assertRaises(Fail):
            threads.probe(["torch"])


if __name__ == "__main__":
    unittest.main()
