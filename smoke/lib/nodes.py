"""The image's nodes: what its description says against what ComfyUI imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .comfyui import CUSTOM_NODES, OWN_NODES
from .node_log import NodeImport, NodeLog

Node = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What there is to say about a node: a `problem`, or why there is none although it failed (`note`)."""

    folder: str
    problem: str | None = None
    trace: str | None = None
    note: str | None = None


def judge_nodes(nodes: list[Node], log: NodeLog, has_gpu: bool = True, place: Path = CUSTOM_NODES) -> Iterator[Finding]:
    """Nothing about a node that is in the description and imported from `place`. Some import on a GPU host alone."""
    found = {entry.path.name: entry for entry in log.imports if entry.path.parent == place}
    for node in nodes:
        known = node.get("knownFailure") or (None if has_gpu else node.get("needsGpu"))
        if finding := judge_node(node, known, found.pop(node["folder"], None)):
            yield finding
    for name, entry in found.items():
        if name not in OWN_NODES:
            yield Finding(name, "is in the image, but not in its description", entry.trace)
        elif entry.problem:
            yield Finding(name, entry.problem, entry.trace)
    for entry in log.imports:
        if entry.path.parent != place:
            yield Finding(entry.path.name, f"was imported from {entry.path.parent}, not from {place}")


def is_enabled(node: Node) -> bool:
    """Whether ComfyUI looks at the node at all."""
    return not str(node["folder"]).endswith(".disabled")


def judge_node(node: Node, known: str | None, found: NodeImport | None) -> Finding | None:
    """A node of the description; one in a folder NAME.disabled is there to be switched on, and is not imported."""
    folder = node["folder"]
    if not is_enabled(node):
        return Finding(folder, "is disabled, but ComfyUI imported it") if found else None
    if found is None:
        return Finding(folder, "is in the image's description, but ComfyUI did not try to import it")
    if found.problem is None:
        problem = f"imports now: take it off the known failures in the lock ({known})"
        return Finding(folder, problem) if known else None
    if known:
        return Finding(folder, note=f"known failure: {known} ({found.last_words})")
    return Finding(folder, found.problem, found.trace)
