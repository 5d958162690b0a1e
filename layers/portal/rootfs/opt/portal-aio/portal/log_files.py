"""The logs in their folder, to which every user of the container may write: only plain files, and never through a link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from portal_common.redaction import Redaction

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CHUNK = 256 * 1024
# A line without an end would fill the memory.
LONGEST = 64 * 1024


class LogFile(BaseModel):
    """One of them, without its ending."""

    name: str
    size: int
    changed: float


class LogFiles:
    """All of them."""

    def __init__(self, folder: Path, redaction: Redaction) -> None:
        self._folder = folder
        self._redaction = redaction

    def list(self) -> list[LogFile]:
        """By name."""
        found = []
        for name in sorted(path.stem for path in self._folder.glob("*.log")):
            file = self.open(name)
            if file:
                with file:
                    state = os.fstat(file.fileno())
                found.append(LogFile(name=name, size=state.st_size, changed=state.st_mtime))
        return found

    def open(self, name: str) -> BinaryIO | None:
        """One of them, or None where there is none."""
        if not NAME.fullmatch(name):
            return None
        try:
            number = os.open(self._folder / f"{name}.log", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            return None
        return os.fdopen(number, "rb", buffering=0)

    def shown(self, name: str) -> Iterator[bytes] | None:
        """A whole log as it may be seen, or None where there is none."""
        file = self.open(name)
        if file is None:
            return None
        self._redaction.refresh()
        return self._shown(file)

    def _shown(self, file: BinaryIO) -> Iterator[bytes]:
        """Whole lines at a time: a secret does not go over a line's end."""
        rest = b""
        with file:
            while chunk := file.read(CHUNK):
                lines, end, rest = (rest + chunk).rpartition(b"\n")
                if len(rest) > LONGEST:
                    lines, end, rest = lines + end + rest, b"", b""
                yield self._redaction.clean((lines + end).decode(errors="replace")).encode()
        yield self._redaction.clean(rest.decode(errors="replace")).encode()
