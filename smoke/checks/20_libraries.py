"""Every dynamically linked file below /opt finds its libraries."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.check import Check
from lib.elf import Elf, find_elfs, missing_libraries
from lib.image import OPT
from lib.optional_libraries import DRIVER, LOADED_BY_TORCH, may_lack
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
    elfs = list(find_elfs(OPT))
    search = torch_search_path(OPT)
    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as pool:
        findings = list(pool.map(lambda elf: look(elf, search), elfs))

    with check.step("found", "every library is found") as step:
        step.note = judge_found(findings)
    with check.step("driver", "the driver's libraries are found"):
        judge_driver(findings, check.gpu is not None)
    with check.step("optional", "files for other hardware and software find their libraries"):
        judge_optional(findings)


def torch_search_path(opt: Path) -> str:
    """The folders of LOADED_BY_TORCH in the image's Python, as an LD_LIBRARY_PATH."""
    patterns = [f"venv/lib/python3*/site-packages/{folder}" for folder in LOADED_BY_TORCH]
    return ":".join(str(path) for pattern in patterns for path in sorted(opt.glob(pattern)))


def look(elf: Elf, search: str) -> Finding:
    """A second look at a library of the image's Python that lacks something, as it is once others have been loaded."""
    try:
        alone = missing_libraries(elf)
        with_torch = alone
        if set(alone) - DRIVER and "site-packages" in elf.path.parts and ".so" in elf.path.name:
            with_torch = missing_libraries(elf, f"{search}:{elf.path.parent}" if in_wheel(elf.path) else search)
    except OSError as error:
        return Finding(elf.path, refused=str(error))
    return Finding(elf.path, tuple(alone), tuple(with_torch))


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
