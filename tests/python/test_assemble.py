"""What a group's nodes get beside their files, and which of their scripts run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import NODES, fill

import assemble


class AssembleTest(unittest.TestCase):
    """The program on nodes in a temporary folder."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.nodes = self.root / "custom_nodes"
        self.description: list[dict[str, Any]] = []

    def node(self, folder: str, *paths: str, script: str = "", run_install: bool = False) -> Path:
        """A node with empty files, and an install.py of one line."""
        fill(self.nodes / folder, *paths)
        if script:
            fill(self.nodes / folder, "install.py")
            (self.nodes / folder / "install.py").write_text(script, encoding="utf-8")
        self.description.append(
            {
                "folder": folder,
                "repository": f"https://example.org/{folder}",
                "commit": "c" * 40,
                "version": "1.0",
                "runInstall": run_install,
            }
        )
        return self.nodes / folder

    def assemble(self) -> subprocess.CompletedProcess[str]:
        """Runs the program as a stage does, node by node, up to the first that fails."""
        # tools/commands/test.ts switches compiling off for the tests themselves.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        for node in self.description:
            description = self.root / "node.json"
            description.write_text(json.dumps(node), encoding="utf-8")
            command = [sys.executable, NODES / "assemble.py", description, self.nodes / node["folder"]]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                break
        return result

    def test_a_node_says_where_it_comes_from(self) -> None:
        node = self.node("pack", "__init__.py")
        self.assertEqual(self.assemble().returncode, 0)
        self.assertEqual(
            json.loads((node / "strata-node.json").read_text(encoding="utf-8")),
            {"repository": "https://example.org/pack", "commit": "c" * 40, "version": "1.0"},
        )

    def test_a_node_with_a_version_of_its_own_lists_its_files_for_the_manager(self) -> None:
        node = self.node("pack", "pyproject.toml", "web/js/x.js")
        plain = self.node("plain", "__init__.py")
        self.assertEqual(self.assemble().returncode, 0)
        tracked = (node / ".tracking").read_text(encoding="utf-8")
        self.assertEqual(tracked, "pyproject.toml\nstrata-node.json\nweb/js/x.js\n")
        self.assertFalse((plain / ".tracking").exists())

    def test_an_allowed_script_runs_in_its_folder_before_the_files_are_listed(self) -> None:
        node = self.node("pack", "pyproject.toml", script="open('made', 'w').close()", run_install=True)
        self.assertEqual(self.assemble().returncode, 0)
        self.assertTrue((node / "made").exists())
        self.assertIn("made", (node / ".tracking").read_text(encoding="utf-8").splitlines())

    def test_a_script_that_is_not_allowed_does_not_run(self) -> None:
        node = self.node("pack", script="open('made', 'w').close()")
        self.assertEqual(self.assemble().returncode, 0)
        self.assertFalse((node / "made").exists())

    def test_a_script_that_fails_fails_the_build_with_its_own_words(self) -> None:
        self.node("pack", script="raise SystemExit('no luck today')", run_install=True)
        result = self.assemble()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("pack: install.py", result.stdout)
        self.assertIn("no luck today", result.stderr)

    def test_a_script_has_no_package_index(self) -> None:
        script = "import os; open(os.environ['PIP_NO_INDEX'], 'w').close()"
        node = self.node("pack", script=script, run_install=True)
        self.assertEqual(self.assemble().returncode, 0)
        self.assertTrue((node / "1").exists())

    def test_a_script_leaves_no_compiled_files_of_its_own(self) -> None:
        node = self.node("pack", "helper.py", script="import helper", run_install=True)
        self.assertEqual(self.assemble().returncode, 0)
        self.assertEqual(assemble.files_of(node), ["helper.py", "install.py", "strata-node.json"])

    def test_a_node_without_files_is_named(self) -> None:
        (self.node("empty") / "folder").mkdir(parents=True)
        result = self.assemble()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("empty has no files: check its commit in locks/nodes.json", result.stderr)

    def test_a_node_that_is_absent_is_named(self) -> None:
        self.node("absent")
        self.assertIn("absent has no files", self.assemble().stderr)


if __name__ == "__main__":
    unittest.main()
