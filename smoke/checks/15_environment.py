"""What the container starts with: the processor, the user, one Python, and what it asks of the container engine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lib.check import Check
from lib.gpu import find_devices
from lib.host import wants_driver
from lib.image import ENTRYPOINT, OPT, VENV_PYTHON
from lib.result import Fail

TITLE = "environment"

MACHINE = "x86_64"
VENV = OPT / "venv"
CONSTRAINTS = OPT / "strata/constraints.txt"
PROGRAMS = OPT / "strata/runtime/bin"
# Where these are set, Python finds other packages than those of its environment.
DIVERTING = ("PYTHONPATH", "PYTHONHOME")
# `cuda>=13.0` among other demands, such as `brand=tesla,driver>=535`; the engine refuses to start what a host cannot meet.
DEMAND = re.compile(r"\bcuda\s*>=?\s*(\d+)\.(\d+)")


def run(check: Check) -> None:
    """One result for each."""
    with check.step("machine", f"the image is for {MACHINE}") as step:
        step.note = judge_machine(platform.machine())
    if not check.has("instance"):
        with check.step("user", "the user of the services is not root") as step:
            step.note = judge_user(os.geteuid())
    with check.step("python", "there is one Python, and everybody finds it") as step:
        step.note = judge_python(os.environ)
    if check.image.get("computeCapabilities"):
        with check.step("gpu", "the image asks for the GPU, and hides none") as step:
            step.note = judge_gpu(os.environ, bool(find_devices()))
    if CONSTRAINTS.exists():
        with check.step("constraints", "what is installed later cannot replace what the image has") as step:
            step.note = judge_shell() if check.has("instance") else judge_constraints()
    with check.step("demand", "the image demands no newer driver than it needs") as step:
        step.note = judge_demand(os.environ, check.image.get("cuda"))


def judge_machine(machine: str) -> str:
    """Raises Fail for another processor: an emulator may run it all the same, slowly and without a GPU."""
    if machine != MACHINE:
        raise Fail(f"this runs on {machine}")
    return machine


def judge_user(user: int) -> str:
    """Raises Fail for root."""
    if user == 0:
        raise Fail("it runs as root, and files that it writes into a volume are root's")
    return f"user {user}"


def judge_python(environment: Mapping[str, str]) -> str:
    """Raises Fail unless `python3`, `pip` and the tools that go by VIRTUAL_ENV mean the image's own environment."""
    diverting = [name for name in DIVERTING if environment.get(name)]
    if diverting:
        raise Fail(f"{', '.join(f'{name}={environment[name]}' for name in diverting)} leads to other packages")
    # A link to it will do.
    if os.path.realpath(environment.get("VIRTUAL_ENV") or "/") != os.path.realpath(VENV):
        raise Fail(f"VIRTUAL_ENV is {environment.get('VIRTUAL_ENV') or 'not set'}: uv would install beside {VENV}")
    for name in ("python", "python3", "pip", "pip3"):
        found = shutil.which(name, path=environment.get("PATH"))
        # pip may be absent; the system's own is never meant. One of the image's own calls that of the environment.
        known = {VENV / "bin", *([PROGRAMS] if name.startswith("pip") else [])}
        if found and Path(found).parent.resolve() not in {folder.resolve() for folder in known}:
            raise Fail(f"{name} is {found}, not that of {VENV}")
    prefix = subprocess.run(
        [str(VENV_PYTHON), "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if prefix != str(VENV):
        raise Fail(f"{VENV_PYTHON} belongs to {prefix}")
    return prefix


def judge_gpu(environment: Mapping[str, str], has_devices: bool) -> str:
    """Raises Fail for settings with which a container has no GPU on any host."""
    # An engine that brings the GPU in by CDI says `void` itself, so that nobody does it again.
    if not has_devices and environment.get("NVIDIA_VISIBLE_DEVICES", "all") in ("", "none", "void"):
        raise Fail("NVIDIA_VISIBLE_DEVICES keeps every GPU out")
    if environment.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        raise Fail("CUDA_VISIBLE_DEVICES hides every GPU")
    if not wants_driver(environment):
        raise Fail(f"NVIDIA_DRIVER_CAPABILITIES={environment['NVIDIA_DRIVER_CAPABILITIES']} leaves libcuda out")
    return "NVIDIA_DRIVER_CAPABILITIES={}".format(environment.get("NVIDIA_DRIVER_CAPABILITIES", "not set"))


def judge_constraints() -> str:
    """Raises Fail unless pip and uv are told of the image's packages, whoever calls them in the container."""
    # With a command the entrypoint starts that in place of the services.
    answer = subprocess.run([str(ENTRYPOINT), "env"], capture_output=True, text=True, timeout=30, check=False)
    lines = answer.stdout.splitlines()
    for name in ("PIP_CONSTRAINT", "UV_CONSTRAINT"):
        values = [line.split("=", 1)[1] for line in lines if line.startswith(f"{name}=")]
        if not values or str(CONSTRAINTS) not in values[0].split():
            raise Fail(f"{name} does not name {CONSTRAINTS}", answer.stdout + answer.stderr)
    return str(CONSTRAINTS)


def judge_shell() -> str:
    """The same of an instance, whose user calls pip and uv in a shell of his own."""
    pip = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, timeout=60, check=False)
    for name, told in {"pip": pip.stdout, "uv": os.environ.get("UV_CONSTRAINT", "")}.items():
        if str(CONSTRAINTS) not in told.replace("'", " ").split():
            raise Fail(f"{name} is not told of {CONSTRAINTS}", pip.stdout + pip.stderr)
    return str(CONSTRAINTS)


def judge_demand(environment: Mapping[str, str], cuda: str | None) -> str:
    """Raises Fail for a base image's demand above the image's own CUDA: hosts that could run it would refuse it."""
    own = tuple(map(int, cuda.split("."))) if cuda else (0, 0)
    for name, value in environment.items():
        if not name.startswith("NVIDIA_REQUIRE_"):
            continue
        # Alternatives are separated by spaces: the lowest one counts.
        demands = [tuple(map(int, found)) for found in DEMAND.findall(value)]
        if demands and min(demands) > own:
            demanded = ".".join(map(str, min(demands)))
            raise Fail(f"{name} demands a driver for CUDA {demanded}, the image has CUDA {cuda}")
    return f"CUDA {cuda}" if cuda else "no CUDA"
