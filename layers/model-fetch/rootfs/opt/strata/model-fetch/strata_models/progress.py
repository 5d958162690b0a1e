"""What whoever waits for models is told; here in lines, for logs that nobody scrolls back in."""

from __future__ import annotations

import time
from typing import Protocol

from .manifest import Model


class Report(Protocol):
    """Hears how the fetching of models goes, one after the other."""

    def say(self, text: str) -> None:
        """Something for people to read."""

    def begin(self, model: Model, place: str) -> None:
        """It is this model's turn; `place` is such as `2/7`."""

    def waiting(self) -> None:
        """Another process has it in hand; called again and again."""

    def arrived(self, count: int) -> None:
        """So many bytes are there; called again and again."""

    def verifying(self) -> None:
        """All are there, and are read once more."""


class Lines:
    """A line every few seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval

    def say(self, text: str) -> None:
        """Seen at once, also through a pipe."""
        print(text, flush=True)

    def begin(self, model: Model, place: str) -> None:
        """Speed is this model's own."""
        self._name, self._size, self._place = model.name, model.size, place
        self._started = self._shown = time.monotonic()
        self._first: int | None = None

    def verifying(self) -> None:
        """The line after it says the result."""

    def arrived(self, count: int) -> None:
        """With speed and what is left."""
        now = time.monotonic()
        if self._first is None:
            # What an earlier run had fetched says nothing about the speed of this one.
            self._first = count
        if now - self._shown < self._interval:
            return
        self._shown = now
        speed = (count - self._first) / (now - self._started)
        left = f", {duration((self._size - count) / speed)} left" if speed > 0 else ""
        share = 100 * count // self._size
        self.say(
            f"{self._place} {self._name}: {amount(count)} of {amount(self._size)} ({share} %), {amount(speed)}/s{left}"
        )

    def waiting(self) -> None:
        """Another process fetches it."""
        now = time.monotonic()
        if now - self._shown >= self._interval:
            self._shown = now
            self.say(f"{self._place} {self._name}: another process is at it; waiting")


def amount(size: float) -> str:
    """Bytes as people read them; GB are powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
