"""Every dynamically linked file below /opt finds its libraries, and has code for the image's GPUs if it has any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.check import Check
from lib.image import OPT, Image
from lib.libraries.fatbin import GpuCode, read_gpu_code, runs_on
from lib.libraries.loader import Loadable, find_loadable, missing_libraries
from lib.libraries.optional_libraries import DRIVER, LOADED_BY_TORCH, may_lack
from lib.libraries.trimmed import differences
from lib.result import Fail, Skip, skip_without_gpu

TITLE = "shared libraries"
DEADLINE = 180


@dataclass(frozen=True)
class Finding:
    """A file and what it lacks: on its own, and in a process that imported torch; `refused` is the loader's error."""

    path: Path
    alone: tuple[str, ...] = ()
    with_torch: tuple[str, ...] = ()
    refused: str | None = None


def run(check: Check) -> None:
    """Asks the loader about each file, some at the same time."""
    files = list(find_loadable(OPT))
    search = torch_search_path(OPT)
    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as pool:
        findings = list(pool.map(lambda file: look(file, search), files))

    with check.step("found", "every library is found") as step:
        step.note = judge_found(findings)
    with check.step("driver", "the driver's libraries are found"):
        judge_driver(findings, check.gpu is not None)
    with check.step("optional", "files for other hardware and software find their libraries"):
        judge_optional(findings)
    if trimmed := check.image.get("trimmed"):
        with check.step("trimmed", "packages without code for other GPUs are as they were built") as step:
            step.note = judge_trimmed(OPT, trimmed, check.image.get("computeCapabilities", []))
    if capabilities := check.image.get("computeCapabilities"):
        codes: Codes = {}
        with check.step("kernels", "what computes on the GPU has code for those of the image") as step:
            codes = collect_code(OPT, [file.path for file in files])
            step.note = judge_kernels(codes, capabilities, check.image)
        with check.step("other-kernels", "everything else has code for them too"):
            judge_other_kernels(codes, capabilities, check.image)


def torch_search_path(opt: Path) -> str:
    """The folders of LOADED_BY_TORCH in the image's Python, as an LD_LIBRARY_PATH."""
    patterns = [f"venv/lib/python3*/site-packages/{folder}" for folder in LOADED_BY_TORCH]
    return ":".join(str(path) for pattern in patterns for path in sorted(opt.glob(pattern)))


def look(file: Loadable, search: str) -> Finding:
    """A second look at a library of the image's Python that lacks something, as it is once others have been loaded."""
    try:
        alone = missing_libraries(file)
        with_torch = alone
        if set(alone) - DRIVER and "site-packages" in file.path.parts and ".so" in file.path.name:
            with_torch = missing_libraries(file, f"{search}:{file.path.parent}" if in_wheel(file.path) else search)
    except OSError as error:
        return Finding(file.path, refused=str(error))
    return Finding(file.path, tuple(alone), tuple(with_torch))


def in_wheel(path: Path) -> bool:
    """Whether a wheel brought the library in a folder NAME.libs: its neighbours are loaded with it."""
    return path.parent.suffix == ".libs"


def listing(lines: Iterable[tuple[Path, Iterable[str]]]) -> str:
    """One line for each file."""
    return "\n".join(f"{path}: {', '.join(libraries)}" for path, libraries in lines)


def judge_found(findings: list[Finding]) -> str:
    """What was seen; raises Fail for anything missing that is neither the driver's nor optional."""
    if not findings:
        raise Fail(f"there is no dynamically linked file below {OPT}")
    refused = [finding.refused for finding in findings if finding.refused]
    if refused:
        raise Fail(f"the loader refuses {len(refused)} of {len(findings)} files: {refused[0]}", "\n".join(refused))
    broken = []
    for finding in findings:
        lacks = [name for name in finding.with_torch if name not in DRIVER and not may_lack(str(finding.path), name)]
        if lacks:
            broken.append((finding.path, lacks))
    if broken:
        path, lacks = broken[0]
        raise Fail(f"{len(broken)} of {len(findings)} files lack a library: {path} lacks {lacks[0]}", listing(broken))
    late = sum(finding.alone != finding.with_torch for finding in findings)
    return f"{len(findings)} files; {late} of them only once torch or triton is loaded"


def judge_driver(findings: list[Finding], has_gpu: bool) -> None:
    """On a host with a GPU the driver's libraries have to be there; without one they are not."""
    lacking = [(finding.path, sorted(DRIVER & set(finding.with_torch))) for finding in findings]
    lacking = [(path, libraries) for path, libraries in lacking if libraries]
    if not has_gpu:
        raise skip_without_gpu()
    if lacking:
        raise Fail(f"{len(lacking)} files do not find the driver's libraries", listing(lacking))


def judge_trimmed(opt: Path, names: list[str], capabilities: list[str]) -> str:
    """What was seen; raises Fail for a package that is not as its build left it, or was made for other GPUs."""
    (site_packages,) = opt.glob("venv/lib/python3*/site-packages")
    found = [problem for name in names for problem in differences(site_packages, name, capabilities)]
    if found:
        raise Fail(f"{len(found)} differences: {found[0]}", "\n".join(found))
    return f"{', '.join(names)} for {', '.join(capabilities) or 'no GPU'}"


Codes = dict[str, set[GpuCode]]


def collect_code(opt: Path, paths: Iterable[Path]) -> Codes:
    """By package, what its libraries have for GPUs; nothing for those without. Each file may be for other GPUs.

    NVIDIA's own libraries are left out: torch chooses among them.
    """
    codes: Codes = {}
    for path in paths:
        package = package_of(path.relative_to(opt))
        if package not in ("nvidia", "triton") and (found := read_gpu_code(path)):
            codes.setdefault(package, set()).update(found)
    return codes


def package_of(path: Path) -> str:
    """`torch` for a file in its folder, `flash_attn_2_cuda` for a module beside the packages, else the first folder."""
    below = path.parts[path.parts.index("site-packages") + 1 :] if "site-packages" in path.parts else path.parts
    return below[0].split(".")[0] if len(below) == 1 else below[0]


def is_essential(package: str, image: Image) -> bool:
    """Whether the image was chosen for what the package computes: torch, attention kernels, llama.cpp."""
    names = ("torch", "llama.cpp", *(str(name).replace("-", "_") for name in image.get("attention", [])))
    return package.startswith(names)


def lacking(codes: set[GpuCode], capabilities: list[str]) -> list[str]:
    """The capabilities that none of `codes` runs on."""
    return [capability for capability in capabilities if not runs_on(codes, capability)]


def judge_kernels(codes: Codes, capabilities: list[str], image: Image) -> str:
    """What was seen; raises Fail for what would end with `no kernel image is available for execution`."""
    own = {name: found for name, found in codes.items() if is_essential(name, image)}
    if (image.get("llama") or {}).get("cuda") and "llama.cpp" not in own:
        raise Fail("llama.cpp has no GPU code at all")
    broken = {name: missing for name, found in own.items() if (missing := lacking(found, capabilities))}
    if broken:
        raise Fail("; ".join(f"{name} has no code for {', '.join(missing)}" for name, missing in broken.items()))
    return ", ".join(sorted(own)) or "no library has GPU code"


def judge_other_kernels(codes: Codes, capabilities: list[str], image: Image) -> None:
    """Says which packages leave GPUs of the image out: somebody else's wheel, which may have another way."""
    others = {name: found for name, found in codes.items() if not is_essential(name, image)}
    broken = {name: missing for name, found in others.items() if (missing := lacking(found, capabilities))}
    if broken:
        raise Skip(
            "; ".join(f"{name} has no code for {', '.join(missing)}" for name, missing in sorted(broken.items()))
        )


def judge_optional(findings: list[Finding]) -> None:
    """Says which files cannot be used in this image."""
    lacking = {
        name: finding.path.name
        for finding in findings
        for name in finding.with_torch
        if may_lack(str(finding.path), name)
    }
    if lacking:
        raise Skip(f"{len(set(lacking.values()))} files lack {', '.join(sorted(lacking))}")
