"""Runs checks in lanes: processes that work at the same time, each with its checks in order.

Checks that need the image's Python share one lane, so that torch is imported once; every other check has its own. A
check that outlives its deadline, or takes its process down, costs one failed result; the rest of its lane goes on in
a new process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .discover import CheckFile
from .evidence import Evidence
from .image import VENV_PYTHON, Image
from .process import adopt_orphans, describe, kill_descendants
from .result import Result, Status

RUN = Path(__file__).resolve().parent.parent / "run.py"


@dataclass
class Settings:
    """What all lanes share. `free_bytes`: of the GPU's memory, before any check ran."""

    image: Image
    gpu: dict[str, Any] | None
    require_gpu: bool
    free_bytes: int | None = None
    venv_python: Path = VENV_PYTHON


class Run:
    """One run: results are added to `evidence` and shown as they arrive."""

    def __init__(self, settings: Settings, evidence: Evidence, show: Callable[[Result], None]) -> None:
        self._settings = settings
        self._evidence = evidence
        self._show = show
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, checks: list[CheckFile]) -> None:
        """Runs all `checks`; afterwards none of their processes is left."""
        adopt_orphans()
        first, last = [[check for check in checks if check.last is late] for late in (False, True)]
        lanes = [[check] for check in first if not check.venv]
        if shared := [check for check in first if check.venv]:
            lanes.insert(0, shared)
        try:
            self._run_lanes(lanes)
            # What they left running would be seen by those that look at what is left.
            kill_descendants(os.getpid())
            for check in last:
                self._run_lanes([[check]])
        finally:
            self._stopped = True
            kill_descendants(os.getpid())

    def _run_lanes(self, lanes: list[list[CheckFile]]) -> None:
        # Daemons, so that an interrupted run can end.
        threads = [threading.Thread(target=self._run_lane, args=(lane,), daemon=True) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run_lane(self, checks: list[CheckFile]) -> None:
        while checks and not self._stopped:
            try:
                done = Lane(checks, self._settings, self.handle).run()
            except OSError as error:
                reason = f"its process could not be started: {error}"
                failed = Result(checks[0].id, checks[0].title, Status.FAIL, 0.0, reason)
                self.handle("result", failed.to_json(), "")
                done = 1
            checks = checks[done:]

    def handle(self, kind: str, content: Any, log: str) -> None:
        """Takes what a lane reports; a failure without output gets the end of the check's own `log`."""
        with self._lock:
            if kind == "version":
                self._evidence.versions[content[0]] = content[1]
            elif kind == "measurement":
                self._evidence.measurements[content[0]] = content[1]
            elif kind == "result":
                result = Result.from_json(content)
                if result.status is Status.FAIL and log.strip():
                    result.output = f"{log}\n{result.output or ''}".strip()
                self._show(self._evidence.add(result))


class Lane:
    """A process that runs checks."""

    def __init__(self, checks: list[CheckFile], settings: Settings, handle: Callable[[str, Any, str], None]) -> None:
        self._checks = checks
        self._settings = settings
        self._handle = handle
        self._overrun = False

    def run(self) -> int:
        """Returns how many checks came to an end, whichever; at least one."""
        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as log, os.fdopen(reading, encoding="utf-8") as pipe:
            python = self._settings.venv_python if self._checks[0].venv else sys.executable
            order = {
                "checks": [check.to_json() for check in self._checks],
                "image": self._settings.image,
                "gpu": self._settings.gpu,
                "requireGpu": self._settings.require_gpu,
                "freeBytes": self._settings.free_bytes,
                "pipe": writing,
            }
            try:
                process = subprocess.Popen(
                    [str(python), str(RUN), "--lane", json.dumps(order)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[writing],
                    start_new_session=True,
                )
            finally:
                os.close(writing)
            return self._follow(process, pipe, log)

    def _follow(self, process: subprocess.Popen[bytes], pipe: Any, log: Any) -> int:
        done, mark, started = 0, 0, time.monotonic()
        timer = self._start_timer(process, done)
        for line in pipe:
            kind, content = json.loads(line)
            if kind == "start":
                mark, started = content, time.monotonic()
            elif kind == "end":
                done += 1
                timer.cancel()
                timer = self._start_timer(process, done)
            else:
                self._handle(kind, content, read_from(log, mark))
        status = process.wait()
        timer.cancel()
        if done < len(self._checks):
            check, seconds = self._checks[done], time.monotonic() - started
            reason = f"its process ended with {describe(status)}"
            if self._overrun:
                reason = f"no end within {check.deadline:g} s"
            result = Result(check.id, check.title, Status.FAIL, seconds, reason)
            self._handle("result", result.to_json(), read_from(log, mark))
            done += 1
        return done

    def _start_timer(self, process: subprocess.Popen[bytes], done: int) -> threading.Timer:
        deadline = self._checks[done].deadline if done < len(self._checks) else 10.0
        timer = threading.Timer(deadline, self._stop, [process])
        timer.daemon = True
        timer.start()
        return timer

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        self._overrun = True
        with suppress(ProcessLookupError):
            # Children first: once the lane is gone they are the runner's, among those of the other lanes.
            process.send_signal(signal.SIGSTOP)
            kill_descendants(process.pid)
            process.kill()


def end_of(log: Any) -> int:
    """The size of the log in bytes."""
    return os.fstat(log.fileno()).st_size


def read_from(log: Any, mark: int) -> str:
    """What was written to the log after `mark`."""
    return os.pread(log.fileno(), max(0, end_of(log) - mark), mark).decode(errors="replace")
