"""Usage: share_out.py LIST, in the step that filled /out. Moves installed distributions into the folders of further layers.

LIST has for each layer the distributions that it holds: of the first, all files go from /out to /layers/1. What is not
named stays in /out, and so does what several distributions say is theirs: each path is in one layer. Files are renamed
within the step, so that the builder keeps them once.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from pathlib import Path


def normalised(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def recorded(info: Path) -> list[Path]:
    """The files of a distribution as its RECORD has them, with what Python compiled of them."""
    paths = []
    for row in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
        # Scripts lie outside of site-packages: ../../../bin/name.
        path = Path(os.path.normpath(info.parent / row[0]))
        paths.append(path)
        if path.suffix == ".py":
            paths += (path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc")
    return paths


def distributions(out: Path) -> dict[str, list[Path]]:
    """Files by the normalised name of the distribution that they are of."""
    found = {}
    for info in sorted(out.glob("**/site-packages/*.dist-info")):
        name = normalised(info.name.removesuffix(".dist-info").rpartition("-")[0])
        found[name] = [path for path in recorded(info) if path.is_symlink() or path.exists()]
    return found


def move(path: Path, out: Path, layer: Path) -> None:
    """The folders above it come along with their modes."""
    target = layer / path.relative_to(out)
    missing = []
    for folder in target.parents:
        if folder.exists():
            break
        missing.append(folder)
    for folder in reversed(missing):
        folder.mkdir()
        folder.chmod((out / folder.relative_to(layer)).stat().st_mode & 0o7777)
    path.rename(target)


def settle(folder: Path, epoch: int, empty: set[str]) -> None:
    """Folders that lost or got files have the time of all others; those that lost all are gone."""
    for name, _, _ in os.walk(folder, topdown=False):
        if name != str(folder) and name not in empty and not os.listdir(name):
            os.rmdir(name)
        else:
            os.utime(name, (epoch, epoch))


def main(out: Path, layers: Path, shares: list[list[str]], epoch: int) -> None:
    """Raises ValueError for a distribution that is not there: the list would not be the lock's."""
    found = distributions(out)
    owners: dict[Path, int] = {}
    for files in found.values():
        for path in set(files):
            owners[path] = owners.get(path, 0) + 1
    empty = {folder for folder, _, _ in os.walk(out) if not os.listdir(folder)}
    for number, names in enumerate(shares, 1):
        layer = layers / str(number)
        layer.mkdir(parents=True)
        layer.chmod(out.stat().st_mode & 0o7777)
        for name in names:
            if name not in found:
                raise ValueError(f"{name} is not installed, so it has no files for a layer of its own")
            for path in set(found[name]):
                if owners[path] == 1:
                    move(path, out, layer)
        settle(layer, epoch, set())
    settle(out, epoch, empty)


if __name__ == "__main__":
    try:
        listed = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        main(Path("/out"), Path("/layers"), listed, int(os.environ["SOURCE_DATE_EPOCH"]))
    except ValueError as error:
        sys.exit(str(error))
