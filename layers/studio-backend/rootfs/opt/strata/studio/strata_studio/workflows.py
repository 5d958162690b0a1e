"""Workflows that were queued here: what has happened to each, told to everybody who listens."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .comfyui import ComfyuiClient, ComfyuiError
from .progress import FINAL, Event, events_of, events_of_history, summarise

# Their events stay in memory.
REMEMBERED = 200
RECONNECT = 1.0
CONNECT_PATIENCE = 10.0
LOST: Event = {"type": "error", "message": "ComfyUI was restarted before it was done"}


class Workflow:
    """One of them, with all its events so far."""

    def __init__(self, identity: str, content: Mapping[str, Any]) -> None:
        self.id = identity
        self.content = content
        # What ComfyUI found wrong with some of its outputs, which it leaves out.
        self.node_errors: Mapping[str, Any] = {}
        self.events: list[Event] = []
        self._changed = asyncio.Condition()

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.events) and self.events[-1]["type"] in FINAL

    async def add(self, events: list[Event]) -> None:
        """Appends, and wakes the listeners. After the end nothing is added; `done` comes with everything that came out."""
        for event in events:
            if self.is_final:
                return
            if event["type"] == "done":
                event = {**event, "outputs": summarise(self.events)["outputs"]}
            self.events.append(event)
        async with self._changed:
            self._changed.notify_all()

    async def listen(self) -> AsyncIterator[Event]:
        """Every event from the first on, until the last."""
        position = 0
        while True:
            while position < len(self.events):
                yield self.events[position]
                position += 1
            if self.is_final:
                return
            async with self._changed:
                if position == len(self.events):
                    await self._changed.wait()


class Workflows:
    """Queues workflows and follows them over one connection to ComfyUI."""

    def __init__(self, comfyui: ComfyuiClient, url: str) -> None:
        self._comfyui = comfyui
        self._client = f"strata-{uuid.uuid4().hex}"
        self._url = f"{url.replace('http', 'ws', 1)}/ws?clientId={self._client}"
        self._known: dict[str, Workflow] = {}
        self._connected = asyncio.Event()

    def get(self, identity: str) -> Workflow | None:
        """The workflow of that id."""
        return self._known.get(identity)

    async def queue(self, content: Mapping[str, Any], extra: Mapping[str, Any]) -> Workflow:
        """Queues a workflow in ComfyUI's API format; raises Refused, ComfyuiError."""
        # Who is not connected hears nothing of it.
        try:
            await asyncio.wait_for(self._connected.wait(), CONNECT_PATIENCE)
        except TimeoutError as error:
            raise ComfyuiError("ComfyUI is not ready") from error
        workflow = Workflow(str(uuid.uuid4()), content)
        self._known[workflow.id] = workflow
        try:
            answer = await self._comfyui.queue(content, workflow.id, self._client, extra)
        except BaseException:
            del self._known[workflow.id]
            raise
        if (identity := str(answer.get("prompt_id", workflow.id))) != workflow.id:
            # An older ComfyUI chooses itself.
            del self._known[workflow.id]
            workflow.id = identity
            self._known[identity] = workflow
        workflow.node_errors = answer.get("node_errors") or {}
        workflow.events.insert(0, {"type": "queued", "id": workflow.id})
        self._forget()
        return workflow

    async def follow(self) -> None:
        """Hears ComfyUI's messages for ever; comes back after each restart of it."""
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                # No proxy and no limit: this is the same container, and previews are large.
                async with connect(
                    self._url, additional_headers=self._comfyui.headers, proxy=None, max_size=None
                ) as socket:
                    self._connected.set()
                    catching_up = asyncio.create_task(self._ask_until_answered())
                    try:
                        async for message in socket:
                            await self._hear(message)
                    finally:
                        catching_up.cancel()
            self._connected.clear()
            await asyncio.sleep(RECONNECT)

    async def _hear(self, message: str | bytes) -> None:
        """Previews are binary, and nobody asked for them."""
        if isinstance(message, bytes):
            return
        content = json.loads(message)
        data = content.get("data") or {}
        if workflow := self._known.get(str(data.get("prompt_id"))):
            await workflow.add(events_of(content.get("type", ""), data, workflow.content))

    async def _ask_until_answered(self) -> None:
        """A ComfyUI that computes may take longer to answer than anybody waits; an end that was missed is told by nobody else."""
        while not await self._catch_up():
            await asyncio.sleep(RECONNECT)

    async def _catch_up(self) -> bool:
        """After a lost connection: what ended meanwhile, and what a restart took away. Whether ComfyUI answered."""
        unfinished = [workflow for workflow in self._known.values() if workflow.events and not workflow.is_final]
        try:
            # The queue first: what leaves it after this is in the history by then.
            in_hand = await self.queued() if unfinished else {}
            for workflow in unfinished:
                if workflow.id in in_hand:
                    continue
                history = await self._comfyui.get(f"/history/{workflow.id}")
                entry = history.get(workflow.id)
                await workflow.add(events_of_history(entry, workflow.content) if entry else [LOST])
        except ComfyuiError:
            return False
        return True

    async def queued(self) -> dict[str, str]:
        """`running` or `queued` by the id of every workflow that ComfyUI has in hand; raises ComfyuiError."""
        queue = await self._comfyui.get("/queue")
        pending = {str(item[1]): "queued" for item in queue.get("queue_pending", [])}
        return pending | {str(item[1]): "running" for item in queue.get("queue_running", [])}

    def _forget(self) -> None:
        finished = [identity for identity, workflow in self._known.items() if workflow.is_final]
        for identity in finished[: max(0, len(self._known) - REMEMBERED)]:
            del self._known[identity]
