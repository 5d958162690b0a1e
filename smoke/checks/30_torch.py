"""torch computes what is known beforehand: small integers, exact in float32 and also in TF32's eleven bits."""

from __future__ import annotations

from typing import Any

import torch

from lib.check import Check
from lib.result import Fail

TITLE = "torch"
VENV = True
DEADLINE = 180

SIZE = 64
ALLOCATION = 256 * 1024 * 1024


def run(check: Check) -> None:
    """The same computations on the CPU and on the GPU, then what only a GPU has."""
    for device in ("cpu", "gpu"):
        for name, compute in (("matmul", matmul), ("convolution", convolution), ("autograd", autograd)):
            with check.step(f"{name}-{device}", f"{name} on the {device.upper()}"):
                if device == "gpu":
                    check.need_gpu()
                compute("cuda" if device == "gpu" else "cpu")
    with check.step("capability", "the GPU is one that the image was built for") as step:
        check.need_gpu()
        step.note = compare_capability(check.image.get("computeCapabilities", []))
    with check.step("memory", "GPU memory can be used and is given back"):
        check.need_gpu()
        allocate()


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
