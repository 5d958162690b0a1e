"""Usage: verify.py [--product] [--json] STAGES LOCK [EXCEPTIONS]. Checks stages as what they will be together.

STAGES holds one folder for each stage; with --product it is the root of one, such as `/`. LOCK is everything that the
environment is to hold, `name==version` a line. EXCEPTIONS is a JSON list of requirements that need not be met
(requirements.py). PYTHON and CUDA say which ones the product has; this runs under that Python. With --json all that was
found is one JSON object on stdout, nothing left out; `make check-packages` reads it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cuda_version import check_cuda_version
from environment import check_files, check_lock, read_distributions, read_expected
from left_out import check_left_out
from libraries import Libraries
from one_environment import check_one_environment
from problem import Problem
from requirements import check_comfyui, check_requirements, read_allowed
from tree import Tree

ENVIRONMENT = "/opt/venv"
COMFYUI = "/opt/comfyui/requirements.txt"
LINES_SHOWN = 40


@dataclass(frozen=True)
class Result:
    """What a check has seen, or one line for each thing that is wrong."""

    name: str
    note: str
    problems: list[str]


def main(arguments: list[str]) -> int:
    """Runs every check, whatever the others found; 1 when anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--product", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("stages", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("exceptions", type=Path, nargs="?")
    given = parser.parse_args(arguments)
    python = python_name()
    if python != os.environ["PYTHON"]:
        sys.exit(f"this is Python {python}, the product has {os.environ['PYTHON']}")
    site_packages = f"{ENVIRONMENT}/lib/python{python}/site-packages"
    tree = Tree([given.stages] if given.product else sorted(given.stages.iterdir()))
    installed = read_distributions(tree, site_packages)
    expected = read_expected(given.lock.read_text(encoding="utf-8"))
    allowed = read_allowed(given.exceptions.read_text(encoding="utf-8")) if given.exceptions else []
    # A product holds more below /opt than the stages that are looked at here.
    libraries = ENVIRONMENT if given.product else "/opt"
    comfyui = tree.real(COMFYUI)

    checks: dict[str, Callable[[], str]] = {
        "equal to the lock": lambda: check_lock(installed, expected),
        "nothing overwritten": lambda: check_files(installed),
        "one environment": lambda: check_one_environment(tree, ENVIRONMENT, site_packages, installed),
        "requirements met": lambda: check_requirements(installed, allowed),
        "one CUDA version": lambda: check_cuda_version(tree, site_packages, installed, os.environ["CUDA"]),
        "libraries found": lambda: Libraries(tree, site_packages, f"{ENVIRONMENT}/bin/python3").check(libraries),
        "nothing left out that is asked for": lambda: check_left_out(tree, site_packages, libraries),
    }
    if comfyui:
        text = comfyui.read_text(encoding="utf-8")
        checks["ComfyUI's requirements met"] = lambda: check_comfyui(text, installed, allowed)
    results = []
    for name, check in checks.items():
        results.append(run(name, check))
        if not given.json:
            show(results[-1])
    if given.json:
        distributions = [{"name": each.name, "version": each.version} for each in installed]
        print(json.dumps({"checks": [asdict(result) for result in results], "distributions": distributions}))
    return 1 if any(result.problems for result in results) else 0


def python_name() -> str:
    """What strata:python calls this interpreter, and its folder of packages: `3.14t` is the one without a GIL."""
    return ".".join(platform.python_version_tuple()[:2]) + ("t" if "t" in sys.abiflags else "")


def run(name: str, check: Callable[[], str]) -> Result:
    """A Problem is a result as well."""
    try:
        return Result(name, check(), [])
    except Problem as problem:
        return Result(name, "", problem.lines)


def show(result: Result) -> None:
    """One line for a check, and one for each problem below it."""
    if not result.problems:
        print(f"pass {result.name}: {result.note}", flush=True)
        return
    print(f"FAIL {result.name}", *result.problems[:LINES_SHOWN], sep="\n  ", flush=True)
    if len(result.problems) > LINES_SHOWN:
        print(f"  and {len(result.problems) - LINES_SHOWN} more", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
