"""Libraries that need not be there. `layers/verify` reads this too, for its own check of the stages."""

from __future__ import annotations

from fnmatch import fnmatch

# Come with the driver, from the host.
DRIVER = {"libcuda.so.1", "libnvidia-ml.so.1"}

# Where libraries are that a process has already loaded once it imported torch or triton: extensions built for them
# name these libraries without saying where they are.
LOADED_BY_TORCH = ("torch/lib", "nvidia/*/lib", "triton/_C")

# Files below site-packages that are loaded only where certain hardware or software is, with what they may lack. Nothing
# else may lack anything.
OPTIONAL = {
    # NVIDIA's wheels carry these for clusters.
    "nvidia/nvshmem/lib/nvshmem_bootstrap_*": "libmpi* liboshmem* libopen-* libpmix*",
    "nvidia/nvshmem/lib/nvshmem_transport_*": "libmlx5* libibverbs* libfabric* libucs* libucp* libuct* libucm*",
    "nvidia/*/lib/libcufile_rdma.so*": "libmlx5* libibverbs* librdmacm*",
    # For AMD's GPUs.
    "comfy_kitchen/backends/hip/*": "libamdhip64*",
    # Where TensorRT is installed.
    "onnxruntime/capi/libonnxruntime_providers_tensorrt.so": "libnvinfer* libnvonnxparser*",
    # One of numba's three ways to run threads.
    "numba/np/ufunc/tbbpool.*": "libtbb*",
}

# Symbols that whoever loads the file has already brought along, in a library that the file does not name.
BROUGHT_ALONG = {
    "onnxruntime/capi/libonnxruntime_providers_*.so": "Provider_GetHost",
}


def may_lack(path: str, library: str) -> bool:
    """Whether `library` is one that the file need not find."""
    return is_listed(OPTIONAL, path, library)


def is_brought_along(path: str, symbol: str) -> bool:
    """Whether the file's users define `symbol`."""
    return is_listed(BROUGHT_ALONG, path, symbol)


def is_listed(table: dict[str, str], path: str, name: str) -> bool:
    """Whether a rule for this file has a pattern for this name."""
    return any(
        fnmatch(path, f"*/site-packages/{files}") and any(fnmatch(name, pattern) for pattern in patterns.split())
        for files, patterns in table.items()
    )
