"""What is taken out of ComfyUI's log, and what is read from it. Filters for Python's root logger."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

# ComfyUI's words for a node that brought nothing.
FAILURES = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"Cannot import (?P<path>.+?) module for custom nodes: (?P<reason>.*)",
        r"Skip (?P<path>.+?) module for custom nodes due to (?P<reason>.*)",
        r"Error while calling comfy_entrypoint in (?P<path>.+?): (?P<reason>.*)",
        r"comfy_entrypoint in (?P<path>.+?) (?P<reason>is not callable|did not return .+), skipping",
        r"Failed to execute startup-script: (?P<path>.+)/prestartup_script\.py / (?P<reason>.*)",
    )
]


class Redact(logging.Filter):
    """Replaces a secret in what is logged."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Never holds a record back."""
        message = record.getMessage()
        if self._secret in message:
            record.msg, record.args = message.replace(self._secret, "<hidden>"), None
        return True


class NodeFailures(logging.Filter):
    """
    Notes nodes that could not be imported: ComfyUI tells only its log. One JSON object a line, for the service. One that is
    `needed` ends the process: ComfyUI loads its nodes before it listens.
    """

    def __init__(self, file: Path, needed: str | None = None) -> None:
        super().__init__()
        self._file = file
        self._needed = needed
        self._traceback: str | None = None
        with suppress(OSError):
            file.write_text("", encoding="utf-8")

    def filter(self, record: logging.LogRecord) -> bool:
        """Never holds a record back."""
        message = record.getMessage()
        failure = next(filter(None, (pattern.match(message) for pattern in FAILURES)), None)
        if failure:
            # ComfyUI logs the traceback first, as a record of its own.
            content = {**failure.groupdict(), "traceback": self._traceback}
            with suppress(OSError), self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(content) + "\n")
            if Path(failure["path"]).name.casefold() == self._needed:
                self._end(failure["reason"])
        self._traceback = message if message.startswith("Traceback (most recent call last)") else None
        return True

    def _end(self, reason: str) -> None:
        print(
            f"strata: ComfyUI-Login cannot be loaded ({reason}), and without it everybody could use ComfyUI. STRATA_COMFYUI_ARGS="
            "--listen=0.0.0.0 opens it to everybody, --listen=127.0.0.1 to this container alone.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)
