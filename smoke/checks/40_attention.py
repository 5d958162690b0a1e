"""Every attention implementation of the image gives what plain attention gives, on a GPU; without one it imports.

An implementation that cannot do something often does it another way and says nothing. So torch's operators are watched
while it computes: its own has to be among them, and none that plain attention is made of.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from lib.check import Check
from lib.discover import CheckFile, load_check
from lib.result import Fail, Inconclusive

TITLE = "attention"
VENV = True
DEADLINE = 300

BATCH, HEADS, LENGTH, HEAD = 2, 4, 256, 64
# Of values of about one: rounding of float16, and SageAttention's 8-bit queries and keys.
FLOAT16_TOLERANCE = 5e-3
INT8_TOLERANCE = 5e-2
# torch's own implementations: the lowest compute capability that they run on, and what torch calls their operator.
SDPA = {
    "flash": (SDPBackend.FLASH_ATTENTION, (8, 0), "_scaled_dot_product_flash_attention"),
    "mem-efficient": (SDPBackend.EFFICIENT_ATTENTION, (5, 0), "_scaled_dot_product_efficient_attention"),
    "cudnn": (SDPBackend.CUDNN_ATTENTION, (8, 0), "_scaled_dot_product_cudnn_attention"),
}
# What attention is made of where no kernel does it at once, and torch's own kernels, which others may fall back to.
PLAIN = re.compile(r"softmax|^b?mm$|^baddbmm$|^scaled_dot_product|^_scaled_dot_product")
TRITON_KERNEL = Path(__file__).with_name("triton_attention.py")

# Kernels of whole models: there is no function of theirs to compare with.
LIBRARIES = {"nunchaku"}

Attention = Callable[[Any, Any, Any], Any]


def run(check: Check) -> None:
    """torch's implementations first, then those that the image's description lists."""
    for name, (backend, lowest, operator) in SDPA.items():
        # On an older GPU there is nothing to test.
        if check.is_older_gpu(lowest):
            continue
        with check.step(f"sdpa-{name}", f"scaled_dot_product_attention ({name})") as step:
            check.need_gpu()
            step.note = compare(sdpa(backend), FLOAT16_TOLERANCE, operator)
    for name in check.image.get("attention", []):
        check_package(check, str(name).replace("-", "_"))


def check_package(check: Check, name: str) -> None:
    """One result for importing the package, one for computing with it."""
    with check.step(f"{name}-import", f"{name} and its extensions load") as imported:
        module = importlib.import_module(name)
        if name == "xformers":
            need_xformers_extension()
    if name in LIBRARIES:
        return
    with check.step(name, f"{name} computes attention") as step:
        if not imported.passed:
            raise Inconclusive(f"{name} does not import")
        if name not in PACKAGES:
            raise Inconclusive(f"this check does not know {name}; it knows {', '.join(PACKAGES)}")
        check.need_gpu()
        make, tolerance = PACKAGES[name]
        step.note = compare(make(module), tolerance)


class Operators(TorchDispatchMode):
    """The names of torch's operators that run meanwhile, such as `mm`."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        self.names.add(str(function).split(".")[1])
        return function(*arguments, **(options or {}))


def compare(attention: Attention, tolerance: float, operator: str | None = None, device: str = "cuda") -> str:
    """The largest difference to the plain computation in float32; raises Fail above `tolerance`.

    `operator` is torch's name of the implementation; without it, it is none of torch's.
    """
    torch.manual_seed(0)
    shape = (BATCH, HEADS, LENGTH, HEAD)
    tensors = [torch.randn(shape, dtype=torch.float16, device=device) for _ in range(3)]
    with sdpa_kernel([SDPBackend.MATH]):
        expected = scaled_dot_product_attention(*(tensor.float() for tensor in tensors))
    with Operators() as operators:
        found = attention(*tensors)
    expect_used(operators.names, operator)
    if found.shape != expected.shape:
        raise Fail(f"expected the shape {tuple(expected.shape)}, got {tuple(found.shape)}")
    difference = float((found.float() - expected).abs().max())
    # Written so that a NaN fails too.
    if not difference <= tolerance:
        raise Fail(f"differs by {difference:.2g} from plain attention, {tolerance:g} is allowed")
    return f"differs by {difference:.1g} at most"


def expect_used(names: set[str], operator: str | None) -> None:
    """Raises Fail when something else computed the attention."""
    others = sorted(name for name in names if PLAIN.search(name) and name != operator)
    if others or (operator and operator not in names):
        raise Fail(f"it was not used: {', '.join(others) or 'nothing'} computed the attention")


def sdpa(backend: Any) -> Attention:
    """torch's own attention, through `backend` alone."""

    def attention(query: Any, key: Any, value: Any) -> Any:
        with sdpa_kernel([backend]):
            return scaled_dot_product_attention(query, key, value)

    return attention


def triton(_: Any) -> Attention:
    """A kernel that triton compiles here and now; its file can only be loaded where triton is."""
    file = CheckFile("triton-attention", "triton", str(TRITON_KERNEL), TITLE, DEADLINE, VENV)
    attention: Attention = load_check(file).attention
    return attention


def sageattention(module: Any) -> Attention:
    """SageAttention takes batch, heads, length, head."""
    return lambda query, key, value: module.sageattn(query, key, value, tensor_layout="HND")


def transposed(attention: Attention) -> Attention:
    """For packages that take batch, length, heads, head."""
    return lambda *tensors: attention(*(tensor.transpose(1, 2).contiguous() for tensor in tensors)).transpose(1, 2)


def xformers(_: Any) -> Attention:
    """xformers' memory-efficient attention."""
    return transposed(importlib.import_module("xformers.ops").memory_efficient_attention)


def flash_attn(module: Any) -> Attention:
    """The flash-attn package."""
    return transposed(module.flash_attn_func)


PACKAGES: dict[str, tuple[Callable[[Any], Attention], float]] = {
    "triton": (triton, FLOAT16_TOLERANCE),
    "sageattention": (sageattention, INT8_TOLERANCE),
    "xformers": (xformers, FLOAT16_TOLERANCE),
    "flash_attn": (flash_attn, FLOAT16_TOLERANCE),
}


def need_xformers_extension() -> None:
    """xformers imports with no more than a warning when its compiled part does not fit torch."""
    library = importlib.import_module("xformers._cpp_lib")
    problem = getattr(library, "_cpp_library_load_exception", None)
    if problem is not None:
        raise Fail("xformers imports, but its compiled extension does not load", str(problem))
