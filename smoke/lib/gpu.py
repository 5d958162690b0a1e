"""The GPU as the driver sees it, asked through the driver's own libraries: no torch, no nvidia-smi.

`python3 -m lib.gpu` prints what it saw as JSON, so that a driver that crashes or hangs does not take the runner with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .cuda import Cuda, CudaError, loaded_file
from .process import describe

SMOKE = Path(__file__).resolve().parent.parent
# Where /dev and /proc are; tests have their own.
ROOT = Path(os.environ.get("STRATA_SMOKE_ROOT", "/"))
KERNEL_MODULE = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)")
DEADLINE = 60.0


@dataclass
class Sight:
    """What can be seen of GPU and driver. Everything is None or empty where there is nothing.

    `devices` are device nodes; `kernel` is the version of the host's kernel module; `library` the file of libcuda;
    `absent`: there is no libcuda; `problem`, with `code` where the driver gave one, says why there is no `gpu`.
    `free_bytes` is the GPU's free memory.
    """

    devices: list[str] = field(default_factory=list)
    kernel: str | None = None
    library: str | None = None
    absent: bool = False
    problem: str | None = None
    code: int | None = None
    gpu: dict[str, Any] | None = None
    free_bytes: int | None = None

    @property
    def driver(self) -> str | None:
        """The driver's version, such as 580.65.06."""
        return (self.gpu or {}).get("driver") or self.kernel


def find_devices(root: Path = ROOT) -> list[str]:
    """The device nodes of GPUs: NVIDIA's own, or Windows' where this is WSL."""
    nodes = [path for path in (root / "dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    return sorted(f"/dev/{path.name}" for path in [*nodes, *(root / "dev").glob("dxg")])


def kernel_version(root: Path = ROOT) -> str | None:
    """The version of the host's kernel module, which every container sees."""
    try:
        text = (root / "proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = KERNEL_MODULE.search(text)
    return found[1] if found else None


class Nvml:
    """What the driver's management library knows; nothing where it is missing."""

    def __init__(self) -> None:
        self._nvml: ctypes.CDLL | None = None
        try:
            library = ctypes.CDLL("libnvidia-ml.so.1")
        except OSError:
            return
        if library.nvmlInit_v2() == 0:
            self._nvml = library

    def version(self) -> str | None:
        """The driver's version."""
        text = ctypes.create_string_buffer(96)
        if self._nvml is None or self._nvml.nvmlSystemGetDriverVersion(text, len(text)) != 0:
            return None
        return text.value.decode()

    def free_bytes(self) -> int | None:
        """Free memory of the first GPU; asking takes none."""
        device, memory = ctypes.c_void_p(), (ctypes.c_ulonglong * 3)()
        if self._nvml is None or self._nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) != 0:
            return None
        # nvmlMemory_t: total, free, used.
        return int(memory[1]) if self._nvml.nvmlDeviceGetMemoryInfo(device, memory) == 0 else None


def look() -> Sight:
    """Everything of `Sight`, in this process."""
    sight = Sight(devices=find_devices(), kernel=kernel_version())
    try:
        cuda = Cuda()
    except OSError as error:
        sight.problem = str(error)
        sight.absent = "libcuda.so.1: cannot open shared object file" in sight.problem
        return sight
    sight.library = loaded_file()
    try:
        cuda.call("cuInit", 0)
        if cuda.count() == 0:
            sight.problem = "the driver shows no GPU"
            return sight
        sight.gpu = cuda.describe()
    except CudaError as error:
        sight.problem, sight.code = str(error), error.code
        return sight
    nvml = Nvml()
    sight.gpu["driver"] = nvml.version() or sight.kernel or "unknown"
    sight.free_bytes = nvml.free_bytes()
    return sight


def find_gpu() -> Sight:
    """`look` in a process of its own. For a driver that cannot be asked, `problem` says how that ended."""
    command = [sys.executable, "-m", __name__]
    sight = Sight(devices=find_devices(), kernel=kernel_version())
    try:
        answer = subprocess.run(command, cwd=SMOKE, capture_output=True, text=True, timeout=DEADLINE, check=False)
        if answer.returncode == 0:
            return Sight(**json.loads(answer.stdout))
        sight.problem = f"asking the driver ended with {describe(answer.returncode)}"
    except subprocess.TimeoutExpired:
        sight.problem = f"the driver did not answer within {DEADLINE:g} s"
    except (OSError, ValueError, TypeError) as error:
        sight.problem = f"the driver's answer cannot be used: {error}"
    return sight


if __name__ == "__main__":
    print(json.dumps(asdict(look())))
