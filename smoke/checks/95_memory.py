"""When every other check has ended, the GPU has its memory back. Nobody else may use it meanwhile."""

from __future__ import annotations

import time

from lib.check import Check
from lib.gpu import find_gpu
from lib.result import Fail, Inconclusive

TITLE = "memory given back"
LAST = True
DEADLINE = 180

# The driver frees what a killed process had a moment after its end.
PATIENCE = 20.0
POLL = 0.5
# The driver keeps some for itself once the GPU has been used.
TOLERANCE = 256 * 2**20


def run(check: Check) -> None:
    """Compares what is free with what was free before the first check."""
    with check.step("", "the GPU has its memory back") as step:
        check.need_gpu()
        if check.free_bytes is None:
            raise Inconclusive("the driver does not say how much memory is free")
        left = wait_for_memory(check.free_bytes)
        check.measure("gpuMemoryLeftBytes", left)
        if left > TOLERANCE:
            raise Fail(f"{left / 2**20:.0f} MiB of GPU memory are still in use")
        step.note = f"{left / 2**20:.0f} MiB less than before"


def wait_for_memory(before: int) -> int:
    """How many bytes less than `before` are free, once that is within TOLERANCE or PATIENCE is over."""
    limit = time.monotonic() + PATIENCE
    while True:
        free = find_gpu().free_bytes
        if free is None:
            raise Inconclusive("the driver does not say how much memory is free any more")
        left = max(0, before - free)
        if left <= TOLERANCE or time.monotonic() > limit:
            return left
        time.sleep(POLL)
