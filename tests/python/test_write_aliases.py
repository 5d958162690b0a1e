"""Metadata of distributions that another one stands in for, as Python and pip read it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest
from importlib.metadata import Distribution, distributions
from pathlib import Path

from support import SHARED

import write_aliases

NO_PIP = None if importlib.util.find_spec("pip") else "there is no pip"


class AliasesTest(unittest.TestCase):
    """`site-packages` with a stand-in and a package that asks for what it stands in for."""

    def setUp(self) -> None:
        self.site = Path(self.enterContext(tempfile.TemporaryDirectory())) / "site-packages"
        self.install("opencv_contrib", "4.10.0.84")
        self.install("asker", "1.0", "opencv-python>=4.5")

    def install(self, name: str, version: str, *requires: str) -> None:
        """A distribution without files."""
        folder = self.site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        text = "\n".join([*lines, *(f"Requires-Dist: {requirement}" for requirement in requires), ""])
        (folder / "METADATA").write_text(text, encoding="utf-8")

    def write(self, *lines: str) -> None:
        """Runs the program as a stage does."""
        file = self.site.parent / "aliases.txt"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        subprocess.run([sys.executable, SHARED / "write_aliases.py", file, self.site], check=True)

    def found(self, name: str) -> Distribution:
        """The one distribution of this name."""
        (one,) = (found for found in distributions(path=[str(self.site)]) if found.metadata["Name"] == name)
        return one

    def complaints(self) -> list[str]:
        """What `pip check` says about the package that asks."""
        environment = os.environ | {"PYTHONPATH": f"{self.site}:{os.environ.get('PYTHONPATH', '')}"}
        command = [sys.executable, "-m", "pip", "check"]
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
        return [line for line in output.splitlines() if line.startswith(("asker ", "opencv-"))]

    def test_python_finds_an_alias_with_its_version_and_what_it_stands_on(self) -> None:
        self.write("opencv-python 4.10.0.84 opencv-contrib", "opencv-python-headless 4.10.0.84 opencv-contrib")
        for name in ("opencv-python", "opencv-python-headless"):
            alias = self.found(name)
            self.assertEqual(alias.version, "4.10.0.84")
            self.assertEqual(alias.requires, ["opencv-contrib==4.10.0.84"])

    def test_what_an_alias_says_it_installed_is_there_so_that_it_can_be_removed(self) -> None:
        self.write("opencv-python 4.10.0.84 opencv-contrib")
        files = self.found("opencv-python").files or []
        self.assertEqual({file.name for file in files}, {"METADATA", "WHEEL", "INSTALLER", "RECORD"})
        for file in files:
            self.assertTrue((self.site / file).is_file(), file)

    @unittest.skipIf(NO_PIP, str(NO_PIP))
    def test_pip_finds_the_requirement_of_a_third_package_met(self) -> None:
        self.assertEqual(self.complaints(), ["asker 1.0 requires opencv-python, which is not installed."])
        self.write("opencv-python 4.10.0.84 opencv-contrib")
        self.assertEqual(self.complaints(), [])

    @unittest.skipIf(NO_PIP, str(NO_PIP))
    def test_pip_notices_when_the_stand_in_is_another_version(self) -> None:
        self.write("opencv-python 4.11 opencv-contrib")
        self.assertRegex(self.complaints()[0], r"opencv-python 4\.11 has requirement opencv-contrib==4\.11")

    def test_an_alias_of_what_is_really_installed_is_an_error(self) -> None:
        write_aliases.write_alias("opencv-python", "4.11", "opencv-contrib", self.site)
        with self.assertRaises(FileExistsError):
            write_aliases.write_alias("opencv-python", "4.11", "opencv-contrib", self.site)


if __name__ == "__main__":
    unittest.main()
