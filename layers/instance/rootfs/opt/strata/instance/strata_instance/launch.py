"""How the platform started the container. vast.ai puts a start of its own into it in all modes but `args`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

LAUNCH = Path("/.launch")


def launch_mode(file: Path = LAUNCH) -> str:
    """`args`: the image's entrypoint is the first process; `ssh`, `jupyter`: a child of the platform's own start."""
    with suppress(OSError):
        return "jupyter" if "jupyter" in file.read_text(encoding="utf-8", errors="replace").lower() else "ssh"
    return "args"


def is_on_vast(variables: Mapping[str, str]) -> bool:
    """Whether vast.ai runs this container."""
    return "VAST_CONTAINERLABEL" in variables or any(name.startswith("VAST_TCP_PORT_") for name in variables)
