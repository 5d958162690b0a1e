"""The stage of TensorRT on libraries that gcc makes here: the real ones are gigabytes, and a stub has to be refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from stages import REPOSITORY

REAL = """
int getInferLibVersion(void) {{ return {number}; }}
void *createInferBuilder_INTERNAL(void *log, int version) {{ return 0; }}
void *createInferRuntime_INTERNAL(void *log, int version) {{ return 0; }}
"""
SCRIPT = REPOSITORY / "layers/tensorrt/verify.py"


@unittest.skipUnless(shutil.which("gcc"), "gcc is not here")
class TensorRtTest(unittest.TestCase):
    """verify.py looks below /out, which a test cannot have: a copy looks elsewhere."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        self.script = self.out / "verify.py"
        text = SCRIPT.read_text(encoding="utf-8")
        self.assertEqual(text.count('Path("/out")'), 1)
        self.script.write_text(text.replace('Path("/out")', f'Path("{self.out}/lib")'), encoding="utf-8")
        (self.out / "lib").mkdir()

    def verify(self, version: str = "11.4.0.106") -> subprocess.CompletedProcess[str]:
        """As the build runs it."""
        environment = os.environ | {"VERSION": version}
        words = [sys.executable, str(self.script)]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    def compile(self, source: str) -> None:
        """A libnvinfer of this source."""
        target = self.out / "lib/libnvinfer.so.11"
        subprocess.run(["gcc", "-shared", "-o", target, "-x", "c", "-"], input=source, text=True, check=True)

    def test_libraries_of_the_version_pass(self) -> None:
        self.compile(REAL.format(number=110400))
        done = self.verify()
        self.assertEqual((done.returncode, done.stdout), (0, "libnvinfer.so.11 11.4.0.106\n"))

    def test_a_stub_without_the_library_is_refused(self) -> None:
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("they are stubs", done.stderr)

    def test_a_library_without_a_builder_is_refused(self) -> None:
        self.compile("int getInferLibVersion(void) { return 110400; }")
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no createInferBuilder_INTERNAL and no createInferRuntime_INTERNAL", done.stderr)

    def test_a_library_of_another_version_is_refused(self) -> None:
        self.compile(REAL.format(number=101400))
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("says that it is 101400, the wheels are 11.4.0.106", done.stderr)

    def test_what_does_not_load_is_refused(self) -> None:
        (self.out / "lib/libnvinfer.so.11").write_text("#!/bin/sh\n")
        self.assertNotEqual(self.verify().returncode, 0)


if __name__ == "__main__":
    unittest.main()
