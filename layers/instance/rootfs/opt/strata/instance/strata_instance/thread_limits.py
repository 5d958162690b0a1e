"""As many threads as the container may use cores: on a host of 128, libraries start 128 for a slice of eight."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .words import print_exports

CGROUP = Path("/sys/fs/cgroup")
NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TOKIO_WORKER_THREADS")
CEILING = "VAST_CPU_THREAD_CEILING"


def quota(cgroup: Path = CGROUP) -> float | None:
    """Cores that the cgroup grants, by version 2 or 1; None without a limit."""
    with suppress(OSError, ValueError):
        granted, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        return None if granted == "max" else int(granted) / int(period)
    with suppress(OSError, ValueError):
        granted, period = (
            (cgroup / f"cpu/cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
        )
        return None if int(granted) <= 0 else int(granted) / int(period)
    return None


def thread_variables(given: Mapping[str, str], allowed: int, on_host: int, granted: float | None) -> dict[str, str]:
    """What to set; what a user set stays. Without a limit libraries count better than we do."""
    cores = min(allowed, math.ceil(granted) if granted else allowed)
    ceiling = given.get(CEILING, "")
    if ceiling.isdecimal() and int(ceiling) > 0:
        cores = min(cores, int(ceiling))
    elif cores >= on_host:
        return {}
    return {name: str(max(1, cores)) for name in NAMES if not given.get(name)}


def main(_: list[str]) -> int:
    """For boot 12."""
    print_exports(thread_variables(os.environ, len(os.sched_getaffinity(0)), os.cpu_count() or 1, quota()))
    return 0
