"""Looks at torch, the GPUs and the attention back ends and prints what it found as JSON.

Runs as a process of its own (`python -m strata_backend.probe`): the service answers while torch is imported, holds
neither torch's memory nor a CUDA context afterwards, and survives an extension that crashes.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import sys
import warnings
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from .models import AttentionBackend, Gpu, Probe, Torch

# PyPI name of the distribution that brings the version, for modules where it differs from the module's name.
DISTRIBUTIONS = {"flash_attn": "flash-attn"}
NO_GPU = "no GPU"


def first_line(error: BaseException) -> str:
    """The error in one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def driver_version() -> str | None:
    """The NVIDIA driver's version from NVML, which comes with the driver; None without one."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    version = ctypes.create_string_buffer(96)
    found = nvml.nvmlSystemGetDriverVersion(version, len(version)) == 0
    nvml.nvmlShutdown()
    return version.value.decode() if found else None


def describe_torch(torch: ModuleType) -> Torch:
    """Version and CUDA of `torch`, and why CUDA cannot be used where it cannot."""
    available = torch.cuda.is_available()
    reason = None
    if not available:
        try:
            torch.cuda.init()
            reason = NO_GPU
        except (RuntimeError, AssertionError) as error:
            reason = first_line(error)
    return Torch(version=torch.__version__, cuda=torch.version.cuda, cuda_available=available, reason=reason)


def list_gpus(torch: ModuleType) -> list[Gpu]:
    """The GPUs in torch's order."""
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        found.append(Gpu(name=properties.name, compute_capability=capability, memory_bytes=properties.total_memory))
    return found


def try_backend(name: str, version: str | None, compute: Callable[[], Any]) -> AttentionBackend:
    """Usable when `compute` returns; what it raises or warns about is the reason otherwise."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compute()
        except Exception as error:  # noqa: BLE001 - extensions raise whatever they like, and all of it means the same
            hints = [str(warning.message).strip() for warning in caught]
            reason = "; ".join([first_line(error), *dict.fromkeys(hint.splitlines()[0] for hint in hints if hint)])
            return AttentionBackend(name=name, version=version, usable=False, reason=reason[:500])
    return AttentionBackend(name=name, version=version, usable=True)


def probe_sdpa(torch: ModuleType) -> list[AttentionBackend]:
    """The implementations behind scaled_dot_product_attention, each tried on the GPU or, without one, on the CPU."""
    attention = importlib.import_module("torch.nn.attention")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tensor = torch.ones(1, 1, 64, 64, dtype=torch.float16 if device == "cuda" else torch.float32, device=device)
    kinds = {
        "sdpa-flash": attention.SDPBackend.FLASH_ATTENTION,
        "sdpa-mem-efficient": attention.SDPBackend.EFFICIENT_ATTENTION,
        "sdpa-cudnn": attention.SDPBackend.CUDNN_ATTENTION,
        "sdpa-math": attention.SDPBackend.MATH,
    }

    def compute(kind: Any) -> Any:
        with attention.sdpa_kernel([kind]):
            return torch.nn.functional.scaled_dot_product_attention(tensor, tensor, tensor)

    return [try_backend(name, torch.__version__, partial(compute, kind)) for name, kind in kinds.items()]


def installed_version(module: str) -> str | None:
    """Version of the distribution that brings `module`; None when it is not installed."""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(module, module))
    except importlib.metadata.PackageNotFoundError:
        return None


def probe_extension(torch: ModuleType, module: str, compute: Callable[[ModuleType], Any]) -> AttentionBackend:
    """An attention package: import it, then compute with it where there is a GPU."""
    version = installed_version(module)
    if version is None:
        return AttentionBackend(name=module, usable=False, reason="not installed")
    imported = try_backend(module, version, lambda: importlib.import_module(module))
    if not imported.usable:
        return imported
    if not torch.cuda.is_available():
        return AttentionBackend(name=module, version=version, usable=False, reason=NO_GPU)
    return try_backend(module, version, lambda: compute(importlib.import_module(module)))


def probe_extensions(torch: ModuleType) -> list[AttentionBackend]:
    """triton and the packages that build on it or bring kernels of their own."""

    def tensor() -> Any:
        return torch.ones(1, 64, 2, 64, dtype=torch.float16, device="cuda")

    def triton(module: ModuleType) -> Any:
        return module.runtime.driver.active.get_current_target()

    def sageattention(module: ModuleType) -> Any:
        return module.sageattn(tensor(), tensor(), tensor(), tensor_layout="NHD")

    def xformers(_: ModuleType) -> Any:
        return importlib.import_module("xformers.ops").memory_efficient_attention(tensor(), tensor(), tensor())

    def flash_attn(module: ModuleType) -> Any:
        return module.flash_attn_func(tensor(), tensor(), tensor())

    computations: dict[str, Callable[[ModuleType], Any]] = {
        "triton": triton,
        "sageattention": sageattention,
        "xformers": xformers,
        "flash_attn": flash_attn,
    }
    return [probe_extension(torch, name, compute) for name, compute in computations.items()]


def probe() -> Probe:
    """Everything; raises ImportError when torch itself cannot be imported."""
    torch = importlib.import_module("torch")
    return Probe(
        torch=describe_torch(torch),
        gpus=list_gpus(torch),
        driver=driver_version(),
        attention=[*probe_sdpa(torch), *probe_extensions(torch)],
    )


def main() -> int:
    """Prints the finding as one line of JSON, or the error on stderr."""
    try:
        found = probe()
    except ImportError as error:
        print(f"torch cannot be imported: {error}", file=sys.stderr)
        return 1
    print(found.model_dump_json(by_alias=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
