"""The GPU as the driver sees it, asked through the driver's own libraries: no torch, no nvidia-smi.

Run as a program it prints the finding as JSON, null without a GPU, so that a driver that crashes or hangs does not
take the runner with it.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
DEADLINE = 60.0


def load(name: str) -> ctypes.CDLL | None:
    """A library of the driver, None where it is not there."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def driver_version() -> str | None:
    """The driver's version, such as 580.65.06."""
    nvml = load("libnvidia-ml.so.1")
    if nvml is None or nvml.nvmlInit_v2() != 0:
        return None
    version = ctypes.create_string_buffer(96)
    known = nvml.nvmlSystemGetDriverVersion(version, len(version)) == 0
    nvml.nvmlShutdown()
    return version.value.decode() if known else None


def first_gpu() -> dict[str, Any] | None:
    """Name, compute capability, driver and memory in bytes of the first GPU; None without one."""
    cuda = load("libcuda.so.1")
    count = ctypes.c_int()
    if cuda is None or cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return None
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    memory, name = ctypes.c_size_t(), ctypes.create_string_buffer(256)
    cuda.cuDeviceGet(ctypes.byref(device), 0)
    cuda.cuDeviceGetName(name, len(name), device)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), MAJOR, device)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), MINOR, device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return {
        "name": name.value.decode(),
        "computeCapability": f"{major.value}.{minor.value}",
        "driver": driver_version() or "unknown",
        "memoryBytes": memory.value,
    }


def find_gpu() -> dict[str, Any] | None:
    """`first_gpu` in a process of its own. A driver that cannot be asked counts as none."""
    command = [sys.executable, str(Path(__file__).resolve())]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
        found: dict[str, Any] | None = json.loads(answer.stdout)
        return found
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


if __name__ == "__main__":
    print(json.dumps(first_gpu()))
