"""Files of jobs that are done: a worker computes many, and nobody would clear them away."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .results import ResultFile


class Leftovers:
    """Below the volume. Results go one job later, because ComfyUI's cache may name them once more."""

    def __init__(self, volume: Path, keep: bool) -> None:
        self._volume = volume
        self._keep = keep
        self._results: set[str] = set()

    def remove_inputs(self, names: Iterable[str]) -> None:
        """What was uploaded for a job."""
        for name in names:
            self._remove("input", name)

    def remove_results(self, files: Iterable[ResultFile]) -> None:
        """What earlier jobs wrote and this one did not hand out again. Temporary files go when ComfyUI starts."""
        current = {file.name for file in files if file.folder == "output"}
        for name in self._results - current:
            self._remove("output", name)
        self._results = current

    def _remove(self, folder: str, name: str) -> None:
        if not self._keep and ".." not in Path(name).parts:
            with suppress(OSError):
                (self._volume / folder / name).unlink()
