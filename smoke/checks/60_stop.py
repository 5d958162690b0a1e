"""SIGTERM ends the container: quickly, with exit status 0, and nothing is left."""

from __future__ import annotations

from lib.check import Check
from lib.services import Services
from lib.stop import check_stop

TITLE = "clean stop"
# An instance has services of its own: check 85.
WITHOUT = "instance"
DEADLINE = 180

START_DEADLINE = 120.0
STOP_DEADLINE = 15.0
# A process that lost its parent needs a moment to notice that its pipe is closed.
GRACE = 1.0


def run(check: Check) -> None:
    """Starts services of its own, so that the stop can be seen whatever happens to those of other checks.

    ComfyUI is not among them: it takes long to start, and check 70 stops it.
    """
    with Services(default_ports=False, llama=check.has("llama")) as services:
        with check.step("start", "the services start on other ports") as started:
            services.wait_until_healthy(START_DEADLINE)
        if started.passed:
            check_stop(check, services, STOP_DEADLINE, GRACE, "stopSeconds")
