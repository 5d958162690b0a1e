"""SIGTERM ends the container: quickly, with exit status 0, and nothing is left."""

from __future__ import annotations

import os
import time

from lib.check import Check
from lib.process import descendants
from lib.result import Fail
from lib.services import Services

TITLE = "clean stop"
DEADLINE = 180

START_DEADLINE = 120.0
STOP_DEADLINE = 15.0
# A process that lost its parent needs a moment to notice that its pipe is closed.
GRACE = 1.0


def run(check: Check) -> None:
    """Starts services of its own, so that the stop can be seen whatever happens to those of other checks."""
    with Services(default_ports=False) as services:
        with check.step("start", "the services start on other ports") as started:
            services.wait_until_healthy(START_DEADLINE)
        if not started.passed:
            return
        with check.step("stop", "SIGTERM ends the entrypoint with exit status 0") as step:
            seconds = services.stop(STOP_DEADLINE)
            if seconds is None:
                raise Fail(f"still running {STOP_DEADLINE:g} s after SIGTERM", services.log())
            if services.process.returncode != 0:
                raise Fail(f"exit status {services.process.returncode}", services.log())
            check.measure("stopSeconds", seconds)
            step.note = f"after {seconds:.1f} s"
        with check.step("nothing-left", "no process is left"):
            expect_nothing_left(GRACE)


def expect_nothing_left(grace: float) -> None:
    """Raises Fail when a process that the entrypoint started is still there after `grace` seconds."""
    limit = time.monotonic() + grace
    while left := descendants(os.getpid()):
        if time.monotonic() > limit:
            raise Fail(f"still there: {', '.join(f'{name} ({pid})' for pid, name in left.items())}")
        time.sleep(0.05)
