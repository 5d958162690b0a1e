"""Usage: verify.py STAGES LOCK [EXCEPTIONS]. Checks stages as what they will be together, before a product is made.

STAGES holds one folder for each stage. LOCK is everything that the environment is to hold, `name==version` a line.
EXCEPTIONS is a JSON list of requirements that need not be met (requirements.py). PYTHON and CUDA say which ones the
product has; this runs under that Python.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from cuda_version import check_cuda_version
from environment import check_files, check_lock, read_distributions, read_expected
from libraries import Libraries
from one_environment import check_one_environment
from problem import Problem
from requirements import check_comfyui, check_requirements, read_allowed
from tree import Tree

ENVIRONMENT = "/opt/venv"
COMFYUI = "/opt/comfyui/requirements.txt"
LINES_SHOWN = 40


def main(stages: Path, lock: Path, exceptions: Path | None = None) -> int:
    """Runs every check, whatever the others found; 1 when anything is wrong."""
    python = ".".join(platform.python_version_tuple()[:2])
    if python != os.environ["PYTHON"]:
        sys.exit(f"this is Python {python}, the product has {os.environ['PYTHON']}")
    site_packages = f"{ENVIRONMENT}/lib/python{python}/site-packages"
    tree = Tree(sorted(stages.iterdir()))
    installed = read_distributions(tree, site_packages)
    expected = read_expected(lock.read_text(encoding="utf-8"))
    allowed = read_allowed(exceptions.read_text(encoding="utf-8")) if exceptions else []
    comfyui = tree.real(COMFYUI)

    checks: dict[str, Callable[[], str]] = {
        "equal to the lock": lambda: check_lock(installed, expected),
        "nothing overwritten": lambda: check_files(installed),
        "one environment": lambda: check_one_environment(tree, ENVIRONMENT, site_packages, installed),
        "requirements met": lambda: check_requirements(installed, allowed),
        "one CUDA version": lambda: check_cuda_version(tree, site_packages, installed, os.environ["CUDA"]),
        "libraries found": lambda: Libraries(tree, site_packages, f"{ENVIRONMENT}/bin/python3").check("/opt"),
    }
    if comfyui:
        text = comfyui.read_text(encoding="utf-8")
        checks["ComfyUI's requirements met"] = lambda: check_comfyui(text, installed, allowed)
    results = [run(name, check) for name, check in checks.items()]
    return 0 if all(results) else 1


def run(name: str, check: Callable[[], str]) -> bool:
    """One line for a check, and one for each problem below it."""
    try:
        note = check()
    except Problem as problem:
        print(f"FAIL {name}", *problem.lines[:LINES_SHOWN], sep="\n  ", flush=True)
        if len(problem.lines) > LINES_SHOWN:
            print(f"  and {len(problem.lines) - LINES_SHOWN} more", flush=True)
        return False
    print(f"pass {name}: {note}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
