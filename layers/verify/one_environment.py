"""Everything is in one environment: no package lies outside it or was put there by hand, no program runs outside it.

A node's requirement that was installed into another Python is there, and is not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from environment import METADATA, Distribution, files_of, shorten
from problem import Problem
from tree import Tree

# What nodes carry in their repositories is theirs, what the distribution's packages bring is its package manager's, and
# the services' environment has a lock of its own, which its stage checks.
OTHERS = ("/opt/comfyui/custom_nodes/", "/usr/lib/python3/dist-packages/", "/opt/services/")


def check_one_environment(tree: Tree, environment: str, site_packages: str, installed: list[Distribution]) -> str:
    """What was seen; raises Problem."""
    problems = [*find_outside(tree, site_packages), *find_strangers(tree, site_packages, installed)]
    scripts = [(path, first) for path, first in first_lines(tree, f"{environment}/bin") if b"python" in first]
    others: defaultdict[bytes, list[str]] = defaultdict(list)
    for path, first in scripts:
        if not first.startswith(f"#!{environment}/bin/python".encode()):
            others[first[2:].strip()].append(path)
    problems += [f"{shorten(paths)}: run by {other.decode(errors='replace')}" for other, paths in others.items()]
    if problems:
        raise Problem(problems)
    return f"{len(scripts)} programs, all of {environment}"


def first_lines(tree: Tree, folder: str) -> Iterator[tuple[str, bytes]]:
    """Scripts in a folder, with the line that says what runs them."""
    for path, real in tree.walk(folder):
        with real.open("rb") as file:
            line = file.readline(200)
        if line.startswith(b"#!"):
            yield path, line


def find_outside(tree: Tree, site_packages: str) -> list[str]:
    """Metadata of distributions anywhere else; what packages carry inside themselves is theirs."""
    return [
        f"{path} is outside of {site_packages}"
        for path in tree.folders()
        if METADATA.fullmatch(path.rpartition("/")[2]) and not path.startswith((f"{site_packages}/", *OTHERS))
    ]


def find_strangers(tree: Tree, site_packages: str, installed: list[Distribution]) -> list[str]:
    """Files among the packages that no distribution brought."""
    owned = {path for distribution in installed for path, _, _ in files_of(distribution)}
    strangers = [path for path, _ in tree.walk(site_packages) if path not in owned and not path.endswith(".pyc")]
    return [f"{shorten(sorted(strangers))}: in no distribution"] if strangers else []
