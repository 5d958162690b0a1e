"""The driver against the image's CUDA, and CUDA's forward compatibility where it helps.

libcuda is asked, not nvidia-smi, whose output changes. NVIDIA's compatibility libraries are for its data centre GPUs; whether
they run on this one only a try tells, in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from preparation import driver

from .words import is_true, read_json, say, write_whole

IMAGE = Path("/opt/strata/image.json")
LINKER = Path("/etc/ld.so.conf.d/00-strata-cuda-compat.conf")
PLACES = Path("/usr/local")
TRIES = 3
PROBE = (
    "import ctypes, sys; c = ctypes.CDLL(sys.argv[1]); v = ctypes.c_int(0);"
    " sys.exit(0 if c.cuInit(0) == 0 and c.cuDriverGetVersion(ctypes.byref(v)) == 0 and v.value >= int(sys.argv[2]) else 1)"
)


def as_number(cuda: str) -> int:
    """13000 for 13.0, as libcuda says it; 0 where nobody knows."""
    parts = cuda.split(".")
    return int(parts[0]) * 1000 + int(parts[1]) * 10 if len(parts) > 1 and all(map(str.isdecimal, parts[:2])) else 0


def compatible_library(wanted: int, runs: Callable[[Path, int], bool], places: Path = PLACES) -> Path | None:
    """The first that works on this GPU and brings at least the CUDA that is wanted."""
    for library in sorted(places.glob("cuda*/compat/libcuda.so.1")):
        if runs(library, wanted):
            return library
    return None


def runs_here(library: Path, wanted: int) -> bool:
    """A first try may fail while the GPU wakes up."""
    for _ in range(TRIES):
        try:
            tried = subprocess.run(
                [sys.executable, "-c", PROBE, str(library), str(wanted)], capture_output=True, timeout=30, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        if tried.returncode == 0:
            return True
    return False


def use(library: Path | None, linker: Path = LINKER) -> None:
    """Has programs find it, or the driver's own again."""
    if library is None:
        if not linker.exists():
            return
        linker.unlink()
    else:
        write_whole(linker, f"{library.parent}\n")
    subprocess.run(["ldconfig"], check=True)


def main(_: list[str]) -> int:
    """For boot 05. The last boot may have been on another host, so its decision is taken back first."""
    use(None)
    image = read_json(IMAGE) or {}
    wanted = as_number(str(image.get("cuda") or ""))
    here = driver.find_driver()
    if here.cuda is None or not wanted or here.cuda >= wanted:
        return 0
    if not is_true(os.environ, "DISABLE_FORWARD_COMPAT"):
        library = compatible_library(wanted, runs_here)
        if library is not None:
            use(library)
            say(
                f"The driver brings CUDA {here.cuda // 1000}.{here.cuda % 1000 // 10}; {library.parent} stands in for it."
            )
            return 0
    finding = driver.judge(image, here)
    if finding is not None:
        say(finding.message)
        return 1 if finding.is_hopeless else 0
    return 0
