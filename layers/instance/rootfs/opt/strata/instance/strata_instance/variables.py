"""Where the user's files are, and what is told to libraries about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from preparation.volume import why_not_writable

from .words import print_exports, say

DEFAULT = "/workspace"


def workspace_variables(
    given: Mapping[str, str], why_not: Callable[[Path], str | None] = why_not_writable
) -> tuple[dict[str, str], list[str]]:
    """Variables to set, and what people should know. WORKSPACE counts before DATA_DIRECTORY: both are one tree."""
    messages = []
    wanted = given.get("WORKSPACE") or given.get("DATA_DIRECTORY") or DEFAULT
    if not wanted.startswith("/"):
        messages.append(f'WORKSPACE: expected an absolute path, got "{wanted}": {DEFAULT} is used.')
        wanted = DEFAULT
    # Both come with a slash at the end, too.
    workspace = os.path.normpath(wanted)
    found = {"WORKSPACE": workspace, "DATA_DIRECTORY": workspace}
    reason = why_not(Path(workspace))
    if reason:
        messages.append(f"{workspace} cannot be written to ({reason}): what is made here goes with the container.")
    elif not given.get("HF_HOME"):
        found["HF_HOME"] = f"{workspace}/.hf_home"
    return found, messages


def print_workspace(_: list[str]) -> int:
    """For boot 10."""
    found, messages = workspace_variables(os.environ)
    for message in messages:
        say(message)
    print_exports(found)
    return 0
