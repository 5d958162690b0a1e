"""The driver: libcuda is the host's, gives memory and takes it back, and runs a kernel. nvidia-smi is not asked."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from typing import NoReturn

from lib.check import Check
from lib.cuda import Cuda, CudaError
from lib.gpu import Sight, find_gpu
from lib.host import driver_too_old, find_trouble, foreign_library, other_card
from lib.result import Fail, Inconclusive, skip_without_gpu

TITLE = "driver"
DEADLINE = 120

COUNT = 16 * 1024 * 1024
PATTERN = 0xC0FFEE01
# The largest of them still fits into 32 bits.
SQUARES = 65_536
NO_COMPILER = 221


def run(check: Check) -> None:
    """From the device node to a kernel; what comes after a step that did not pass cannot be had."""
    sight = find_gpu()
    with check.step("library", "libcuda is there, and is the host's") as library:
        need_device(sight)
        library.note = judge_library(sight)
    with check.step("version", "the driver is as new as the image needs") as step:
        need_device(sight)
        step.note = judge_version(check, sight)
    with check.step("capability", "the GPU is one that the image is made for") as step:
        need_device(sight)
        step.note = judge_capability(check, sight)
    with check.step("memory", "the GPU gives memory, which holds what is written"):
        compute(sight, library.passed, use_memory)
    with check.step("kernel", "the GPU runs a kernel"):
        compute(sight, library.passed, use_kernel)


def need_device(sight: Sight) -> None:
    """Skips where there is nothing that could be driven."""
    if not sight.devices:
        raise skip_without_gpu()


def judge_library(sight: Sight) -> str:
    """The library and its driver; raises Fail when it does not work, Inconclusive when that is the host's doing."""
    if sight.gpu is None:
        blame(sight)
    if foreign := foreign_library(sight):
        raise Fail(foreign)
    return f"{sight.library or 'libcuda'} with {', '.join(sight.devices)}"


def blame(sight: Sight) -> NoReturn:
    """Raises what says whose fault it is that there is no GPU; the image is not asked about its card here."""
    trouble = find_trouble(sight, {}, os.environ)
    if trouble:
        raise Inconclusive(trouble)
    raise Fail("; ".join(filter(None, [sight.problem, foreign_library(sight)])))


def judge_version(check: Check, sight: Sight) -> str:
    """The driver's version; raises Inconclusive below the image's floor."""
    found = sight.driver
    if found is None or found == "unknown":
        raise Inconclusive("the driver does not say which version it is")
    check.version("driver", found)
    if old := driver_too_old(sight, check.image):
        raise Inconclusive(old)
    return f"{found}; the image needs {check.image.get('minimumDriver', 'none')}"


def judge_capability(check: Check, sight: Sight) -> str:
    """The first GPU's compute capability; raises Inconclusive for a card of another generation."""
    if sight.gpu is None:
        raise Inconclusive("libcuda shows no GPU")
    if other := other_card(sight, check.image):
        raise Inconclusive(other)
    return f"{sight.gpu['name']}, {sight.gpu['computeCapability']}"


def compute(sight: Sight, usable: bool, work: Callable[[Cuda], None]) -> None:
    """Runs `work` with a context; raises Fail for what the driver refuses."""
    need_device(sight)
    if not usable:
        raise Inconclusive("libcuda does not work")
    try:
        cuda = Cuda()
        cuda.call("cuInit", 0)
        with cuda.context():
            work(cuda)
    except CudaError as error:
        if error.code == NO_COMPILER:
            raise Inconclusive(f"the host's driver came without its compiler ({error})") from error
        raise Fail(str(error)) from error


def use_memory(cuda: Cuda) -> None:
    """Fills 64 MiB, and reads them back."""
    with cuda.memory(4 * COUNT) as address:
        cuda.fill(address, PATTERN, COUNT)
        expect_equal(cuda.read(address, COUNT), array("I", [PATTERN]) * COUNT, "what was written")


def use_kernel(cuda: Cuda) -> None:
    """Squares in GPU memory that was filled with something else before."""
    with cuda.memory(4 * SQUARES) as address:
        cuda.fill(address, PATTERN, SQUARES)
        cuda.squares(address, SQUARES)
        expect_equal(cuda.read(address, SQUARES), array("I", (place * place for place in range(SQUARES))), "squares")


def expect_equal(found: array[int], expected: array[int], what: str) -> None:
    """Raises Fail with the number of those that differ."""
    # At once where all is well, as there are many.
    if found != expected:
        wrong = sum(a != b for a, b in zip(found, expected, strict=True))
        raise Fail(f"{wrong} of {len(expected)} numbers are not {what}")
