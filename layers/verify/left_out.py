"""Nobody asks for a file that a stage has left out (layers/cuda/left-out.json), neither as a library nor by its name.

Libraries that others link to are missed by the check of libraries as well; one that a program opens by its name is found
here alone: the name stands in its code.
"""

from __future__ import annotations

import json
import mmap
import re
from fnmatch import fnmatch
from pathlib import Path

from problem import Problem
from tree import Tree

NOTICE = "strata-left-out.json"
# Lists of every library of NVIDIA's that there is, in what only opens those that it is asked for.
LISTS = ("*/site-packages/cuda/pathfinder/*",)
CODE = re.compile(r"\.(py|so)(\.[\d.]+)?$")


def check_left_out(tree: Tree, site_packages: str, folder: str) -> str:
    """What was seen; raises Problem for each file in which the name of one of them stands."""
    names = {}
    for path, notice in tree.glob(f"{site_packages}/*.dist-info/{NOTICE}"):
        for file in json.loads(notice.read_text(encoding="utf-8"))["files"]:
            names[stem(file).encode()] = path.split("/")[-2].removesuffix(".dist-info")
    if not names:
        return "nothing is left out"
    problems, looked = [], 0
    for path, file in tree.walk(folder):
        if not CODE.search(path) or any(fnmatch(path, pattern) for pattern in LISTS):
            continue
        looked += 1
        problems += [f"{path} names {name.decode()}, left out of {names[name]}" for name in named(file, list(names))]
    if problems:
        raise Problem(problems)
    return f"{len(names)} names in none of {looked} files"


def stem(path: str) -> str:
    """`libcusolverMg.so` for all names of a library; programs open it with the number or without."""
    return re.sub(r"(\.so)(\.[\d.]+)$", r"\1", path.rpartition("/")[2])


def named(file: Path, names: list[bytes]) -> list[bytes]:
    """The names that stand in the file."""
    if file.stat().st_size == 0:
        return []
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [name for name in names if content.find(name) >= 0]
