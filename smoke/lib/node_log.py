"""What ComfyUI's log says about its nodes.

ComfyUI goes on without a node that it cannot import, and only its log says so. Nodes change how logging works, so a
line may have anything before it, and may be there twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# `   0.3 seconds (IMPORT FAILED): /opt/comfyui/custom_nodes/ComfyUI-KJNodes`, once all nodes have been tried.
HEADING = re.compile(r"(?:^|\W)(Prestartup|Import) times for custom nodes:")
TIME = re.compile(r"\d+\.\d seconds(?: \(([A-Z ]+)\))?: (/.+?)\s*$")
# Before that, one line for each failure; the first kind follows its traceback.
RAISED = re.compile(r"Cannot import (/.+?) module for custom nodes: ?(.*)")
REASONS = (
    RAISED,
    re.compile(r"Failed to execute startup-script: (/.+?)/prestartup_script\.py / ?(.*)"),
    re.compile(r"Skip (/.+?) module for custom nodes due to (.*)"),
    re.compile(r"Error while calling comfy_entrypoint in (/.+?): ?(.*)"),
    re.compile(r"comfy_entrypoint in (/.+?) (is not callable|did not return .+), skipping"),
)
# A file of ComfyUI's own, such as nodes_audio.py of comfy_extras.
BUILT_IN = re.compile(r"(?:^|\s)IMPORT FAILED: (\S+)")
TRACE = "Traceback (most recent call last):"
CHAINED = ("During handling of the above exception", "The above exception was the direct cause")


@dataclass
class NodeImport:
    """A folder or file that ComfyUI tried. `problem` is None when all went well, `trace` the traceback if there is one."""

    path: PurePosixPath
    problem: str | None = None
    trace: str | None = None

    @property
    def last_words(self) -> str:
        """The traceback's last line, which names the exception; else the problem."""
        return (self.trace or self.problem or "").strip().split("\n")[-1]


@dataclass
class NodeLog:
    """`complete`: ComfyUI has written its list of imports. `built_in`: files of its own that do not import."""

    imports: list[NodeImport] = field(default_factory=list)
    built_in: list[str] = field(default_factory=list)
    complete: bool = False


def read_node_log(text: str) -> NodeLog:
    """Everything that the log says about nodes; a path that is listed twice is one import."""
    lines = [COLOURS.sub("", line) for line in re.split(r"[\r\n]+", text)]
    reasons: dict[str, tuple[str, str | None]] = {}
    failures: dict[str, str] = {}
    imported: dict[str, None] = {}
    log, heading, raised = NodeLog(), "", 0
    for number, line in enumerate(lines):
        if found := HEADING.search(line):
            heading = found[1]
        elif heading and (found := TIME.search(line)):
            failure, path = found.groups()
            if heading == "Import":
                imported[path] = None
            # A node whose script failed before the start may import all the same, and is not whole.
            if failure:
                failures.setdefault(path, failure.lower())
        elif found := first_match(line):
            trace = None
            if found.re is RAISED:
                trace, raised = find_trace(lines, raised, number), number + 1
            reasons.setdefault(found[1], (found[2].strip(), trace))
        elif (found := BUILT_IN.search(line)) and found[1] not in log.built_in:
            log.built_in.append(found[1])
    for path in imported:
        reason, trace = reasons.get(path, ("", None)) if path in failures else ("", None)
        log.imports.append(NodeImport(PurePosixPath(path), reason or failures.get(path), trace))
    log.complete = heading == "Import"
    return log


def first_match(line: str) -> re.Match[str] | None:
    """The reason for a failure that this line gives."""
    return next(filter(None, (pattern.search(line) for pattern in REASONS)), None)


def find_trace(lines: list[str], begin: int, end: int) -> str | None:
    """The last traceback of lines `begin` to `end`, with those of the exceptions that led to it."""
    starts = [number for number in range(begin, end) if TRACE in lines[number]]
    if not starts:
        return None
    start = starts.pop()
    while starts and any(text in lines[start - 1] for text in CHAINED):
        start = starts.pop()
    trace = "\n".join(lines[start:end])
    return trace[trace.index(TRACE) :]
