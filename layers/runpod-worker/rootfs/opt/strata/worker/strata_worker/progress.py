"""How far a job is, told to RunPod now and then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from strata_studio.progress import Event

# For the last update, which must not arrive after the answer.
PATIENCE = 10.0
Send = Callable[[dict[str, Any]], threading.Thread | None]


class Progress:
    """Hears a workflow's events. `send` starts an update; the next waits for its thread, so that none overtakes."""

    def __init__(self, send: Send, total: int, interval: float) -> None:
        self._send = send
        self._total = total
        self._interval = interval
        self._done: set[str] = set()
        self._node: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._state: dict[str, Any] = {"status": "preparing"}
        self._changed = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._task = asyncio.create_task(self._tell()) if interval else None

    def hear(self, event: Event) -> None:
        """One of strata_studio's events."""
        match event["type"]:
            case "queued" | "started":
                self._state = {"status": "queued" if event["type"] == "queued" else "running"}
            case "cached":
                self._done |= {node["node"] for node in event["nodes"]}
            case "node":
                if self._node:
                    self._done.add(self._node["node"])
                self._node = {"node": event["node"], "class": event["class"]}
            case "step":
                self._node = {key: event[key] for key in ("node", "class", "step", "steps")}
            case _:
                return
        self._show()

    def finish(self) -> None:
        """Computed; what is left is to hand out the results."""
        self._state = {"status": "storing", "progress": 1.0}
        self._changed.set()

    @property
    def place(self) -> str:
        """Where it is, for whoever waited in vain."""
        if not self._node:
            return "it had not begun"
        step = f", step {self._node['step']} of {self._node['steps']}" if "step" in self._node else ""
        return f"it was at node {self._node['node']} ({self._node['class']}{step})"

    def _show(self) -> None:
        """Nodes count alike, whatever they cost; those that a node made while it ran count as that one."""
        if self._state["status"] == "running":
            part = self._node["step"] / max(1, self._node["steps"]) if "step" in self._node else 0.0
            done = len({name.split(".", 1)[0] for name in self._done})
            progress = round(min(0.999, (done + min(1.0, part)) / max(1, self._total)), 3)
            self._state = {"status": "running", "progress": progress, **self._node}
        self._changed.set()

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._state != self._told and not (self._thread and self._thread.is_alive()):
                self._told = self._state
                self._thread = self._send(self._state)
            elif self._state != self._told:
                self._changed.set()
            await asyncio.sleep(self._interval)

    async def close(self) -> None:
        """Returns when the last update has arrived, or will not any more."""
        if self._task:
            self._task.cancel()
        if self._thread:
            await asyncio.to_thread(self._thread.join, PATIENCE)
