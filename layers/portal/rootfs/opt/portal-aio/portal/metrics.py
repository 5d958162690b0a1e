"""How busy the machine is: one reading for all who look."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from pydantic import BaseModel

from .cgroup import ControlGroup
from .gpu import GpuReader, Gpus

# Two people with the page open ask no more than one does.
FRESH = 0.9


class Share(BaseModel):
    """Bytes of so many."""

    used: int
    total: int


class Cpu(BaseModel):
    """Processors that may be used, and how busy they are in percent."""

    count: float
    busy: float | None


class Disk(Share):
    """A file system by what is on it."""

    label: str
    path: str


class Metrics(BaseModel):
    """Everything at one moment."""

    cpu: Cpu
    memory: Share
    disks: list[Disk]
    gpu: Gpus


class MetricsReader:
    """Reads it, for a thread."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._group = ControlGroup()
        self._gpus = GpuReader()
        self._lock = threading.Lock()
        self._last: tuple[float, Metrics] | None = None

    def read(self) -> Metrics:
        """What was read within the last second, or anew."""
        with self._lock:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > FRESH:
                self._last = (now, self._anew())
            return self._last[1]

    def _anew(self) -> Metrics:
        processors, memory = self._group.processors(), self._group.memory()
        return Metrics(
            cpu=Cpu(count=processors.count, busy=processors.busy),
            memory=Share(used=memory.used, total=memory.total),
            disks=disks({"Container": Path("/"), "Workspace": self._workspace}),
            gpu=self._gpus.read(),
        )


def disks(places: dict[str, Path]) -> list[Disk]:
    """The file systems of these folders, each once."""
    found: dict[int, Disk] = {}
    for label, path in places.items():
        try:
            device, room = os.stat(path).st_dev, os.statvfs(path)
        except OSError:
            continue
        # What is kept for root is nobody's: as df counts.
        used = (room.f_blocks - room.f_bfree) * room.f_frsize
        total = used + room.f_bavail * room.f_frsize
        if device not in found:
            found[device] = Disk(label=label, path=str(path), used=used, total=total)
    return list(found.values())
