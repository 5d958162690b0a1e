"""The host's NVIDIA driver against the one that the image's CUDA needs.

Asked before any service starts, and without making a CUDA context. Below the floor two things differ: a driver whose own
CUDA is of an earlier major version runs nothing of the image; one of the same major version runs most of it.
https://docs.nvidia.com/deploy/cuda-compatibility/
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The kernel's, which every container sees: NVIDIA's container toolkit copies it, or the host's own shows through.
KERNEL = Path("/proc/driver/nvidia/version")
VERSION = re.compile(r"\b\d{3,}\.\d+(?:\.\d+)*\b")


@dataclass(frozen=True)
class Driver:
    """Its version, and the CUDA that it brings as the driver says it: 13000 for 13.0; each None where nobody knows."""

    version: str | None
    cuda: int | None


@dataclass(frozen=True)
class Finding:
    """A driver that is too old, in one line; `is_hopeless` where nothing of the image can compute with it."""

    message: str
    is_hopeless: bool


def find_driver(kernel: Path = KERNEL) -> Driver:
    """What is known of it. WSL has no such file, but NVML."""
    version = None
    with suppress(OSError):
        if found := VERSION.search(kernel.read_text(encoding="utf-8")):
            version = found[0]
    return Driver(version or ask_nvml(), ask_cuda())


def load(name: str) -> Any:
    """A library of the driver, which the container engine brings in; None without one."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def ask_nvml(loader: Callable[[str], Any] = load) -> str | None:
    """The version by the driver's library for management."""
    nvml = loader("libnvidia-ml.so.1")
    if nvml is None or nvml.nvmlInit_v2() != 0:
        return None
    text = ctypes.create_string_buffer(96)
    known = nvml.nvmlSystemGetDriverVersion(text, len(text)) == 0
    nvml.nvmlShutdown()
    return text.value.decode() if known else None


def ask_cuda(loader: Callable[[str], Any] = load) -> int | None:
    """The CUDA of the libcuda that programs here would use. This question initialises nothing."""
    cuda = loader("libcuda.so.1")
    version = ctypes.c_int(0)
    if cuda is None or cuda.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return version.value or None


def judge(image: Mapping[str, Any], driver: Driver) -> Finding | None:
    """None where the driver is new enough, or where nothing is known of it or of the image."""
    needed, cuda = image.get("minimumDriver"), str(image.get("cuda") or "")
    if not needed or not cuda or not driver.version or numbers(driver.version) >= numbers(needed):
        return None
    major = int(cuda.split(".")[0])
    return Finding(
        f"The NVIDIA driver {driver.version} is older than {needed}, which CUDA {cuda} of this image needs: update the"
        f" driver of the host, take another host (RunPod: allowed CUDA versions {cuda} and newer), or an image with an"
        " older CUDA.",
        driver.cuda is not None and driver.cuda // 1000 < major,
    )


def numbers(version: str) -> list[int]:
    """`580.65.06` in an order in which 580.100 is newer."""
    return [int(part) for part in re.findall(r"\d+", version)]
