"""torch and everything that is compiled for it speak of one CUDA version.

A torchaudio built for another CUDA than torch refuses to import; an extension built for another major version wants
libraries that are not there.
"""

from __future__ import annotations

import re

from environment import Distribution
from problem import Problem
from tree import Tree

# `+cu130` at the end of a version; `-cu13` or `-cuda13x` at the end of a name.
LOCAL = re.compile(r"\+cu(\d{2})(\d)(?!\d)")
NAME = re.compile(r"-cu(?:da)?(\d{2})x?$")
COMPANIONS = ("torch", "torchvision", "torchaudio")


def check_cuda_version(tree: Tree, site_packages: str, installed: list[Distribution], expected: str) -> str:
    """What was seen; raises Problem for whatever names another CUDA than `expected`, such as 13.0."""
    found = {}
    for package in COMPANIONS:
        if file := tree.real(f"{site_packages}/{package}/version.py"):
            # Metadata has no more than the version: wheels of the default index leave the CUDA version out.
            found[package] = cuda_of(file.read_text(encoding="utf-8"))
    problems = [f"{name} is built for CUDA {cuda}, not {expected}" for name, cuda in found.items() if cuda != expected]
    major = expected.split(".")[0]
    for distribution in installed:
        local, named = cuda_of(distribution.version), NAME.search(distribution.name)
        if local and local != expected:
            problems.append(f"{distribution.name} {distribution.version} is built for CUDA {local}, not {expected}")
        if named and named[1] != major:
            problems.append(f"{distribution.name} is for CUDA {named[1]}, not {major}")
    if problems:
        raise Problem(problems)
    return f"CUDA {expected}: {', '.join(found)}"


def cuda_of(version: str) -> str | None:
    """`13.0` for a version with `+cu130`; None for one that names no CUDA."""
    found = LOCAL.search(version)
    return f"{found[1]}.{found[2]}" if found else None
