"""One job after the other, from its input to its answer."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from strata_studio.comfyui import ComfyuiError, Refused
from strata_studio.progress import Event
from strata_studio.workflows import LOST, Workflow

from .engine import Engine
from .failure import JobFailure, Problem
from .fetch import FetchError, fetch
from .leftovers import Leftovers
from .progress import Progress, Send
from .request import LARGEST_FILE, InputFile, Request, decode, is_address, read_request
from .results import arrange, inline, limit_for, read_results, stored
from .settings import Settings
from .store import Store

# After these CUDA computes nothing any more in this process. Running out of memory is not among them.
BROKEN_GPU = re.compile(
    r"CUDA error|illegal memory access|device-side assert|unspecified launch failure|CUBLAS_STATUS_EXECUTION_FAILED"
)
Job = Mapping[str, Any]
Answer = dict[str, Any]


class Worker:
    """The handler of RunPod's SDK. `send`: tells RunPod how far a job is."""

    def __init__(self, settings: Settings, send: Callable[[Job], Send]) -> None:
        self._settings = settings
        self._send = send
        self._store = Store(settings.bucket) if settings.bucket else None
        self._leftovers = Leftovers(settings.comfyui.volume, settings.keep_files)
        self._crashes = 0
        # These belong to the loop in which the first job comes.
        self._engine: Engine | None = None
        self._turn: asyncio.Lock | None = None

    async def handle(self, job: Job) -> Answer:
        """Computes a job; failures are answers. When it is cancelled, ComfyUI stops computing before this returns."""
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            try:
                answer = await self._compute(job)
            except JobFailure as failure:
                return self._refuse(failure)
            except Exception:  # noqa: BLE001 - a mistake of ours is an answer, too, but without secrets
                return self._refuse(JobFailure(f"The worker itself failed:\n{traceback.format_exc()}"))
            self._crashes = 0
            return answer

    def _refuse(self, failure: JobFailure) -> Answer:
        """The answer, in which the worker asks to be replaced when ComfyUI goes on dying."""
        clean = self._settings.redactor.clean
        problems = [Problem(problem.path, clean(problem.problem)) for problem in failure.problems]
        log = clean(failure.log) if failure.log else None
        answer = JobFailure(clean(failure.message), problems, log).answer()
        if failure.is_crash:
            self._crashes += 1
            if self._crashes >= self._settings.crashes:
                answer["refresh_worker"] = True
        print(f"strata: the job failed: {answer['error']}", flush=True)
        return answer

    async def _compute(self, job: Job) -> Answer:
        request = read_request(job.get("input"), self._store is not None, self._settings.job_timeout)
        progress = Progress(self._send(job), len(request.workflow), self._settings.progress_interval)
        try:
            self._engine = self._engine or Engine(self._settings)
            pid = await self._engine.wait_until_ready()
            return await self._run(self._engine, pid, str(job["id"]), request, progress)
        finally:
            await progress.close()

    async def _run(self, engine: Engine, pid: int, identity: str, request: Request, progress: Progress) -> Answer:
        """With a ComfyUI that was ready as process `pid`; raises JobFailure."""
        give_up = time.monotonic() + (request.options.timeout or self._settings.job_timeout)
        uploaded: list[str] = []
        try:
            unknown = list(unknown_classes(request.workflow, await engine.classes(pid)))
            if unknown:
                raise JobFailure("This endpoint does not have every node that the workflow uses:", unknown)
            await self._upload(engine, request.files, uploaded, give_up)
            workflow = await self._queue(engine, request)
            try:
                await self._follow(engine, pid, workflow, progress, give_up)
                return await self._hand_out(engine, identity, workflow, request)
            finally:
                await engine.forget(workflow)
        except ComfyuiError as error:
            if await engine.has_ended(pid):
                raise engine.crash() from error
            raise JobFailure(str(error)) from error
        finally:
            self._leftovers.remove_inputs(uploaded)

    async def _upload(self, engine: Engine, files: list[InputFile], uploaded: list[str], give_up: float) -> None:
        """One at a time, so that no more than one is in memory twice; every file that cannot be had is told."""
        problems = []
        for number, file in enumerate(files):
            try:
                if is_address(file.image):
                    content = await asyncio.to_thread(fetch, file.image, LARGEST_FILE, give_up)
                else:
                    content = decode(file.image)
            except FetchError as error:
                problems.append(Problem(f"images[{number}].image", str(error)))
                continue
            uploaded.append(file.name)
            await engine.client.upload(file.name, content)
        if problems:
            raise JobFailure("Input files cannot be had:", problems)

    async def _queue(self, engine: Engine, request: Request) -> Workflow:
        """Raises JobFailure with all that ComfyUI finds wrong, also where it would compute the rest."""
        try:
            workflow = await engine.workflows.queue(request.workflow, {})
        except Refused as refused:
            problems = list(node_problems(refused.content.get("node_errors") or {}))
            reason = refused.content.get("error")
            message = reason.get("message") if isinstance(reason, dict) else reason
            raise JobFailure(f"ComfyUI refuses the workflow: {message}", problems) from refused
        if workflow.node_errors:
            await engine.stop(workflow)
            await engine.forget(workflow)
            raise JobFailure("ComfyUI refuses a part of the workflow:", list(node_problems(workflow.node_errors)))
        return workflow

    async def _follow(self, engine: Engine, pid: int, workflow: Workflow, progress: Progress, give_up: float) -> None:
        """Returns when it is computed; raises JobFailure. Whatever ends this, ComfyUI does not go on with it."""
        listening = asyncio.create_task(listen(workflow, progress))
        watching = asyncio.create_task(engine.ended(pid))
        try:
            done, _ = await asyncio.wait(
                {listening, watching}, timeout=give_up - time.monotonic(), return_when=asyncio.FIRST_COMPLETED
            )
            if watching in done:
                raise engine.crash()
            if listening not in done:
                await engine.stop(workflow)
                raise JobFailure(f"Not done in time (options.timeout, or STRATA_WORKER_TIMEOUT): {progress.place}.")
            await self._judge(engine, listening.result())
        except asyncio.CancelledError:
            await engine.stop(workflow)
            raise
        finally:
            listening.cancel()
            watching.cancel()
            await asyncio.gather(listening, watching, return_exceptions=True)

    async def _judge(self, engine: Engine, last: Event) -> None:
        """Raises JobFailure unless a workflow's last event is its success."""
        if last == LOST:
            raise engine.crash()
        if last["type"] == "cancelled":
            raise JobFailure("The workflow was interrupted, and not by the worker.")
        if last["type"] != "error":
            return
        node = f"Node {last.get('node')} ({last.get('class')}) failed: {last.get('exception')}: {last['message']}"
        if not BROKEN_GPU.search(last["message"]):
            raise JobFailure(node, log=last.get("traceback"))
        await engine.restart()
        raise JobFailure(f"{node}\nThe GPU refuses everything after this, so ComfyUI was restarted.", is_crash=True)

    async def _hand_out(self, engine: Engine, identity: str, workflow: Workflow, request: Request) -> Answer:
        """The answer with the results."""
        entry = await engine.history(workflow)
        results = read_results(entry, request.workflow, request.options.temporary)
        if self._store and request.options.output != "inline":
            entries = await stored(engine.client, results, self._store, identity)
        else:
            limit = limit_for(identity, self._settings.inline_limit)
            entries = await inline(engine.client, results, limit)
        self._leftovers.remove_results(results.files)
        return arrange(results, entries)


async def listen(workflow: Workflow, progress: Progress) -> Event:
    """The last event of a workflow."""
    event: Event = {"type": "queued"}
    async for event in workflow.listen():
        progress.hear(event)
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
