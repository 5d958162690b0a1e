"""ComfyUI's log, as it is and as nodes make it."""

from __future__ import annotations

import unittest
from pathlib import PurePosixPath

import support  # noqa: F401 - puts the library on the path

from lib.node_log import NodeImport, read_node_log

NODES = "/opt/comfyui/custom_nodes"
# Shortened from a start of ComfyUI 0.3.64; A prints a traceback of its own and imports, B has a chain of exceptions.
LOG = f"""
Prestartup times for custom nodes:
   0.0 seconds: {NODES}/rgthree-comfy
   0.1 seconds (PRESTARTUP FAILED): {NODES}/ComfyUI-Manager

Total VRAM 16000 MB, total RAM 16000 MB
Traceback (most recent call last):
  File "a.py", line 1, in <module>
ValueError: caught and printed by A

Traceback (most recent call last):
  File "b.py", line 1, in <module>
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 3, in <module>
ImportError: second
over two lines

Cannot import {NODES}/B module for custom nodes: second
over two lines
Skip {NODES}/C module for custom nodes due to the lack of NODE_CLASS_MAPPINGS or NODES_LIST (need one).
Error while calling comfy_entrypoint in {NODES}/D: Ids must be unique between inputs and outputs

Import times for custom nodes:
   0.0 seconds: {NODES}/websocket_image_save.py
   0.0 seconds (IMPORT FAILED): {NODES}/C
   0.2 seconds (IMPORT FAILED): {NODES}/D
   0.3 seconds: {NODES}/with space
  12.3 seconds (IMPORT FAILED): {NODES}/B
   1.3 seconds: {NODES}/ComfyUI-Manager

Starting server
"""


def read(text: str) -> dict[str, NodeImport]:
    """What the log says, by folder."""
    return {entry.path.name: entry for entry in read_node_log(text).imports}


class NodeLogTest(unittest.TestCase):
    """The parser alone."""

    def test_every_node_that_was_tried(self) -> None:
        log = read_node_log(LOG)
        self.assertTrue(log.complete)
        self.assertEqual({entry.path.parent for entry in log.imports}, {PurePosixPath(NODES)})
        problems = {entry.path.name: entry.problem for entry in log.imports}
        self.assertEqual(
            problems,
            {
                "websocket_image_save.py": None,
                "with space": None,
                "B": "second",
                "C": "the lack of NODE_CLASS_MAPPINGS or NODES_LIST (need one).",
                "D": "Ids must be unique between inputs and outputs",
                "ComfyUI-Manager": "prestartup failed",
            },
        )

    def test_a_traceback_comes_with_what_led_to_it_and_nothing_else(self) -> None:
        nodes = read(LOG)
        trace = nodes["B"].trace or ""
        self.assertTrue(trace.startswith('Traceback (most recent call last):\n  File "b.py", line 1'), trace)
        self.assertTrue(trace.endswith("ImportError: second\nover two lines"), trace)
        self.assertEqual(nodes["B"].last_words, "over two lines")
        self.assertIsNone(nodes["C"].trace)
        self.assertEqual(nodes["D"].last_words, "Ids must be unique between inputs and outputs")
        self.assertEqual(nodes["with space"].last_words, "")

    def test_tracebacks_that_follow_each_other_belong_to_a_node_each(self) -> None:
        lines = [
            f'Traceback (most recent call last):\n  File "{name}.py"\n{name}Error\nCannot import {NODES}/{name}'
            " module for custom nodes: broken"
            for name in ("A", "B")
        ]
        times = [f"   0.1 seconds (IMPORT FAILED): {NODES}/{name}" for name in ("A", "B")]
        nodes = read("\n".join([*lines, "Import times for custom nodes:", *times]))
        for name, entry in nodes.items():
            self.assertEqual(entry.trace, f'Traceback (most recent call last):\n  File "{name}.py"\n{name}Error')
        self.assertEqual(list(nodes), ["A", "B"])

    def test_the_reason_of_a_prestartup_script(self) -> None:
        script = f"Failed to execute startup-script: {NODES}/ComfyUI-Manager/prestartup_script.py / no network\n"
        self.assertEqual(read(script + LOG)["ComfyUI-Manager"].problem, "no network")

    def test_colours_prefixes_and_doubled_lines(self) -> None:
        lines = [f"\x1b[33m2026-11-21 10:00:00,123 - root - INFO - {line}\x1b[0m\r\n" for line in LOG.split("\n")]
        log = read_node_log("".join(line * 2 for line in lines))
        self.assertEqual(
            [(entry.path.name, entry.problem) for entry in log.imports],
            [(entry.path.name, entry.problem) for entry in read_node_log(LOG).imports],
        )
        trace = next(entry.trace for entry in log.imports if entry.path.name == "B") or ""
        self.assertIn("ImportError: second", trace)
        self.assertNotIn("caught and printed by A", trace)

    def test_a_log_that_ends_early_is_not_complete(self) -> None:
        self.assertFalse(read_node_log(LOG.split("Import times")[0]).complete)
        self.assertFalse(read_node_log("").complete)

    def test_files_of_comfyui_itself(self) -> None:
        self.assertEqual(read_node_log("IMPORT FAILED: nodes_audio.py\n" * 2).built_in, ["nodes_audio.py"])
        self.assertEqual(read_node_log(LOG).built_in, [])


if __name__ == "__main__":
    unittest.main()
