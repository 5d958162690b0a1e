"""The GPUs, asked of NVIDIA's library: what nvidia-smi prints changes between drivers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pynvml
from pydantic import BaseModel

# A driver that is not there does not come while the container runs; one that failed may recover.
RETRY_AFTER = 30.0


class Gpu(BaseModel):
    """One of them; what its kind cannot tell is None."""

    index: int
    name: str
    utilisation: int | None
    memory_used: int | None
    memory_total: int | None
    temperature: int | None
    power: float | None
    power_limit: float | None


class Gpus(BaseModel):
    """All of them, or why there are none."""

    gpus: list[Gpu]
    driver: str | None
    reason: str | None


@dataclass
class GpuReader:
    """Keeps the library open."""

    _open: bool = False
    _failed: float = float("-inf")
    _reason: str = ""

    def read(self) -> Gpus:
        """How they are now."""
        if not self._open and time.monotonic() - self._failed < RETRY_AFTER:
            return Gpus(gpus=[], driver=None, reason=self._reason)
        try:
            if not self._open:
                pynvml.nvmlInit()
                self._open = True
            count = pynvml.nvmlDeviceGetCount()
            gpus = [describe(index) for index in range(count)]
            reason = None if gpus else "The driver lists no GPU."
            return Gpus(gpus=gpus, driver=pynvml.nvmlSystemGetDriverVersion(), reason=reason)
        except pynvml.NVMLError as error:
            self._open, self._failed, self._reason = False, time.monotonic(), explain(error)
            return Gpus(gpus=[], driver=None, reason=self._reason)


def describe(index: int) -> Gpu:
    """One GPU."""
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = attempt(pynvml.nvmlDeviceGetMemoryInfo, handle)
    rates = attempt(pynvml.nvmlDeviceGetUtilizationRates, handle)
    power = attempt(pynvml.nvmlDeviceGetPowerUsage, handle)
    limit = attempt(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    return Gpu(
        index=index,
        name=attempt(pynvml.nvmlDeviceGetName, handle) or "GPU",
        utilisation=rates.gpu if rates else None,
        memory_used=memory.used if memory else None,
        memory_total=memory.total if memory else None,
        temperature=attempt(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU),
        power=power / 1000 if power is not None else None,
        power_limit=limit / 1000 if limit is not None else None,
    )


def attempt(ask: Callable[..., Any], *words: Any) -> Any:
    """An answer, or None from a kind of GPU that has none; a lost one is for everybody to see."""
    try:
        return ask(*words)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_NoPermission, pynvml.NVMLError_FunctionNotFound):
        return None


def explain(error: pynvml.NVMLError) -> str:
    """In words of ours, where it is the usual case."""
    if isinstance(error, pynvml.NVMLError_LibraryNotFound):
        return "This container has no NVIDIA driver: it was started without a GPU."
    return f"NVIDIA's library says: {error}."
