"""A program that starts services, for as long as a block: the image's entrypoint, or an instance's boot."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from .process import kill_descendants
from .result import Fail

POLL = 0.05
# For services that nobody asks about any more; what is left then is killed.
STOP_PATIENCE = 5.0


class Running:
    """`with Running(program, environment, name) as running:`. Whatever happens, nothing of it outlives the block.

    `name` is what it is called where it ends too early.
    """

    def __init__(self, program: Path, environment: dict[str, str], name: str) -> None:
        self.environment = environment
        self._program, self._name = program, name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        self._told_to_stop = False

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(self._program)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None and not self._told_to_stop:
            self.stop(STOP_PATIENCE)
        kill_descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        self._log.close()

    def stop(self, deadline: float) -> float | None:
        """Sends SIGTERM; returns the seconds until it ended, None if it did not within `deadline`."""
        started = time.monotonic()
        self._told_to_stop = True
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - started

    def log(self) -> str:
        """What it and its services wrote so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def wait(self, ready: Callable[[], bool], deadline: float, otherwise: str | Callable[[], str]) -> None:
        """Returns when `ready` says so; raises Fail after `deadline` seconds or when the program ends."""
        limit = time.monotonic() + deadline
        while not ready():
            if self.process.poll() is not None:
                raise Fail(f"the {self._name} ended with exit status {self.process.returncode}", self.log())
            if time.monotonic() > limit:
                problem = otherwise if isinstance(otherwise, str) else otherwise()
                raise Fail(f"{problem} within {deadline:g} s", self.log())
            time.sleep(POLL)
