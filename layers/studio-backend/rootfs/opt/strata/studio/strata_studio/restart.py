"""Restarts ComfyUI through the container's process manager."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from .comfyui import ComfyuiClient

PROCESS = "services:comfyui"
POLL = 0.5


class RestartError(Exception):
    """ComfyUI did not come back; the message says what is known."""


class ProcessManager:
    """supervisord, over the socket in the container's state folder."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def call(self, method: str, *arguments: Any) -> Any:
        """One question, on a connection of its own; raises OSError, Fault."""
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            with ServerProxy("http://localhost", transport=transport, allow_none=True) as server:
                return getattr(server.supervisor, method)(*arguments)
        finally:
            transport.close()

    def stop(self) -> None:
        """Returns when ComfyUI has ended; it may have before."""
        try:
            self.call("stopProcess", PROCESS, True)
        except Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise

    def start(self) -> None:
        """Returns at once; the process manager itself may have been faster."""
        try:
            self.call("startProcess", PROCESS, False)
        except Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise

    def state(self) -> str:
        """`RUNNING`, `STARTING`, `BACKOFF`, `FATAL` …, in supervisord's words."""
        return str(self.call("getProcessInfo", PROCESS)["statename"])

    def pid(self) -> int:
        """ComfyUI's process; 0 where there is none at the moment."""
        return int(self.call("getProcessInfo", PROCESS)["pid"])


async def restart(manager: ProcessManager, comfyui: ComfyuiClient, deadline: float) -> float:
    """Seconds until ComfyUI answered again; raises RestartError."""
    started = time.monotonic()
    try:
        await asyncio.to_thread(manager.stop)
        await asyncio.to_thread(manager.start)
    except (OSError, Fault) as error:
        raise RestartError(f"the process manager cannot restart it: {error}") from error
    while time.monotonic() < started + deadline:
        if (health := await comfyui.health()).ready:
            return time.monotonic() - started
        with suppress(OSError, Fault):
            state = await asyncio.to_thread(manager.state)
            if state not in ("STARTING", "RUNNING"):
                raise RestartError(f"it ended while it started (now {state}); the container's log says why")
        await asyncio.sleep(POLL)
    raise RestartError(f"it was not ready within {deadline:.0f} s: {health.reason}")
