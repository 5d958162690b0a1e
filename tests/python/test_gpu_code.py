"""GPU code in compiled libraries, with what cuobjdump 13.2 says of libraries made for it."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
import zipfile
from pathlib import Path

from stages import load

gpu_code = load("gpu_code")
REAL = "\n".join(
    f"ELF file    {number}: libggml-cuda.{number}.sm_{name}.cubin" for number, name in enumerate((89, "120a"), 1)
)
PTX = f"{REAL}\nPTX file    1: libggml-cuda.1.sm_120.ptx"
# Where one kind is missing it says so on stderr and ends with 0, where both are with 255.
SAYS = {
    "real.so": (REAL, "cuobjdump info    : No PTX file found to extract from 'real.so'.", 0),
    "ptx.so": (PTX, "", 0),
    "plain.so": ("", "cuobjdump info    : File 'plain.so' does not contain device code", 255),
    "torn.so": ("", "cuobjdump fatal   : 'torn.so' is not in 'Elf' format", 255),
}


class GpuCodeTest(unittest.TestCase):
    """The script, with a cuobjdump that says what it is told."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cuobjdump = self.folder / "cuobjdump"
        script = ["#!/bin/sh", 'case "$3" in']
        for name, (out, err, status) in SAYS.items():
            (self.folder / name).touch()
            script.append(f"*{name}) cat <<'OUT'\n{out}\nOUT\ncat >&2 <<'ERR'\n{err}\nERR\nexit {status};;")
        self.cuobjdump.write_text("\n".join([*script, "esac"]))
        self.cuobjdump.chmod(0o755)

    def check(self, capabilities: str, *files: str) -> tuple[int, str]:
        """Status and problems."""
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(io.StringIO()):
            status = gpu_code.main(str(self.cuobjdump), capabilities, [str(self.folder / file) for file in files])
        return status, printed.getvalue()

    def test_exactly_what_was_asked_for(self) -> None:
        self.assertEqual(self.check("89-real;120-real", "real.so"), (0, ""))
        self.assertEqual(self.check("8.9;12.0", "real.so"), (0, ""))

    def test_missing_and_superfluous_code(self) -> None:
        status, problems = self.check("89-real;90-real", "real.so")
        self.assertEqual(status, 1)
        self.assertEqual(problems, "real.so has no code for 90\nreal.so has code for 120 that nobody asked for\n")

    def test_ptx(self) -> None:
        self.assertEqual(self.check("89;120", "ptx.so"), (1, "ptx.so has PTX for 120\n"))

    def test_a_library_without_gpu_code(self) -> None:
        self.assertEqual(self.check("89", "plain.so"), (1, "plain.so has no code for 89\n"))

    def test_a_library_that_cannot_be_read(self) -> None:
        self.assertRaisesRegex(SystemExit, "torn.so: cuobjdump ended with 255", self.check, "89", "torn.so")

    def test_a_wheel_of_which_only_some_libraries_have_gpu_code(self) -> None:
        for name, files in {"good.whl": ["real.so", "plain.so"], "bad.whl": ["real.so", "ptx.so"]}.items():
            with zipfile.ZipFile(self.folder / name, "w") as wheel:
                for file in files:
                    wheel.writestr(f"package/{file}", "")
                wheel.writestr("package/__init__.py", "")
        self.assertEqual(self.check("89;120", "good.whl"), (0, ""))
        self.assertEqual(self.check("89;120", "bad.whl"), (1, "package/ptx.so has PTX for 120\n"))
