"""One tunnel: kept open until it is stopped, with pauses between tries, and given up when it fails again and again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from .cloudflared import Said
from .process import Process
from .settings import Patience

# A token that is not valid, an option that is none: the same again.
HOPELESS = ("Provided Tunnel token is not valid", "flag provided but not defined", "Incorrect Usage")


@dataclass
class Status:
    """stopped, waiting, starting, connecting, running, retrying or failed; `until` is when it is tried again."""

    state: str = "stopped"
    address: str | None = None
    detail: str = ""
    until: float | None = None


class Tunnel(ABC):
    """What quick and named tunnels have in common."""

    # Whether cloudflared has to be told its address by Cloudflare, and within which time.
    asks_for_address = True

    def __init__(self, patience: Patience) -> None:
        self.status = Status()
        self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._connections: set[int] = set()

    @abstractmethod
    async def launch(self) -> Process:
        """Starts the program; raises OSError."""

    async def turn(self) -> None:
        """Waits until it may be started."""

    def learned(self, said: Said) -> str | None:
        """What only one kind cares about; may put a problem into better words."""
        return said.problem

    def pause(self) -> float:
        """Seconds before which another try is of no use."""
        return 0.0

    def start(self) -> None:
        """Opens it, unless it is open or about to be; what waits for another try has it at once."""
        if self._task and not self._task.done() and self.status.state != "retrying":
            return
        if self._task:
            self._task.cancel()
        self.set("waiting")
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Closes it."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.set("stopped")

    async def settled(self, seconds: float) -> Status:
        """How it is once it is open or has failed, or when the time is over."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(("running", "failed", "retrying", "stopped")), seconds)
        return self.status

    def set(self, state: str, address: str | None = None, detail: str = "", until: float | None = None) -> None:
        """A new status, for those who wait for one."""
        self.status = Status(state, address, detail, until)
        self._changed.set()

    async def _until(self, states: tuple[str, ...]) -> None:
        while self.status.state not in states:
            self._changed.clear()
            await self._changed.wait()

    async def _keep(self) -> None:
        """Runs it again and again."""
        failures = 0
        while True:
            await self.turn()
            began = time.monotonic()
            detail = await self._run()
            if time.monotonic() - began > self._patience.settled:
                failures = 0
            if failures >= len(self._patience.retries) or detail.startswith(HOPELESS):
                self.set("failed", detail=detail)
                return
            pause = max(self._patience.retries[failures], self.pause())
            failures += 1
            self.set("retrying", detail=detail, until=time.time() + pause)
            await asyncio.sleep(pause)

    async def _run(self) -> str:
        """Runs it once, and says why it ended."""
        self.set("starting")
        self._connections.clear()
        try:
            process = await self.launch()
        except OSError as error:
            return f"cloudflared cannot be started: {error.strerror}"
        problem = None
        try:
            async with asyncio.timeout(self._patience.for_address if self.asks_for_address else None) as limit:
                async for said in process.said():
                    problem = self.learned(said) or problem
                    if said.address:
                        limit.reschedule(None)
                    self._hear(said, problem)
            return problem or "cloudflared ended"
        except TimeoutError:
            return f"no address within {self._patience.for_address:g} seconds" + (f": {problem}" if problem else "")
        finally:
            await asyncio.shield(process.end(self._patience.for_end))

    def _hear(self, said: Said, problem: str | None) -> None:
        """Moves the status on."""
        address = said.address or self.status.address
        if said.connection is not None:
            (self._connections.add if said.connected else self._connections.discard)(said.connection)
        if self._connections:
            if self.status.state != "running":
                self.set("running", address)
        elif said.address or said.lost or (self.status.state == "connecting" and said.problem):
            self.set("connecting", address, problem or "")
