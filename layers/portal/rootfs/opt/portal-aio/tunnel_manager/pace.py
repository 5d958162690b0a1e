"""Starts of quick tunnels one after the other, and none while Cloudflare refuses this address."""

from __future__ import annotations

import asyncio
import time

from .settings import Patience


class Pace:
    """Shared by all tunnels: the limit is the address's, not a tunnel's."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._turn = asyncio.Lock()
        self._next = 0.0
        self._refusals = 0

    def wait(self) -> float:
        """Seconds until the next start."""
        return max(0.0, self._next - time.monotonic())

    async def turn(self) -> None:
        """Waits for it."""
        async with self._turn:
            while (seconds := self.wait()) > 0:
                await asyncio.sleep(seconds)
            self._next = time.monotonic() + self._patience.between_starts

    def refused(self) -> None:
        """Cloudflare said that it is too often: all wait, longer each time."""
        pauses = self._patience.when_limited
        self._next = time.monotonic() + pauses[min(self._refusals, len(pauses) - 1)]
        self._refusals += 1

    def granted(self) -> None:
        """It went well again."""
        self._refusals = 0
