"""One run of cloudflared: started, read line by line, ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence

from .cloudflared import Said, understand

MOST_OF_A_LINE = 64 * 1024


class Process:
    """Its lines go to the manager's own log as they come."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, secret: str | None) -> None:
        self._name = name
        self._child = child
        self._secret = secret

    @staticmethod
    async def start(
        name: str, command: Sequence[str], environment: dict[str, str], secret: str | None = None
    ) -> Process:
        """Raises OSError where the program cannot be started."""
        child = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=MOST_OF_A_LINE,
        )
        return Process(name, child, secret)

    async def said(self) -> AsyncIterator[Said]:
        """What its lines tell, until it ends."""
        assert self._child.stderr
        while True:
            try:
                raw = await self._child.stderr.readline()
            except ValueError:
                # Longer than anything that means something.
                continue
            if not raw:
                return
            line = raw.decode(errors="replace").rstrip()
            if self._secret:
                line = line.replace(self._secret, "<hidden>")
            print(f"[{self._name}] {line}", flush=True)
            yield understand(line)

    async def end(self, patience: float) -> None:
        """Asks, then insists."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(sign)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._drained(), patience)
                return

    async def _drained(self) -> None:
        """A full pipe would keep it from ending."""
        if self._child.stderr:
            with contextlib.suppress(ValueError):
                while await self._child.stderr.read(MOST_OF_A_LINE):
                    pass
        await self._child.wait()
