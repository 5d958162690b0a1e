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


if __name__ == "__main__":
    unittest.main()
