"""Which nodes are expected to import, and where."""

from __future__ import annotations

import unittest
from pathlib import PurePosixPath

import support  # noqa: F401 - puts the library on the path

from lib.node_log import NodeImport, NodeLog
from lib.nodes import CUSTOM_NODES, Finding, judge_nodes

NODE = {"folder": "A", "needsGpu": "asks for the first GPU"}


def judge(problem: str | None, has_gpu: bool) -> list[Finding]:
    """What is said of a node that needs a GPU."""
    entry = NodeImport(path=PurePosixPath(CUSTOM_NODES) / "A", problem=problem)
    return list(judge_nodes([NODE], NodeLog(imports=[entry]), has_gpu))


class NeedsGpuTest(unittest.TestCase):
    """A node that imports on a GPU host alone."""

    def test_without_a_gpu_its_failure_is_known(self) -> None:
        [finding] = judge("list index out of range", has_gpu=False)
        self.assertIsNone(finding.problem)
        self.assertIn("asks for the first GPU", finding.note or "")

    def test_on_a_gpu_host_it_has_to_import(self) -> None:
        [finding] = judge("list index out of range", has_gpu=True)
        self.assertEqual(finding.problem, "list index out of range")
        self.assertEqual(judge(None, has_gpu=True), [])

    def test_without_a_gpu_it_may_not_import_unnoticed(self) -> None:
        [finding] = judge(None, has_gpu=False)
        self.assertIn("imports now", finding.problem or "")


class JudgementTest(unittest.TestCase):
    """The description against what ComfyUI tried."""

    def judge(self, nodes: list[dict[str, str]], *tried: NodeImport) -> dict[str, str | None]:
        """Problem by folder; the note of what is known to fail."""
        findings = judge_nodes(nodes, NodeLog(imports=list(tried)))
        return {finding.folder: finding.problem or f"note: {finding.note}" for finding in findings}

    def entry(self, name: str, problem: str | None = None, folder: PurePosixPath | None = None) -> NodeImport:
        """A node that ComfyUI tried; by default where nodes of the image are."""
        trace = f"Traceback\n{problem}Error" if problem else None
        return NodeImport((folder or PurePosixPath(CUSTOM_NODES)) / name, problem, trace)

    def test_a_node_that_imports_is_nothing_to_speak_of(self) -> None:
        self.assertEqual(self.judge([{"folder": "A"}], self.entry("A"), self.entry("websocket_image_save.py")), {})

    def test_what_does_not_import_or_was_not_tried(self) -> None:
        tried = (self.entry("A", "broken"), self.entry("websocket_image_save.py", "broken too"))
        found = self.judge([{"folder": "A"}, {"folder": "B"}], *tried)
        missing = "is in the image's description, but ComfyUI did not try to import it"
        self.assertEqual(found, {"A": "broken", "B": missing, "websocket_image_save.py": "broken too"})

    def test_what_nobody_described_and_what_is_elsewhere(self) -> None:
        found = self.judge([], self.entry("A"), self.entry("B", None, PurePosixPath("/workspace/custom_nodes")))
        elsewhere = f"was imported from /workspace/custom_nodes, not from {CUSTOM_NODES}"
        self.assertEqual(found, {"A": "is in the image, but not in its description", "B": elsewhere})

    def test_a_node_that_needs_a_gpu_has_to_import_unless_there_is_none(self) -> None:
        self.assertEqual(self.judge([NODE], self.entry("A", "broken")), {"A": "broken"})

    def test_disabled_nodes_and_known_failures(self) -> None:
        nodes = [{"folder": "A.disabled"}, {"folder": "B.disabled"}, {"folder": "C", "knownFailure": "old"}]
        found = self.judge(nodes, self.entry("B.disabled"), self.entry("C", "broken"))
        known = "note: known failure: old (brokenError)"
        self.assertEqual(found, {"B.disabled": "is disabled, but ComfyUI imported it", "C": known})
        imports = "imports now: take it off the known failures in the lock (old)"
        self.assertEqual(self.judge(nodes, self.entry("C")), {"C": imports})


if __name__ == "__main__":
    unittest.main()
