"""The image's Python: everything that is expected is there, once, imports, and fits together."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lib.check import Check
from lib.image import OPT
from lib.result import Fail, Skip

TITLE = "Python packages"
VENV = True
DEADLINE = 180

CONSTRAINTS = OPT / "strata/constraints.txt"
COMFYUI = OPT / "comfyui/requirements.txt"
ARCHITECTURE = re.compile(r"\b(sm|compute)_(\d+)([af]?)\b")

# Module, and the distribution that brings it.
REQUIRED = {"torch": "torch"}
# Of the image's own services; those of an instance have an environment of their own, and check 85 sees them work.
SERVICES = {"fastapi": "fastapi", "uvicorn": "uvicorn", "httpx": "httpx", "supervisor": "supervisor"}
OPTIONAL = {
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "triton": "triton",
    "sageattention": "sageattention",
    "xformers": "xformers",
    "flash_attn": "flash-attn",
    "nunchaku": "nunchaku",
    "numpy": "numpy",
    "PIL": "pillow",
    "transformers": "transformers",
    "safetensors": "safetensors",
}


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(check: Check) -> None:
    """Imports first: the versions that torch reports are compared afterwards."""
    check.version("python", platform.python_version())
    found = list(importlib.metadata.distributions())
    installed = [dist for dist in found if dist.metadata["Name"]]
    names = [normalise(dist.metadata["Name"]) for dist in installed]
    wanted = {module.replace("-", "_") for module in check.image.get("attention", [])}
    required = REQUIRED if check.has("instance") else REQUIRED | SERVICES
    for module, distribution in (required | OPTIONAL).items():
        if module in required or module in wanted or distribution in names:
            import_module(check, module, distribution)
    compare_cuda(check)
    with check.step("once", "no distribution is installed twice") as step:
        if len(installed) < len(found):
            raise Fail(f"{len(found) - len(installed)} distributions have no readable metadata")
        step.note = find_doubles(names)
    with check.step("consistent", "all requirements of all distributions are met") as step:
        step.note = compare_requirements(installed)
    versions = {normalise(dist.metadata["Name"]): dist.version for dist in installed}
    if CONSTRAINTS.exists():
        with check.step("lock", "the packages are those that the image was made of") as step:
            step.note = compare_lock(versions, CONSTRAINTS.read_text(encoding="utf-8"))
    if COMFYUI.exists():
        with check.step("comfyui", "ComfyUI's own requirements are met, its interface among them") as step:
            step.note = compare_comfyui(versions, COMFYUI.read_text(encoding="utf-8"))


def import_module(check: Check, module: str, distribution: str) -> None:
    """One result for each module."""
    with check.step(module, f"{module} imports") as step:
        importlib.import_module(module)
        step.note = importlib.metadata.version(distribution)
        check.version(module, step.note)


def compare_cuda(check: Check) -> None:
    """torch's version and CUDA against the image's description, torchvision's CUDA against torch's."""
    with check.step("versions", "torch and CUDA are those of the image's description") as step:
        torch = importlib.import_module("torch")
        check.version("cuda", torch.version.cuda)
        found = {"torch": torch.__version__.split("+")[0], "cuda": torch.version.cuda}
        expected = {name: check.image.get(name) for name in found}
        if found != expected:
            raise Fail(f"expected {expected}, got {found}")
        step.note = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
    with check.step("torchvision-cuda", "torchvision is built for torch's CUDA") as step:
        step.note = compare_torchvision(importlib.import_module)
    if capabilities := check.image.get("computeCapabilities"):
        with check.step("kernels", "torch has code for the GPUs that the image is made for") as step:
            torch = importlib.import_module("torch")
            # Public functions say this only where there is a GPU.
            step.note = compare_kernels(capabilities, torch._C._cuda_getArchFlags() or "")


def compare_torchvision(load: Callable[[str], ModuleType]) -> str:
    """The CUDA version that torchvision's extension was compiled with; raises Fail when it is not torch's."""
    try:
        load("torchvision")
    except ModuleNotFoundError as error:
        raise Skip("torchvision is not installed") from error
    torch = load("torch")
    # 13000 for 13.0, -1 without CUDA; the call fails when the extension did not load.
    number = torch.ops.torchvision._cuda_version()
    found = None if number < 0 else f"{number // 1000}.{number % 1000 // 10}"
    if found != torch.version.cuda:
        raise Fail(f"torchvision is built for CUDA {found}, torch for CUDA {torch.version.cuda}")
    return f"CUDA {found}"


def compare_kernels(capabilities: list[str], flags: str) -> str:
    """`flags` are such as `sm_75 sm_86 compute_90`; raises Fail for a capability that none of them runs on.

    Code runs on its own capability and on later ones of the same major number, PTX (`compute_`) on all later ones;
    with a letter behind it, on its own alone.
    """
    found = [(kind, int(number), letter) for kind, number, letter in ARCHITECTURE.findall(flags)]

    def runs(wanted: int) -> bool:
        return any(
            number == wanted or (not letter and number < wanted and (kind == "compute" or number // 10 == wanted // 10))
            for kind, number, letter in found
        )

    missing = [capability for capability in capabilities if not runs(int(capability.replace(".", "")))]
    if missing:
        raise Fail(f"torch has no code for {', '.join(missing)}, only {flags or 'none'}")
    return flags


def find_doubles(names: list[str]) -> str:
    """How many distributions there are; raises Fail for those that are there twice."""
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise Fail(f"installed more than once: {', '.join(sorted(doubles))}")
    return f"{len(names)} distributions"


def requirement_class() -> tuple[type[Any], str]:
    """The class that reads requirements, from `packaging` or from pip's own copy of it."""
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            return importlib.import_module(module).Requirement, module
        except ModuleNotFoundError:
            continue
    raise Skip("neither packaging nor pip is in the image")


def compare_lock(versions: dict[str, str], text: str) -> str:
    """`text` has `name==version` a line; raises Fail with every difference."""
    pins = {normalise(name): version for name, version in (line.split("==") for line in text.split())}
    problems = [
        f"{name}: expected {pins.get(name, 'none')}, got {versions.get(name, 'none')}"
        for name in sorted(pins.keys() | versions.keys())
        if pins.get(name) != versions.get(name)
    ]
    if problems:
        raise Fail(f"{len(problems)} packages are others: {problems[0]}", "\n".join(problems))
    return f"{len(pins)} distributions"


def compare_comfyui(versions: dict[str, str], text: str) -> str:
    """`text` is ComfyUI's requirements.txt; raises Fail for those that are not met."""
    requirement, _ = requirement_class()
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    wanted = [requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    problems = [
        f"{one}, and {versions.get(normalise(one.name), 'nothing')} is there"
        for one in wanted
        if not (one.marker and not one.marker.evaluate({"extra": ""}))
        and not is_met(one, versions.get(normalise(one.name)))
    ]
    if problems:
        raise Fail(f"ComfyUI needs {problems[0]}", "\n".join(problems))
    return f"{len(wanted)} requirements"


def is_met(requirement: Any, version: str | None) -> bool:
    """Whether `version` is one that the requirement takes; pre-releases are."""
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def compare_requirements(distributions: list[importlib.metadata.Distribution]) -> str:
    """What `pip check` does; raises Fail with every requirement that is not met."""
    requirement, _ = requirement_class()
    versions = {normalise(dist.metadata["Name"]): dist.version for dist in distributions}
    count, problems = 0, []
    for dist in distributions:
        for text in dist.requires or []:
            wanted = requirement(text)
            if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
                continue
            count += 1
            version = versions.get(normalise(wanted.name))
            if version is None:
                problems.append(f"{dist.metadata['Name']} needs {text}, which is not installed")
            elif not is_met(wanted, version):
                problems.append(f"{dist.metadata['Name']} needs {text}, but {version} is installed")
    if problems:
        raise Fail(f"{len(problems)} requirements are not met: {problems[0]}", "\n".join(problems))
    return f"{count} requirements"
