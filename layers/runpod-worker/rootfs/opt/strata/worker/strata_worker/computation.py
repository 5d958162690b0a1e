"""One job on a ComfyUI that is ready: upload, queue, wait, hand out."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from strata_studio.comfyui import ComfyuiError, Refused
from strata_studio.progress import Event
from strata_studio.workflows import LOST, Workflow

from .engine import Engine
from .failure import JobFailure, Problem
from .input_files import FetchError, fetch
from .progress import Progress
from .request import LARGEST_FILE, Request, decode, is_address
from .results import Gone, ResultFile, arrange, inline, limit_for, named_files, read_results, stored
from .settings import Settings
from .store import Store
from .waiting import in_thread

# After these CUDA computes nothing any more in this process. Running out of memory is not among them.
BROKEN_GPU = re.compile(
    r"CUDA error|illegal memory access|device-side assert|unspecified launch failure|CUBLAS_STATUS_EXECUTION_FAILED"
)


@dataclass
class Computation:
    """`process` is ComfyUI's pid, `give_up` when it has to be done by time.monotonic(). Its methods raise JobFailure.

    `uploaded` and `named`, the files that its nodes named, are filled on the way, for whoever clears up afterwards.
    """

    engine: Engine
    process: int
    job: str
    request: Request
    progress: Progress
    give_up: float
    settings: Settings
    store: Store | None
    uploaded: list[str] = field(default_factory=list)
    named: list[ResultFile] = field(default_factory=list)

    async def run(self) -> dict[str, Any]:
        """The answer."""
        try:
            return await self._run()
        except ComfyuiError as error:
            if await self.engine.has_ended(self.process):
                raise self.engine.crash() from error
            raise JobFailure(f"{error}.") from error

    async def _run(self) -> dict[str, Any]:
        async with self._in_time("ComfyUI had not named its nodes"):
            classes = await self.engine.classes(self.process)
        unknown = list(unknown_classes(self.request.workflow, classes))
        if unknown:
            raise JobFailure("This endpoint does not have every node that the workflow uses:", unknown)
        await self._upload()
        try:
            return await self._compute()
        except Gone:
            # It was cleared away after a later job; ComfyUI's larger caches (--cache-lru) remember it.
            await self.engine.client.post("/free", {"free_memory": True})
        try:
            return await self._compute()
        except Gone as gone:
            raise JobFailure(f"The workflow says that it wrote {gone}, but there is no such file.") from gone

    async def _upload(self) -> None:
        """One at a time, so that no more than one is in memory twice; every file that cannot be had is told."""
        problems = []
        for number, file in enumerate(self.request.files):
            path = f"images[{number}].image"
            try:
                if is_address(file.image):
                    async with self._in_time(f"{path} had not arrived"):
                        content = await in_thread(fetch, file.image, LARGEST_FILE, self.give_up)
                else:
                    content = decode(file.image)
            except FetchError as error:
                problems.append(Problem(path, str(error)))
                continue
            self.uploaded.append(file.name)
            async with self._in_time(f"ComfyUI had not taken {path}"):
                await self._store_input(file.name, content)
        if problems:
            raise JobFailure("Input files cannot be had:", problems)

    async def _store_input(self, name: str, content: bytes) -> None:
        """Raises ComfyuiError, and JobFailure where there is no room: ComfyUI itself answers 500 and no more."""
        try:
            await self.engine.client.upload(name, content)
        except ComfyuiError as error:
            folder = self.settings.comfyui.volume
            free = shutil.disk_usage(folder).free
            if free >= len(content):
                raise
            raise JobFailure(
                f"{folder} has no room for {name}: {free} bytes are free, it has {len(content)}."
            ) from error

    @asynccontextmanager
    async def _in_time(self, otherwise: str) -> AsyncIterator[None]:
        """Raises JobFailure where the job's time is over before what is inside is done."""
        try:
            async with asyncio.timeout_at(self.give_up) as limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self._late(otherwise) from error

    def _late(self, otherwise: str) -> JobFailure:
        return JobFailure(f"Not done in time (options.timeout, STRATA_WORKER_TIMEOUT): {otherwise}.")

    async def _compute(self) -> dict[str, Any]:
        workflow = await self._queue()
        try:
            await self._follow(workflow)
            async with self._in_time("it was computed, and its results were on their way"):
                return await self._hand_out(workflow)
        finally:
            # Also of a workflow that failed in the end.
            self.named += named_files(workflow.events)
            await self.engine.forget(workflow)

    async def _queue(self) -> Workflow:
        """Raises JobFailure with all that ComfyUI finds wrong, also where it would compute the rest."""
        key = self.request.comfy_key or self.settings.comfy_key
        # ComfyUI's name for it; it hands it to the nodes that ask, and keeps it out of its history.
        extra = {"api_key_comfy_org": key} if key else {}
        try:
            workflow = await self.engine.workflows.queue(self.request.workflow, extra)
        except Refused as refused:
            problems = list(node_problems(refused.content.get("node_errors") or {}))
            reason = refused.content.get("error")
            message = reason.get("message") if isinstance(reason, dict) else reason
            raise JobFailure(f"ComfyUI refuses the workflow: {message}", problems) from refused
        if workflow.node_errors:
            await self.engine.stop(workflow)
            await self.engine.forget(workflow)
            raise JobFailure("ComfyUI refuses a part of the workflow:", list(node_problems(workflow.node_errors)))
        return workflow

    async def _follow(self, workflow: Workflow) -> None:
        """Returns when it is computed. Whatever ends this, ComfyUI does not go on with it."""
        listening = asyncio.create_task(listen(workflow, self.progress))
        watching = asyncio.create_task(self.engine.ended(self.process))
        try:
            done, _ = await asyncio.wait(
                {listening, watching},
                timeout=max(0.0, self.give_up - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if watching in done:
                watching.result()
                raise self.engine.crash()
            if listening not in done:
                await self.engine.stop(workflow)
                raise self._late(self.progress.place)
            await self._judge(listening.result())
        except asyncio.CancelledError:
            await self.engine.stop(workflow)
            raise
        finally:
            listening.cancel()
            watching.cancel()
            await asyncio.gather(listening, watching, return_exceptions=True)

    async def _judge(self, last: Event) -> None:
        """Raises JobFailure unless a workflow's last event is its success."""
        if last == LOST:
            raise self.engine.crash()
        if last["type"] == "cancelled":
            raise JobFailure("The workflow was interrupted, and not by the worker.")
        if last["type"] != "error":
            return
        node = f"Node {last.get('node')} ({last.get('class')}) failed: {last.get('exception')}: {last['message']}"
        if not BROKEN_GPU.search(last["message"]):
            raise JobFailure(node, log=last.get("traceback"))
        await self.engine.restart()
        raise JobFailure(f"{node}\nThe GPU refuses everything after this, so ComfyUI was restarted.", is_crash=True)

    async def _hand_out(self, workflow: Workflow) -> dict[str, Any]:
        """The answer with the results; raises Gone."""
        options = self.request.options
        entry = await self.engine.history(workflow)
        results = read_results(entry, self.request.workflow, options.temporary)
        self.named += [*results.files, *results.left_out]
        if self.store and options.output != "inline":
            return arrange(results, await stored(self.engine.client, results, self.store, self.job))
        limit = limit_for(self.job, self.settings.inline_limit)
        return arrange(results, await inline(self.engine.client, results, limit))


async def listen(workflow: Workflow, progress: Progress) -> Event:
    """The last event of a workflow."""
    event: Event = {"type": "queued"}
    async for event in workflow.listen():
        progress.hear(event)
    if event["type"] == "done":
        progress.finish()
    return event


def unknown_classes(workflow: Mapping[str, Any], known: frozenset[str]) -> Iterator[Problem]:
    """Nodes whose class this ComfyUI does not have."""
    for identity, node in workflow.items():
        if node["class_type"] not in known:
            yield Problem(f"workflow.{identity}.class_type", f'there is no node "{node["class_type"]}" here')


def node_problems(errors: Mapping[str, Any]) -> Iterator[Problem]:
    """What ComfyUI says about single nodes."""
    for identity, node in errors.items():
        for error in node.get("errors") or [{}]:
            text = ": ".join(part for part in (error.get("message"), error.get("details")) if part)
            name = (error.get("extra_info") or {}).get("input_name")
            path = f"workflow.{identity}.inputs.{name}" if name else f"workflow.{identity}"
            yield Problem(path, f"{node.get('class_type')}: {text or 'is not valid'}")
