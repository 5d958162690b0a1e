"""The handler of RunPod's SDK: one job after the other, and an answer to each."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from .computation import Computation
from .engine import Engine
from .failure import JobFailure, Problem
from .leftovers import Leftovers, is_elsewhere
from .progress import Progress, Send
from .request import Request, comfy_key_of, read_request
from .settings import Settings
from .store import Store

Job = Mapping[str, Any]
Answer = dict[str, Any]


class Worker:
    """`send`: tells RunPod how far a job is."""

    def __init__(self, settings: Settings, send: Callable[[Job], Send]) -> None:
        self._settings = settings
        self._send = send
        self._store = Store(settings.bucket) if settings.bucket else None
        comfyui = settings.comfyui
        self._leftovers = Leftovers(
            comfyui.volume,
            settings.temporary,
            is_shared=comfyui.persistent or is_elsewhere(comfyui.volume, settings.temporary.parent),
            keep=settings.keep_files,
        )
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
                return self._refuse(failure, job)
            except Exception:  # noqa: BLE001 - a mistake of ours is an answer, too, but without secrets
                return self._refuse(JobFailure(f"The worker itself failed:\n{traceback.format_exc()}"), job)
            self._crashes = 0
            return answer

    def _refuse(self, failure: JobFailure, job: Job) -> Answer:
        """The answer, in which the worker asks to be replaced when ComfyUI goes on dying."""
        clean = self._settings.redactor.knowing(comfy_key_of(job.get("input"))).clean
        problems = [Problem(problem.path, clean(problem.problem)) for problem in failure.problems]
        log = clean(failure.log) if failure.log else None
        answer = JobFailure(clean(failure.message), problems, log=log).answer()
        self._crashes += failure.is_crash
        if failure.is_last or (failure.is_crash and self._crashes >= self._settings.crashes):
            answer["refresh_worker"] = True
        print(f"strata: the job failed: {answer['error']}", flush=True)
        return answer

    async def _compute(self, job: Job) -> Answer:
        request = read_request(job.get("input"), self._store is not None, self._settings.job_timeout)
        progress = Progress(self._send(job), len(request.workflow), self._settings.progress_interval)
        try:
            return await self._run(str(job["id"]), request, progress)
        finally:
            await progress.close()

    async def _run(self, identity: str, request: Request, progress: Progress) -> Answer:
        self._engine = self._engine or Engine(self._settings)
        process = await self._engine.wait_until_ready()
        before = await asyncio.to_thread(self._leftovers.look)
        give_up = time.monotonic() + (request.options.timeout or self._settings.job_timeout)
        computation = Computation(
            self._engine, process, identity, request, progress, give_up, self._settings, self._store
        )
        try:
            return await computation.run()
        finally:
            self._leftovers.remove_inputs(computation.uploaded)
            await asyncio.to_thread(self._leftovers.remove_written, before, computation.named)
