"""A line every few seconds, for logs that nobody scrolls back in."""

from __future__ import annotations

import time


class Progress:
    """How far one model is."""

    def __init__(self, name: str, size: int, place: str, interval: float) -> None:
        self._name, self._size, self._place, self._interval = name, size, place, interval
        self._started = self._shown = time.monotonic()
        self._first: int | None = None

    def __call__(self, arrived: int) -> None:
        """Takes the number of bytes that have arrived."""
        now = time.monotonic()
        if self._first is None:
            # What an earlier run had fetched says nothing about the speed of this one.
            self._first = arrived
        if now - self._shown < self._interval:
            return
        self._shown = now
        speed = (arrived - self._first) / (now - self._started)
        left = f", {duration((self._size - arrived) / speed)} left" if speed > 0 else ""
        share = 100 * arrived // self._size
        say(
            f"{self._place} {self._name}: {amount(arrived)} of {amount(self._size)} ({share} %), {amount(speed)}/s{left}"
        )

    def waiting(self) -> None:
        """Another process fetches it."""
        now = time.monotonic()
        if now - self._shown >= self._interval:
            self._shown = now
            say(f"{self._place} {self._name}: another process is at it; waiting")


def say(text: str) -> None:
    """Seen at once, also through a pipe."""
    print(text, flush=True)


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
