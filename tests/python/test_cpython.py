"""An interpreter of an image's own: what an archive is unpacked to, and what its check refuses."""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest
from pathlib import Path

from stages import PYTHON, REPOSITORY

LAYER = REPOSITORY / "layers/cpython"
# As python-build-standalone writes them, and what uv makes of them: crates/uv-python/src/sysconfig of astral-sh/uv.
BUILT = """build_time_vars = {'AR': '/tools/clang-linux64/bin/llvm-ar',
 'CC': 'clang -pthread',
 'CONFIG_ARGS': "'--prefix=/install' 'CC=/usr/bin/x86_64-linux-gnu-clang'",
 'CXX': 'clang++ -pthread',
 'INCLUDEPY': '/install/include/python3.12',
 'LDSHARED': 'musl-clang -pthread -shared',
 'VERSION_NOTE': 'installed/install_only',
 'prefix': '/install'}
"""
PATCHED = """build_time_vars = {'AR': 'ar',
 'CC': 'cc -pthread',
 'CONFIG_ARGS': "'--prefix=/opt/python' 'CC=cc'",
 'CXX': 'c++ -pthread',
 'INCLUDEPY': '/opt/python/include/python3.12',
 'LDSHARED': 'cc -pthread -shared',
 'VERSION_NOTE': 'installed/install_only',
 'prefix': '/opt/python'}
"""


class UnpackTest(unittest.TestCase):
    """The script, with another root."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.root / "archive").mkdir()

    def unpack(self, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """What becomes of an archive; the steps after it are left out."""
        with tarfile.open(self.root / "archive/cpython.tar.gz", "w:gz") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        script = (LAYER / "unpack.sh").read_text().replace("sh -eu /context/tidy.sh", "true")
        script = script.replace("/out/", f"{self.root}/out/").replace("/archive/", f"{self.root}/archive/")
        return subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=False)

    def test_builds_of_extensions_are_told_of_this_machine(self) -> None:
        path = "python/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py"
        done = self.unpack({"python/bin/python3.12": "", path: BUILT})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.root / "out/opt" / path).read_text(), PATCHED)

    def test_an_archive_of_another_form(self) -> None:
        done = self.unpack({"cpython/bin/python3.12": ""})
        self.assertEqual(done.returncode, 1)
        self.assertIn("no folder python/bin", done.stderr)


class CheckTest(unittest.TestCase):
    """The check, of the Python that runs the tests."""

    def check(self, version: str, python: str) -> str:
        command = [sys.executable, "-IB", LAYER / "check.py", version, python]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    def test_another_version(self) -> None:
        self.assertIn("and not 3.99.1", self.check("3.99.1", "3.99"))

    @unittest.skipIf(sysconfig.get_config_var("Py_GIL_DISABLED"), "this Python has no GIL")
    def test_a_gil_where_none_should_be(self) -> None:
        self.assertIn("not free-threaded", self.check(platform.python_version(), f"{PYTHON}t"))

    def test_a_module_that_is_missing(self) -> None:
        text = (LAYER / "check.py").read_text().replace('"bz2"', '"no_such_module"')
        done = subprocess.run(
            [sys.executable, "-IB", "-", platform.python_version(), PYTHON],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("no_such_module", done.stderr.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
