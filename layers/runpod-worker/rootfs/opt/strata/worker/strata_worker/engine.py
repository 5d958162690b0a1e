"""The ComfyUI of this container: ready or not, alive or not, what it can compute, and how a computation is stopped."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from xmlrpc.client import Fault

from supervisor.xmlrpc import Faults

from strata_studio.comfyui import ComfyuiClient, ComfyuiError
from strata_studio.restart import ProcessManager
from strata_studio.workflows import Workflow, Workflows

from .failure import JobFailure
from .settings import Settings

POLL = 0.5
# From a connection that broke to the process manager's notice of the death that broke it.
NOTICE = 3.0
# ComfyUI writes its history after it has said that it is done.
HISTORY_PATIENCE = 15.0
LINES, LONGEST_LINE, LONGEST_LOG = 40, 400, 6000
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Engine:
    """Belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.client = ComfyuiClient(settings.comfyui)
        self.workflows = Workflows(self.client, settings.comfyui.url)
        self._manager = ProcessManager(settings.comfyui.control)
        self._classes: tuple[int, frozenset[str]] | None = None
        self._following: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Ends its connections."""
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self.client.close()

    async def wait_until_ready(self) -> int:
        """Returns ComfyUI's process when it answers; raises JobFailure."""
        self._following = self._following or asyncio.create_task(self.workflows.follow())
        limit = time.monotonic() + self._settings.start_timeout
        while not (health := await self.client.health()).ready:
            if time.monotonic() > limit:
                how = f"ComfyUI was not ready within {self._settings.start_timeout:g} s: {health.reason}."
                raise JobFailure(how, log=self.last_words()[1], is_last=True)
            await asyncio.sleep(POLL)
        return await self.pid()

    async def pid(self) -> int:
        """ComfyUI's process, 0 for none. While the container stops it does not return: a job is not to fail for that."""
        try:
            return await asyncio.to_thread(self._manager.pid)
        except Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                # RunPod gives the job to another worker when it does not hear of this one any more.
                await asyncio.Event().wait()
            raise

    async def ended(self, pid: int) -> None:
        """Returns when that process is gone."""
        while await self.pid() == pid:
            await asyncio.sleep(POLL)

    async def has_ended(self, pid: int) -> bool:
        """The same as an answer, for somebody whose connection broke."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTICE):
                await self.ended(pid)
                return True
        return False

    def last_words(self) -> tuple[str, str]:
        """How ComfyUI ended last, and the end of what it printed."""
        try:
            content = json.loads(self._settings.last_words.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "in a way that is not known", ""
        return str(content["how"]), readable(content["log"])

    def crash(self) -> JobFailure:
        """The failure of a job whose ComfyUI has ended."""
        how, log = self.last_words()
        advice = " It may have run out of memory." if "SIGKILL" in how else ""
        return JobFailure(f"ComfyUI ended while it computed the job ({how}).{advice}", log=log, is_crash=True)

    async def classes(self, pid: int) -> frozenset[str]:
        """The node classes that it offers; asked once for each process. Raises ComfyuiError."""
        if not self._classes or self._classes[0] != pid:
            self._classes = (pid, frozenset(await self.client.get("/object_info")))
        return self._classes[1]

    async def history(self, workflow: Workflow) -> Mapping[str, Any]:
        """What it noted about a finished workflow; raises ComfyuiError."""
        limit = time.monotonic() + HISTORY_PATIENCE
        while not (entry := (await self.client.get(f"/history/{workflow.id}")).get(workflow.id)):
            if time.monotonic() > limit:
                raise ComfyuiError("ComfyUI's history does not have the workflow")
            await asyncio.sleep(POLL)
        found: Mapping[str, Any] = entry
        return found

    async def forget(self, workflow: Workflow) -> None:
        """Takes a workflow out of the history, which would only grow."""
        with suppress(ComfyuiError):
            await self.client.post("/history", {"delete": [workflow.id]})

    async def stop(self, workflow: Workflow) -> None:
        """Returns when it is not computed any more; a node that does not listen costs ComfyUI its life."""
        limit = time.monotonic() + self._settings.interrupt_timeout
        while time.monotonic() < limit:
            with suppress(ComfyuiError):
                await self.client.post("/queue", {"delete": [workflow.id]})
                # Again and again: an interruption just before it begins is lost.
                await self.client.post("/interrupt", {"prompt_id": workflow.id})
                if workflow.id not in await self.workflows.queued():
                    return
            await asyncio.sleep(POLL)
        await self.restart()

    async def restart(self) -> None:
        """A new ComfyUI. Whether it comes back, the next job finds out: this one need not wait."""
        with suppress(OSError, Fault):
            await asyncio.to_thread(self._manager.stop)
            await asyncio.to_thread(self._manager.start)


def readable(log: str) -> str:
    """The end of a log without colours, and of each bar of progress what it showed last."""
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1][:LONGEST_LINE] for line in COLOURS.sub("", log).rstrip().split("\n")]
    return "\n".join(line.rstrip() for line in lines[-LINES:])[-LONGEST_LOG:]
