"""ComfyUI's code for a user who may not write into the image's."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import fill

from preparation import code


class CodeTest(unittest.TestCase):
    """Real folders; whether they can be written to is what the test says, as root always may."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.code, self.state = self.root / "code", self.root / "state"
        fill(self.code, "main.py", "login/x", "web/extensions/x", "custom_nodes/Node/__init__.py")
        fill(self.code, "custom_nodes/__pycache__/x.pyc")
        (self.code / "custom_nodes/Node/run.sh").write_text("#!/bin/sh\n")
        (self.code / "custom_nodes/Node/run.sh").chmod(0o555)
        (self.code / "custom_nodes/Node/weights.bin").write_bytes(b"0" * (code.LARGEST_COPY + 1))
        self.locked: set[Path] = set()
        self.enterContext(mock.patch.object(os, "access", lambda path, mode: Path(path) not in self.locked))

    def test_the_images_own_user_runs_the_images_code(self) -> None:
        # These are root's in every image.
        self.locked = {self.code, self.code / "custom_nodes", self.code / "custom_nodes/__pycache__"}
        self.assertEqual(code.writable_code(self.code, self.state), self.code)

    def test_one_folder_that_cannot_be_written_to_is_enough_for_a_copy(self) -> None:
        for folder in ("login", "web/extensions", "custom_nodes/Node"):
            self.locked = {self.code / folder}
            self.assertEqual(code.writable_code(self.code, self.root / folder), self.root / folder / "comfyui")

    def test_small_files_are_copied_and_large_ones_linked(self) -> None:
        copy = code.copy_code(self.code, self.state / "comfyui")
        node = copy / "custom_nodes/Node"
        self.assertFalse((node / "__init__.py").is_symlink())
        self.assertEqual((node / "__init__.py").resolve().parent, node.resolve())
        self.assertEqual(
            (node / "__init__.py").stat().st_mtime, (self.code / "custom_nodes/Node/__init__.py").stat().st_mtime
        )
        self.assertEqual((node / "run.sh").stat().st_mode & 0o777, 0o755)
        self.assertTrue((node / "weights.bin").is_symlink())
        (node / "settings.json").write_text("{}")
        self.assertFalse((self.code / "custom_nodes/Node/settings.json").exists())


if __name__ == "__main__":
    unittest.main()
