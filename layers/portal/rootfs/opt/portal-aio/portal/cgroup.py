"""What this container may use of processors and memory, by its control group (version 1 or 2): the host has more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Memory:
    """Bytes; caches that can be given up do not count as used."""

    used: int
    total: int


@dataclass(frozen=True)
class Processors:
    """How many there are to use, and how busy they are in percent, once there are two samples."""

    count: float
    busy: float | None


class ControlGroup:
    """Reads its files anew each time: limits change while a container runs."""

    def __init__(self, root: Path = ROOT, membership: Path = MEMBERSHIP) -> None:
        self._root = root
        self._membership = membership
        self._last: tuple[float, int] | None = None
        # Its first answer is always 0.
        psutil.cpu_percent()

    def memory(self) -> Memory:
        """Of the group where it is limited, of the machine elsewhere."""
        machine = psutil.virtual_memory()
        limits = [read_number(folder / name) for folder, name in self._places("memory", MEMORY_LIMITS)]
        limit = min((number for number in limits if number is not None), default=machine.total)
        used = self._used()
        if limit >= machine.total or used is None:
            return Memory(machine.total - machine.available, machine.total)
        return Memory(min(used, limit), limit)

    def processors(self) -> Processors:
        """Of the group; where it does not count its time, how busy the machine is."""
        quotas = [quota for folder in self._folders("cpu") if (quota := read_quota(folder)) is not None]
        count = min([float(len(os.sched_getaffinity(0))), *quotas])
        now, spent = time.monotonic(), self._spent()
        if spent is None:
            return Processors(count, psutil.cpu_percent())
        last, self._last = self._last, (now, spent)
        if last is None or now <= last[0]:
            return Processors(count, None)
        busy = (spent - last[1]) / 1e9 / (now - last[0]) / count * 100
        return Processors(count, max(0.0, min(100.0, busy)))

    def _used(self) -> int | None:
        for folder in self._folders("memory"):
            for current, idle in (
                ("memory.current", "inactive_file"),
                ("memory.usage_in_bytes", "total_inactive_file"),
            ):
                used = read_number(folder / current)
                if used is not None:
                    return max(0, used - read_field(folder / "memory.stat", idle))
        return None

    def _spent(self) -> int | None:
        """Nanoseconds of processor time."""
        for folder in self._folders("cpu"):
            if (folder / "cpu.stat").exists() and (spent := read_field(folder / "cpu.stat", "usage_usec")):
                return spent * 1000
        for folder in self._folders("cpuacct"):
            if (spent := read_number(folder / "cpuacct.usage")) is not None:
                return spent
        return None

    def _places(self, controller: str, names: tuple[str, ...]) -> list[tuple[Path, str]]:
        return [(folder, name) for folder in self._folders(controller) for name in names]

    def _folders(self, controller: str) -> list[Path]:
        """The group's folder and those above it, whose limits hold as well."""
        for line in read_lines(self._membership):
            _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
            if controllers == "":
                base = self._root
            elif controller in controllers.split(","):
                base = next(
                    (self._root / name for name in (controllers, controller) if (self._root / name).is_dir()), None
                )
            else:
                continue
            if base is None or not any(base.iterdir() if base.is_dir() else ()):
                continue
            # Seen from inside, a path of the host does not exist: then the root is the group's.
            own = base / path.strip("/")
            inside = own if own.is_dir() and ".." not in path else base
            found = [inside, *(parent for parent in inside.parents if parent == base or base in parent.parents)]
            if controllers or (base / "cgroup.controllers").exists():
                return found
        return []


MEMORY_LIMITS = ("memory.max", "memory.limit_in_bytes")


def read_quota(folder: Path) -> float | None:
    """Processors that the group may use at most."""
    words = (read_lines(folder / "cpu.max") or [""])[0].split()
    if len(words) == 2 and words[0].isdigit():
        return int(words[0]) / int(words[1])
    quota, period = read_number(folder / "cpu.cfs_quota_us"), read_number(folder / "cpu.cfs_period_us")
    return quota / period if quota and quota > 0 and period else None


def read_number(file: Path) -> int | None:
    """The number in a file; None for `max` and where there is none."""
    try:
        return int(read_lines(file)[0])
    except (IndexError, ValueError):
        return None


def read_field(file: Path, name: str) -> int:
    """One line of a file of names and numbers; 0 where it is missing."""
    for line in read_lines(file):
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


def read_lines(file: Path) -> list[str]:
    """A small file's lines; none where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
