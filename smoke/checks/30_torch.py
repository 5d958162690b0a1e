"""torch computes what is known beforehand, in every type: small integers, exact even in the few bits of bfloat16."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch

from lib.check import Check
from lib.result import Fail

TITLE = "torch"
VENV = True
DEADLINE = 300

SIZE = 64
# Large enough for the kernels that real models run, tensor cores' among them.
LARGE = 512
ALLOCATION = 256 * 1024 * 1024
# What models compute in. Sums of -1, 0 and 1 stay below 256 here, the last number up to which bfloat16 has them all.
TYPES = ("float64", "float32", "float16", "bfloat16")
# 8 bits in floating point came with Ada.
FLOAT8, FLOAT8_CAPABILITY = torch.float8_e4m3fn, (8, 9)


def run(check: Check) -> None:
    """The same computations on the CPU and on the GPU, then what only a GPU has."""
    for device in ("cpu", "gpu"):
        for name, compute in computations().items():
            with check.step(f"{name}-{device}", f"{name} on the {device.upper()}"):
                if device == "gpu":
                    check.need_gpu()
                compute("cuda" if device == "gpu" else "cpu")
    with check.step("matmul-tf32", "matmul in TF32 on the GPU"):
        check.need_gpu()
        compute_tf32()
    if not check.is_older_gpu(FLOAT8_CAPABILITY):
        with check.step("matmul-float8", "matmul in 8-bit floating point on the GPU"):
            check.need_gpu()
            matmul_float8("cuda")
    with check.step("capability", "the GPU is one that the image was built for") as step:
        check.need_gpu()
        step.note = compare_capability(check.image.get("computeCapabilities", []))
    if check.has("trimmed") and check.has("computeCapabilities"):
        with check.step("every-kernel", "all that is left of torch's GPU code can be loaded"):
            check.need_gpu()
            load_everything()
    with check.step("memory", "GPU memory can be used and is given back"):
        check.need_gpu()
        allocate()


def computations() -> dict[str, Callable[[str], None]]:
    """By name; each takes a device."""
    typed: dict[str, Callable[[str], None]] = {}
    for name in TYPES:
        dtype = getattr(torch, name)
        typed[f"matmul-{name}"] = lambda device, dtype=dtype: matmul_typed(device, dtype)
        typed[f"convolution-{name}"] = lambda device, dtype=dtype: convolution_typed(device, dtype)
    return {
        "matmul": matmul,
        "convolution": convolution,
        "autograd": autograd,
        **typed,
        "matmul-int8": matmul_int8,
    }


def load_everything() -> None:
    """Raises Fail where the driver does not take a box of code: else it looks at each when a kernel in it is first used."""
    program = "import torch; print(torch.ones(8, device='cuda').sum().item())"
    environment = {**os.environ, "CUDA_MODULE_LOADING": "EAGER"}
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    if answer.stdout.strip() != "8.0":
        raise Fail(f"torch computed nothing, exit status {answer.returncode}", answer.stdout + answer.stderr)


def signs(*shape: int, seed: int) -> Any:
    """-1, 0 and 1, the same ones each time, on the CPU."""
    return torch.randint(-1, 2, shape, generator=torch.Generator().manual_seed(seed)).float()


def matmul_typed(device: str, dtype: Any) -> None:
    """A product against the CPU's in float32, where whole numbers of this size are exact in any order."""
    left, right = signs(LARGE, LARGE, seed=1), signs(LARGE, LARGE, seed=2)
    found = left.to(device, dtype) @ right.to(device, dtype)
    expect_equal(found.float(), left @ right)


def matmul_int8(device: str) -> None:
    """What quantised models compute: 8-bit factors, 32-bit sums. cuBLAS need not have it for two factors that both lie by rows
    (pytorch#169956: on 8.0 it has not).
    """
    left, right = signs(LARGE, LARGE, seed=1), signs(LARGE, LARGE, seed=2)
    found = torch._int_mm(left.to(device, torch.int8), by_columns(right).to(device, torch.int8))
    expect_equal(found.float(), left @ right)


def matmul_float8(device: str) -> None:
    """Factors of 8 bits; the second one has to lie by columns."""
    left, right = signs(LARGE, LARGE, seed=1), signs(LARGE, LARGE, seed=2)
    one = torch.ones((), device=device)
    columns = by_columns(right).to(device, FLOAT8)
    found = torch._scaled_mm(left.to(device, FLOAT8), columns, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    expect_equal(found.float(), left @ right)


def by_columns(matrix: Any) -> Any:
    """The same numbers, column after column in memory."""
    return matrix.T.contiguous().T


def compute_tf32() -> None:
    """float32 through the tensor cores, as ComfyUI and others switch it on."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        matmul_typed("cuda", torch.float32)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def convolution_typed(device: str, dtype: Any) -> None:
    """Several channels, a stride and a margin against the CPU's float32."""
    image, kernel = signs(2, 16, 64, 64, seed=1), signs(32, 16, 3, 3, seed=2)
    compute = torch.nn.functional.conv2d
    found = compute(image.to(device, dtype), kernel.to(device, dtype), stride=2, padding=1)
    expect_equal(found.float(), compute(image, kernel, stride=2, padding=1))


def expect_equal(found: Any, expected: Any) -> None:
    """Raises Fail unless both tensors hold the same numbers, exactly."""
    found = found.cpu()
    if found.shape != expected.shape:
        raise Fail(f"expected the shape {tuple(expected.shape)}, got {tuple(found.shape)}")
    wrong = int((found != expected).sum())
    if wrong:
        raise Fail(f"{wrong} of {expected.numel()} numbers are wrong", f"expected\n{expected}\ngot\n{found}")


def matmul(device: str) -> None:
    """A[i,k] = i+1, B[k,j] = j+1: every element of the product is SIZE·(i+1)·(j+1)."""
    ramp = torch.arange(1, SIZE + 1, dtype=torch.float32, device=device)
    left = ramp[:, None].expand(SIZE, SIZE)
    right = ramp[None, :].expand(SIZE, SIZE)
    numbers = torch.arange(1, SIZE + 1)
    expect_equal(left @ right, (SIZE * numbers[:, None] * numbers[None, :]).float())


def convolution(device: str) -> None:
    """The sum over a 3 by 3 window of the plane i + 10·j is nine times its centre."""
    numbers = torch.arange(16)
    plane = numbers[:, None] + 10 * numbers[None, :]
    image = plane.float().to(device)[None, None]
    kernel = torch.ones(1, 1, 3, 3, device=device)
    expect_equal(torch.nn.functional.conv2d(image, kernel)[0, 0], (9 * plane[1:-1, 1:-1]).float())


def autograd(device: str) -> None:
    """The gradient of the sum of x³ is 3·x²."""
    x = torch.arange(SIZE, dtype=torch.float32, device=device, requires_grad=True)
    (x * x * x).sum().backward()
    expect_equal(x.grad, 3.0 * torch.arange(SIZE).float() ** 2)


def compare_capability(capabilities: list[str]) -> str:
    """The GPU's compute capability; raises Fail unless it is one of `capabilities`."""
    found = "{}.{}".format(*torch.cuda.get_device_capability())
    if found not in capabilities:
        built = ", ".join(capabilities) or "none"
        raise Fail(f"the GPU has compute capability {found}, the image is built for {built}")
    return found


def allocate() -> None:
    """Fills 256 MiB and gives them back."""
    before = torch.cuda.memory_allocated()
    block = torch.ones(ALLOCATION, dtype=torch.uint8, device="cuda")
    total = int(block.sum(dtype=torch.int64))
    if total != ALLOCATION:
        raise Fail(f"the sum of {ALLOCATION} ones is {total}")
    del block
    left = torch.cuda.memory_allocated() - before
    if left > 0:
        raise Fail(f"{left} bytes of GPU memory are still allocated")
