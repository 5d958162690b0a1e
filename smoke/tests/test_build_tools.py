"""Check 55: a package is really compiled, and what is missing is told."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import load

from lib.result import Fail

tools = load("55")
HEADERS = Path(sysconfig.get_path("include"), "Python.h").exists()
READY = HEADERS and importlib.util.find_spec("pip") and all(map(shutil.which, ("cmake", "ninja", "cc", "c++")))
FORTRAN = shutil.which("gfortran") and any(Path("/usr/lib").rglob("libblas.so*"))
# The same without what a machine of tests need not have.
LESS = {
    "CMakeLists.txt": tools.CMAKE.replace(" Fortran", "")
    .replace("find_package(BLAS REQUIRED)\n", "")
    .replace("twice.f90", "less.c"),
    "less.c": "double ddot_(int *n, double *x, int *i, double *y, int *j) { return 32; }\nvoid twice_(double *x) { *x *= 2; }\n",
}


@unittest.skipUnless(READY, "no CMake, Ninja, compiler, Python headers or pip")
class Compiled(unittest.TestCase):
    """With the real pip and compilers."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        if not FORTRAN:
            self.enterContext(mock.patch.object(tools, "FILES", tools.FILES | LESS))

    def test_from_source_to_a_number(self) -> None:
        tools.install(tools.write_source(self.folder), self.folder / "installed")
        self.assertIn("CMake", tools.judge(tools.compute(self.folder / "installed")))

    def test_a_wrong_program_is_told_with_what_the_compiler_said(self) -> None:
        broken = tools.FILES | {"module.c": "#include <no_such_header.h>\n"}
        with mock.patch.object(tools, "FILES", broken), self.assertRaises(Fail) as raised:
            tools.install(tools.write_source(self.folder), self.folder / "installed")
        self.assertIn("no_such_header.h", raised.exception.output or "")

    def test_a_tool_that_is_not_there(self) -> None:
        programs = self.folder / "programs"
        programs.mkdir()
        for name in ("cc", "c++", "ninja"):
            (programs / name).symlink_to(shutil.which(name) or "")
        with mock.patch.dict(os.environ, {"PATH": str(programs)}), self.assertRaisesRegex(Fail, "cannot build it"):
            tools.install(tools.write_source(self.folder), self.folder / "installed")


class Verdicts(unittest.TestCase):
    """What is said of numbers and of what does not load."""

    def test_another_number(self) -> None:
        with self.assertRaisesRegex(Fail, "63"):
            tools.judge(63.0)

    def test_what_does_not_load(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(Fail, "does not load"):
            tools.compute(Path(folder))


if __name__ == "__main__":
    unittest.main()
