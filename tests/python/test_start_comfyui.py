"""The program that becomes ComfyUI: what it hides, sets and notes."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

from support import RUNTIME, fill

import start_comfyui
from log_watch import NodeFailures, Redact


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))


class HideTest(InFolder):
    """Nodes of the volume that the image brings."""

    def test_names_are_hidden_in_one_folder_only(self) -> None:
        fill(self.root, "nodes/a", "nodes/b", "other/a")
        (self.root / "link").symlink_to("nodes")
        listdir = start_comfyui.hide(os.listdir, str(self.root / "nodes"), frozenset({"a"}))
        for path in ("nodes", "nodes/", "link"):
            self.assertEqual(listdir(f"{self.root}/{path}"), ["b"], path)
        self.assertEqual(listdir(self.root / "nodes"), ["b"])
        through_link = start_comfyui.hide(os.listdir, str(self.root / "link"), frozenset({"a"}))
        self.assertEqual(through_link(f"{self.root}/nodes"), ["b"])
        self.assertEqual(listdir(f"{self.root}/other"), ["a"])
        self.assertIn(b"a", listdir(os.fsencode(self.root / "nodes")))


class RunTest(InFolder):
    """The whole program, with a ComfyUI that tells what it sees."""

    def test_it_becomes_comfyui_and_can_be_called_again(self) -> None:
        fill(self.root, "volume/custom_nodes/kept/x", "volume/custom_nodes/hidden/x", "code/helper.py")
        (self.root / "code/main.py").write_text(
            "import json, logging, os, sys\n"
            "import helper\n"
            "logging.warning('token=secret')\n"
            "nodes = os.listdir(sys.argv[2])\n"
            "print(json.dumps([__name__, __file__, sys.argv, sys.path[0], nodes, dict(os.environ)]))\n"
            "if len(sys.argv) == 3:\n"
            "    sys.stdout.flush()\n"
            "    os.execv(sys.executable, [sys.executable, *sys.argv, 'again'])\n"
        )
        program = self.root / "start_comfyui.py"
        main = self.root / "code/main.py"
        program.write_text((RUNTIME / "start_comfyui.py").read_text())
        plan = {
            "code": str(self.root / "code"),
            "arguments": ["--base-directory", str(self.root / "volume/custom_nodes")],
            "environment": {"NEW": "1"},
            "hiddenNodes": ["hidden"],
            "volume": str(self.root / "volume"),
            "loginToken": "secret",
            "neededNode": None,
        }
        (self.root / "comfyui.json").write_text(json.dumps(plan))
        variables = {"STRATA_STATE": str(self.root), "STRATA_TOKEN": "t", "PYTHONNOUSERSITE": "1", "KEPT": "1"}
        done = subprocess.run(
            [sys.executable, program],
            env={**variables, "PYTHONPATH": str(RUNTIME), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        first, second = map(json.loads, done.stdout.splitlines())
        name, file, arguments, path, nodes, seen = first
        self.assertEqual((name, file, path), ("__main__", str(main), str(main.parent)))
        self.assertEqual(arguments, [str(program), *plan["arguments"]])
        self.assertEqual(nodes, ["kept"])
        self.assertEqual((seen["NEW"], seen["KEPT"]), ("1", "1"))
        self.assertFalse({"STRATA_TOKEN", "PYTHONNOUSERSITE"} & set(seen))
        self.assertEqual((second[2][-1], second[4]), ("again", ["kept"]))
        self.assertNotIn("secret", done.stderr)
        self.assertIn("token=<hidden>", done.stderr)


class LogTest(InFolder):
    """The filters."""

    def record(self, message: str, *arguments: object) -> logging.LogRecord:
        return logging.LogRecord("root", logging.WARNING, "", 0, message, arguments, None)

    def test_a_secret_is_taken_out_of_message_and_arguments(self) -> None:
        record = self.record("use token=%s", "$2b$x")
        self.assertTrue(Redact("$2b$x").filter(record))
        self.assertEqual(record.getMessage(), "use token=<hidden>")
        record = self.record("100%s", " left")
        Redact("$2b$x").filter(record)
        self.assertEqual(record.getMessage(), "100 left")

    def test_nodes_that_fail_are_noted_with_their_traceback(self) -> None:
        file = self.root / "failed.jsonl"
        watch = NodeFailures(file)
        for message in (
            "Traceback (most recent call last):\n  x\n",
            "Cannot import /n/A module for custom nodes: No module named 'b'",
            "Skip /n/B module for custom nodes due to the lack of NODE_CLASS_MAPPINGS or NODES_LIST (need one).",
            "comfy_entrypoint in /n/D did not return a ComfyExtension, skipping.",
            "Traceback (most recent call last):\n  of something else\n",
            "all is well",
            "Failed to execute startup-script: /n/C/prestartup_script.py / no network",
        ):
            self.assertTrue(watch.filter(self.record(message)))
        noted = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual([entry["path"] for entry in noted], ["/n/A", "/n/B", "/n/D", "/n/C"])
        self.assertEqual(noted[0]["reason"], "No module named 'b'")
        self.assertEqual([bool(entry["traceback"]) for entry in noted], [True, False, False, False])
        NodeFailures(file)
        self.assertEqual(file.read_text(), "")

    def test_a_node_that_is_needed_ends_comfyui_before_it_listens(self) -> None:
        watch = NodeFailures(self.root / "failed.jsonl", "comfyui-login")
        said = io.StringIO()
        with mock.patch("os._exit", side_effect=SystemExit) as end, redirect_stderr(said):
            watch.filter(self.record("Cannot import /n/Other module for custom nodes: boom"))
            end.assert_not_called()
            with self.assertRaises(SystemExit):
                watch.filter(
                    self.record("Cannot import /n/ComfyUI-Login module for custom nodes: No module named 'Crypto'")
                )
        end.assert_called_once_with(1)
        self.assertRegex(said.getvalue(), r"No module named 'Crypto'.*--listen=127.0.0.1")


if __name__ == "__main__":
    unittest.main()
