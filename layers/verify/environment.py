"""The Python environment is the lock: nothing is missing, nothing is there beside it, and nothing was overwritten.

Packages overwrite each other silently: three OpenCV variants bring the module cv2, a node's requirement replaces torch.
A file that is not as its wheel brought it shows that, whoever did it.
"""

from __future__ import annotations

import csv
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

from problem import Problem
from tree import Tree

METADATA = re.compile(r".+\.(dist|egg)-info")


@dataclass(frozen=True)
class Distribution:
    """An installed package. `path` is its metadata in the product, `real` where that is now."""

    name: str
    version: str
    path: str
    real: Path
    requires: tuple[str, ...]


def normalise(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_distributions(tree: Tree, site_packages: str) -> list[Distribution]:
    """Everything that is installed in the environment, one entry for each copy; raises Problem."""
    found, problems = [], []
    for path, real in tree.glob(f"{site_packages}/*-info"):
        if not METADATA.fullmatch(real.name):
            continue
        metadata = PathDistribution(real)
        if not metadata.metadata["Name"]:
            problems.append(f"{path} has no name")
            continue
        name = normalise(metadata.metadata["Name"])
        found.append(Distribution(name, metadata.version, path, real, tuple(metadata.requires or ())))
    if problems:
        raise Problem(problems)
    return found


def read_expected(text: str) -> dict[str, str]:
    """`name==version` a line."""
    pins = (line.split("==") for line in text.split() if line)
    return {normalise(name): version for name, version in pins}


def check_lock(installed: list[Distribution], expected: dict[str, str]) -> str:
    """What was seen; raises Problem for each difference."""
    copies: defaultdict[str, list[Distribution]] = defaultdict(list)
    for distribution in installed:
        copies[distribution.name].append(distribution)
    problems = []
    for name in sorted(copies.keys() | expected.keys()):
        versions = [distribution.version for distribution in copies[name]]
        if len(versions) > 1:
            problems.append(f"{name} is there {len(versions)} times: {', '.join(versions)}")
        elif not versions:
            problems.append(f"{name} {expected[name]} is missing")
        elif name not in expected:
            problems.append(f"{name} {versions[0]} is not in the lock")
        elif versions[0] != expected[name]:
            problems.append(f"{name}: expected {expected[name]}, got {versions[0]}")
    if problems:
        raise Problem(problems)
    return f"{len(installed)} distributions"


def check_files(installed: list[Distribution]) -> str:
    """Each file belongs to one distribution and is as large as its wheel says; raises Problem."""
    owners: dict[str, tuple[str, str]] = {}
    problems: defaultdict[str, list[str]] = defaultdict(list)
    for distribution in installed:
        for path, digest, size in files_of(distribution):
            owner, other = owners.setdefault(path, (distribution.name, digest))
            found = size_of(distribution, path)
            # Packages that share a folder may bring the same file.
            if digest != other:
                problems[f"of {owner} and of {distribution.name}, and not the same"].append(path)
            elif found is None:
                problems[f"of {distribution.name} and gone"].append(path)
            # Nobody else writes there, and some wheels (decord 0.6.0) say it wrongly of their own metadata.
            elif size and found != int(size) and ".dist-info/" not in path:
                problems[f"of {distribution.name} and not as large as its wheel's"].append(path)
    if problems:
        raise Problem([f"{shorten(paths)}: {what}" for what, paths in problems.items()])
    return f"{len(owners)} files"


def shorten(paths: list[str]) -> str:
    """The first of them and how many there are."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def files_of(distribution: Distribution) -> Iterator[tuple[str, str, str]]:
    """Path in the product, hash and size of each file that it brought."""
    site_packages = distribution.path.rpartition("/")[0]
    record = distribution.real / "RECORD"
    for row in csv.reader(record.read_text(encoding="utf-8").splitlines()) if record.exists() else ():
        path, digest, size = (*row, "", "")[:3]
        # Compiled here, not brought along.
        if not path.endswith(".pyc"):
            yield posixpath.normpath(posixpath.join(site_packages, path)), digest, size


def size_of(distribution: Distribution, path: str) -> int | None:
    """The file's size in the stage that has the distribution; None where it is not."""
    stage = str(distribution.real).removesuffix(distribution.path)
    try:
        return os.lstat(stage + path).st_size
    except FileNotFoundError:
        return None
