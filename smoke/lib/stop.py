"""The end of the services: SIGTERM, exit status 0, and nothing is left."""

from __future__ import annotations

import os
import time

from .check import Check
from .instance import Instance
from .process import descendants
from .result import Fail
from .services import Services


def check_stop(
    check: Check,
    services: Services | Instance,
    deadline: float,
    grace: float,
    measurement: str,
    beside: Services | None = None,
) -> None:
    """One result for the end itself, one for what it leaves behind; `beside`: services that go on."""
    with check.step("stop", "SIGTERM ends the entrypoint with exit status 0") as step:
        seconds = services.stop(deadline)
        if seconds is None:
            raise Fail(f"still running {deadline:g} s after SIGTERM", services.log())
        if services.process.returncode != 0:
            raise Fail(f"exit status {services.process.returncode}", services.log())
        check.measure(measurement, seconds)
        step.note = f"after {seconds:.1f} s"
    with check.step("nothing-left", "no process is left"):
        expect_nothing_left(grace, beside)


def expect_nothing_left(grace: float, beside: Services | None = None) -> None:
    """Raises Fail when a process that the entrypoint started is still there after `grace` seconds."""

    def others() -> dict[int, str]:
        found = descendants(os.getpid())
        going_on = {beside.process.pid, *descendants(beside.process.pid)} if beside else set()
        return {pid: name for pid, name in found.items() if pid not in going_on}

    limit = time.monotonic() + grace
    while left := others():
        if time.monotonic() > limit:
            raise Fail(f"still there: {', '.join(f'{name} ({pid})' for pid, name in left.items())}")
        time.sleep(0.05)
