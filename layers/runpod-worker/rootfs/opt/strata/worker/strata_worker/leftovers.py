"""Files of jobs that are done: a worker computes many, and nobody would clear them away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from .results import ResultFile

# ComfyUI's word for the folder, `output` or `temp`, and the name below it.
File = tuple[str, str]
# Of a name without its ending: ComfyUI's counter, which tells a job's files from all others.
COUNTED = re.compile(r"\d_?$")


class Leftovers:
    """Below ComfyUI's folders. What a job wrote goes one job later, because ComfyUI's cache may name it once more.

    In folders of the container's own that is everything that was not there before the job. On a volume (`is_shared`)
    others may write meanwhile: there it is what the job named, and what nodes call like it (a video's first picture,
    the video before its sound came in).
    """

    def __init__(self, volume: Path, temporary: Path, *, is_shared: bool, keep: bool) -> None:
        self._folders = {"input": volume / "input", "output": volume / "output", "temp": temporary}
        self._is_shared = is_shared
        self._keep = keep
        self._written: set[File] = set()

    def look(self) -> set[File]:
        """Every file that a job may have written, as it is now."""
        if self._keep:
            return set()
        return {(folder, name) for folder in ("output", "temp") for name in files_below(self._folders[folder])}

    def remove_inputs(self, names: Iterable[str]) -> None:
        """What was uploaded for a job."""
        for name in names:
            self._remove(("input", name))

    def remove_written(self, before: set[File], named: Iterable[ResultFile]) -> None:
        """What earlier jobs wrote and this one does not name. `before`: what `look` saw before this job."""
        current = {(file.folder, file.name) for file in named}
        new = self.look() - before
        written = {file for file in new if not self._is_foreign(file) or belongs(file, current)}
        if not self._is_shared:
            written |= current
        still_named = {file for file in self._written if belongs(file, current)}
        for file in self._written - still_named - written:
            self._remove(file)
        self._written = written | still_named

    def _is_foreign(self, file: File) -> bool:
        """Whether somebody else may have written it. Temporary files are always the container's own."""
        return self._is_shared and file[0] != "temp"

    def _remove(self, file: File) -> None:
        folder, name = file
        if self._keep or folder not in self._folders or ".." in Path(name).parts:
            return
        base = self._folders[folder]
        with suppress(OSError):
            (base / name).unlink()
            # A folder for each day or job would stay for ever. One with something in it refuses.
            for parent in (base / name).relative_to(base).parents[:-1]:
                if not self._is_foreign(file):
                    (base / parent).rmdir()


def is_elsewhere(volume: Path, own: Path) -> bool:
    """Whether the volume lies on another disk than the container's own files: a folder of a mounted volume is one, too."""
    return volume.stat().st_dev != own.stat().st_dev


def files_below(folder: Path) -> Iterable[str]:
    """Names below a folder; links to other folders are not followed."""
    for path, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(path, name), folder)


def belongs(file: File, others: Iterable[File]) -> bool:
    """Whether it is one of the others, or is called like one of them up to its counter."""
    return any(file == other or are_siblings(file, other) for other in others)


def are_siblings(one: File, other: File) -> bool:
    """`clip_00001.png`, `clip_00001.mp4` and `clip_00001-audio.mp4`, in one folder."""
    first, second = PurePosixPath(one[1]), PurePosixPath(other[1])
    short, long = sorted((first.stem, second.stem), key=len)
    return (
        (one[0], first.parent) == (other[0], second.parent)
        and bool(COUNTED.search(short))
        and long.startswith(short)
        and not long[len(short) : len(short) + 1].isalnum()
    )
