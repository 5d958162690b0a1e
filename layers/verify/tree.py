"""The stages laid over one another, as the product will have them, without copying a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

LONGEST_CHAIN = 40


class Tree:
    """Folders with stages, each of which is a part of one root file system. Paths in it are text: `/opt/venv`."""

    def __init__(self, stages: list[Path]) -> None:
        # `/` is a root like others, with nothing in front of its paths.
        self._roots = [str(stage).rstrip("/") for stage in stages]
        self.resolve = lru_cache(maxsize=None)(self._resolve)

    def real(self, path: str) -> Path | None:
        """Where the file is now, links followed as they will be in the product; None where there is none."""
        resolved = self.resolve(path)
        return self._find(resolved) if resolved else None

    def walk(self, folder: str) -> Iterator[tuple[str, Path]]:
        """Every regular file below `folder`, with where it is now; a path in two stages comes twice."""
        for root in self._roots:
            for parent, _, names in os.walk(root + folder):
                for name in names:
                    file = Path(parent, name)
                    if file.is_file() and not file.is_symlink():
                        yield f"{parent[len(root) :]}/{name}", file

    def folders(self) -> Iterator[str]:
        """Every folder of every stage; not what is mounted there, as /proc is in a container."""
        for root in self._roots:
            device = os.lstat(root or "/").st_dev
            for parent, names, _ in os.walk(root or "/"):
                names[:] = [name for name in names if os.lstat(os.path.join(parent, name)).st_dev == device]
                yield parent[len(root) :]

    def glob(self, pattern: str) -> list[tuple[str, Path]]:
        """What matches, in all stages."""
        return [
            (str(found)[len(root) :], found)
            for root in self._roots
            for found in sorted(Path(root or "/").glob(pattern.lstrip("/")))
        ]

    def _resolve(self, path: str) -> str | None:
        rest, done, links = [part for part in path.split("/") if part and part != "."][::-1], "", 0
        while rest:
            part = rest.pop()
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            found = self._find(f"{done}/{part}")
            if found is None:
                return None
            if found.is_symlink():
                links += 1
                if links > LONGEST_CHAIN:
                    return None
                target = os.readlink(found)
                if target.startswith("/"):
                    done = ""
                rest += [step for step in target.split("/") if step and step != "."][::-1]
            else:
                done = f"{done}/{part}"
        return done or "/"

    def _find(self, path: str) -> Path | None:
        for root in self._roots:
            if os.path.lexists(root + path):
                return Path(root + path)
        return None
