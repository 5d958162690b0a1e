"""Whose fault it is when there is no usable GPU: the image's, or that of the host it was given.

What the host decides (its devices, driver and cards) is never held against the image: such a run is inconclusive, and
is made again elsewhere. What the container could have had and does not use is the image's fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .gpu import ROOT, Sight
from .image import Image

# Answers of the driver that only the host can mend.
HOST_ERRORS = {
    46: "another program has the GPU for itself",
    214: "the GPU's memory is damaged",
    802: "the host's fabric manager is not ready",
}
LIBRARY_VERSION = re.compile(r"libcuda\.so\.(\d+(?:\.\d+)+)$")


def numbers(version: str) -> tuple[int, ...]:
    """A driver's version in a form that can be compared."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def wants_driver(environment: Mapping[str, str]) -> bool:
    """Whether the image asks the container engine for libcuda. Without the variable it gets that only with CDI."""
    wanted = environment.get("NVIDIA_DRIVER_CAPABILITIES", "compute,utility").split(",")
    return bool({"all", "compute"} & {name.strip() for name in wanted})


def find_trouble(sight: Sight, image: Image, environment: Mapping[str, str]) -> str | None:
    """Why this host cannot test the image; None where it can, or where only the image stands in the way."""
    if not sight.devices:
        return "the host gives the container no GPU: there is neither /dev/nvidia0 nor /dev/dxg"
    if sight.absent and wants_driver(environment):
        return "the host gives the container a GPU, but no driver: there is no libcuda.so.1"
    return driver_too_old(sight, image) or other_card(sight, image) or refused_by_host(sight)


def driver_too_old(sight: Sight, image: Image) -> str | None:
    """Below the image's floor nothing that goes wrong says anything about the image."""
    floor, found = image.get("minimumDriver"), sight.driver
    if not floor or not found or not numbers(found) or numbers(found) >= numbers(floor):
        return None
    return f"the host's driver is {found}, the image needs {floor} or newer"


def other_card(sight: Sight, image: Image) -> str | None:
    """A card of another generation than the image was made for."""
    if sight.gpu is None or sight.gpu["computeCapability"] in image.get("computeCapabilities", []):
        return None
    built = ", ".join(image.get("computeCapabilities", [])) or "none"
    gpu = f"{sight.gpu['name']} has compute capability {sight.gpu['computeCapability']}"
    return f"the host's {gpu}, the image is made for {built}"


def refused_by_host(sight: Sight) -> str | None:
    """Errors that have nothing to do with the container."""
    reason = HOST_ERRORS.get(sight.code) if sight.code is not None else None
    return f"{reason} ({sight.problem})" if reason else None


def too_little(sight: Sight, gpu_memory: int, ram: int, root: Path = ROOT) -> str | None:
    """What the image's own workflow needs and this host lacks, in bytes. What nobody tells is not held against it."""
    has_ram = total_memory(root)
    found = [
        *([f"a card with {gib(sight.free_bytes)} free"] if (sight.free_bytes or gpu_memory) < gpu_memory else []),
        *([f"{gib(has_ram)} of memory"] if (has_ram or ram) < ram else []),
    ]
    if not found:
        return None
    needs = f"a card of {gib(gpu_memory)} and {gib(ram)} of memory"
    return f"the host has {' and '.join(found)}; the image's own workflow needs {needs}"


def gib(size: int | None) -> str:
    """`16.5 GiB`."""
    return f"{(size or 0) / 2**30:.1f} GiB"


def total_memory(root: Path = ROOT) -> int | None:
    """Bytes of this machine's memory, as its kernel tells."""
    try:
        found = re.search(r"^MemTotal:\s+(\d+) kB", (root / "proc/meminfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def foreign_library(sight: Sight) -> str | None:
    """Why the libcuda that was loaded cannot be the host's: it has another version than the kernel's module."""
    found = LIBRARY_VERSION.search(Path(sight.library).name) if sight.library else None
    if found is None or sight.kernel is None or found[1] == sight.kernel:
        return None
    return f"{sight.library} hides the host's driver, which is {sight.kernel}"
