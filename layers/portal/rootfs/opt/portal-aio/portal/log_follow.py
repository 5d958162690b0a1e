"""What a log says, and goes on to say: over rotations, and with lines that overwrite themselves as progress bars do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import BinaryIO

from portal_common.redaction import Redaction

from .log_files import CHUNK, LONGEST, LogFiles


@dataclass
class News:
    """Whole lines, and the one that is not at its end; None where that is as it was."""

    lines: list[str] = field(default_factory=list)
    unfinished: str | None = None


class Follower:
    """Reads one log, from its last part on. For a thread."""

    def __init__(self, files: LogFiles, name: str, redaction: Redaction) -> None:
        self._files = files
        self._name = name
        self._redaction = redaction
        self._file: BinaryIO | None = None
        self._rest = b""
        self._shown = ""

    def read(self) -> News:
        """What came since, at most a part of it at a time."""
        self._redaction.refresh()
        if self._file is None and not self._begin():
            return News()
        fresh = self._file.read(CHUNK) if self._file else b""
        if not fresh and self._replaced():
            # All of the old one was read; a line may go on in the new one.
            self.close()
        return self._news(fresh)

    def close(self) -> None:
        """Lets the file go."""
        if self._file:
            self._file.close()
        self._file = None

    @property
    def exists(self) -> bool:
        """Whether there is anything to follow."""
        return self._file is not None

    def _begin(self) -> bool:
        self._file = self._files.open(self._name)
        if self._file is None:
            return False
        if os.fstat(self._file.fileno()).st_size > CHUNK:
            self._file.seek(-CHUNK, os.SEEK_END)
            # The first line is a part of one.
            text = self._file.read(CHUNK)
            self._rest = text.partition(b"\n")[2]
        return True

    def _replaced(self) -> bool:
        """Whether another file has its name by now, or it was emptied."""
        assert self._file
        own = os.fstat(self._file.fileno())
        if own.st_size < self._file.tell():
            return True
        now = self._files.open(self._name)
        if now is None:
            return own.st_nlink == 0
        with now:
            return os.fstat(now.fileno()).st_ino != own.st_ino

    def _news(self, fresh: bytes) -> News:
        *lines, rest = (self._rest + fresh).split(b"\n")
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], b""
        self._rest = rest
        news = News([self._line(line) for line in lines])
        unfinished = self._line(rest)
        held = self._redaction.held_back(unfinished)
        unfinished = unfinished[: len(unfinished) - held]
        if unfinished != self._shown or (news.lines and unfinished):
            news.unfinished = unfinished
        self._shown = unfinished
        return news

    def _line(self, line: bytes) -> str:
        """What a terminal would still show of it: the text after the last return."""
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        return self._redaction.clean(text)
