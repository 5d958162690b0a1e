"""The CUDA driver API, called directly: no torch and no toolkit, so that it also judges images that have neither."""

from __future__ import annotations

import ctypes
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_int, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path
from typing import Any

LIBRARY = "libcuda.so.1"
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
MAJOR, MINOR = 75, 76
# A driver that cannot say what an error is called (or is too broken to be asked): those that decide something here.
NAMES = {
    2: "CUDA_ERROR_OUT_OF_MEMORY",
    34: "CUDA_ERROR_STUB_LIBRARY",
    46: "CUDA_ERROR_DEVICE_UNAVAILABLE",
    100: "CUDA_ERROR_NO_DEVICE",
    214: "CUDA_ERROR_ECC_UNCORRECTABLE",
    221: "CUDA_ERROR_JIT_COMPILER_NOT_FOUND",
    802: "CUDA_ERROR_SYSTEM_NOT_READY",
    803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    804: "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
    999: "CUDA_ERROR_UNKNOWN",
}
# Handles and addresses have 64 bits; ctypes would cut them to an int's 32.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuGetErrorName": (c_int, c_void_p),
    "cuDeviceGetCount": (c_void_p,),
    "cuDeviceGet": (c_void_p, c_int),
    "cuDeviceGetName": (c_void_p, c_int, c_int),
    "cuDeviceGetAttribute": (c_void_p, c_int, c_int),
    "cuDeviceTotalMem_v2": (c_void_p, c_int),
    "cuDevicePrimaryCtxRetain": (c_void_p, c_int),
    "cuDevicePrimaryCtxRelease_v2": (c_int,),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxSynchronize": (),
    "cuMemAlloc_v2": (c_void_p, c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemsetD32_v2": (c_uint64, c_uint, c_size_t),
    "cuMemcpyDtoH_v2": (c_void_p, c_uint64, c_size_t),
    "cuModuleLoadData": (c_void_p, c_void_p),
    "cuModuleUnload": (c_void_p,),
    "cuModuleGetFunction": (c_void_p, c_void_p, ctypes.c_char_p),
    "cuLaunchKernel": (c_void_p, *(c_uint,) * 7, c_void_p, c_void_p, c_void_p),
}
# Writes the square of each number's place. PTX for the oldest GPU that any generation names: the driver compiles it for
# whichever GPU there is, and needs no file of the image for that.
KERNEL = b"squares"
PTX = b"""
.version 6.3
.target sm_75
.address_size 64

.visible .entry squares(.param .u64 out, .param .u32 count)
{
    .reg .pred %p<2>;
    .reg .b32 %r<7>;
    .reg .b64 %rd<5>;
    ld.param.u64 %rd1, [out];
    ld.param.u32 %r1, [count];
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.s32 %r5, %r2, %r3, %r4;
    setp.ge.u32 %p1, %r5, %r1;
    @%p1 bra DONE;
    cvta.to.global.u64 %rd2, %rd1;
    mul.wide.u32 %rd3, %r5, 4;
    add.s64 %rd4, %rd2, %rd3;
    mul.lo.s32 %r6, %r5, %r5;
    st.global.u32 [%rd4], %r6;
DONE:
    ret;
}
"""
BLOCK = 256


class CudaError(Exception):
    """A call that the driver refused; `code` is its CUresult."""

    def __init__(self, call: str, code: int, name: str) -> None:
        super().__init__(f"{call}: {name} ({code})")
        self.code = code


class Cuda:
    """libcuda; raises OSError where it cannot be loaded."""

    def __init__(self, library: str = LIBRARY) -> None:
        self._library = ctypes.CDLL(library)
        for name, arguments in ARGUMENTS.items():
            getattr(self._library, name).argtypes = arguments

    def call(self, name: str, *arguments: Any) -> None:
        """Raises CudaError unless the driver says CUDA_SUCCESS."""
        code = getattr(self._library, name)(*arguments)
        if code != 0:
            raise CudaError(name, code, self._name_of(code))

    def _name_of(self, code: int) -> str:
        name = ctypes.c_char_p()
        if self._library.cuGetErrorName(code, byref(name)) == 0 and name.value:
            return name.value.decode()
        return NAMES.get(code, "unknown error")

    def count(self) -> int:
        """How many GPUs there are, after `cuInit`."""
        count = c_int()
        self.call("cuDeviceGetCount", byref(count))
        return count.value

    def describe(self, device: int = 0) -> dict[str, Any]:
        """Name, compute capability and memory in bytes of a GPU."""
        handle, major, minor = c_int(), c_int(), c_int()
        memory, name = c_size_t(), ctypes.create_string_buffer(256)
        self.call("cuDeviceGet", byref(handle), device)
        self.call("cuDeviceGetName", name, len(name), handle)
        self.call("cuDeviceGetAttribute", byref(major), MAJOR, handle)
        self.call("cuDeviceGetAttribute", byref(minor), MINOR, handle)
        self.call("cuDeviceTotalMem_v2", byref(memory), handle)
        return {
            "name": name.value.decode(),
            "computeCapability": f"{major.value}.{minor.value}",
            "memoryBytes": memory.value,
        }

    @contextmanager
    def context(self, device: int = 0) -> Iterator[None]:
        """A context on a GPU, as every program has it; its memory is given back at the end."""
        handle, context = c_int(), c_void_p()
        self.call("cuDeviceGet", byref(handle), device)
        self.call("cuDevicePrimaryCtxRetain", byref(context), handle)
        try:
            self.call("cuCtxSetCurrent", context)
            yield
        finally:
            self.call("cuDevicePrimaryCtxRelease_v2", handle)

    @contextmanager
    def memory(self, size: int) -> Iterator[c_uint64]:
        """The address of `size` bytes of GPU memory."""
        address = c_uint64()
        self.call("cuMemAlloc_v2", byref(address), size)
        try:
            yield address
        finally:
            self.call("cuMemFree_v2", address)

    def read(self, address: c_uint64, count: int) -> array[int]:
        """`count` 32-bit numbers."""
        numbers = array("I", bytes(4 * count))
        self.call("cuMemcpyDtoH_v2", numbers.buffer_info()[0], address, 4 * count)
        return numbers

    def fill(self, address: c_uint64, value: int, count: int) -> None:
        """`count` times the 32-bit number `value`."""
        self.call("cuMemsetD32_v2", address, value, count)

    def squares(self, address: c_uint64, count: int) -> None:
        """Runs KERNEL over `count` 32-bit numbers."""
        module, function = c_void_p(), c_void_p()
        self.call("cuModuleLoadData", byref(module), PTX + b"\0")
        try:
            self.call("cuModuleGetFunction", byref(function), module, KERNEL)
            values = (c_uint64(address.value), c_uint(count))
            pointers = (c_void_p * 2)(*(ctypes.addressof(value) for value in values))
            blocks = (count + BLOCK - 1) // BLOCK
            self.call("cuLaunchKernel", function, blocks, 1, 1, BLOCK, 1, 1, 0, None, pointers, None)
            self.call("cuCtxSynchronize")
        finally:
            self.call("cuModuleUnload", module)


def loaded_file(maps: Path = Path("/proc/self/maps")) -> str | None:
    """The file behind the libcuda of this process; None while none is loaded."""
    for line in maps.read_text(encoding="utf-8").splitlines():
        path = line.split(maxsplit=5)[5:]
        if path and re.match(r"libcuda\.so(\.|$)", Path(path[0]).name):
            return path[0]
    return None
