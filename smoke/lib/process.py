"""Processes: what descends from this one, and how to be rid of it."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes processes whose parent dies children of this one, so that they are found again."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def read_processes() -> dict[int, tuple[int, str, str]]:
    """Parent, state letter and name of every process that can be seen."""
    processes = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            # The name may hold spaces and parentheses; what follows the last one does not.
            before, after = (folder / "stat").read_text().rsplit(")", 1)
            state, parent = after.split()[:2]
            processes[int(folder.name)] = (int(parent), state, before.split("(", 1)[1])
    return processes


def descendants(root: int) -> dict[int, str]:
    """Pid and name of the living processes that descend from `root`, zombies aside."""
    processes = read_processes()
    family, grew = {root}, True
    while grew:
        children = {pid for pid, (parent, _, _) in processes.items() if parent in family}
        grew = not children <= family
        family |= children
    return {pid: processes[pid][2] for pid in family - {root} if pid in processes and processes[pid][1] != "Z"}


def kill_descendants(root: int, patience: float = 5.0) -> None:
    """Kills what descends from `root`, again and again until nothing is left or `patience` seconds have passed."""
    limit = time.monotonic() + patience
    while (left := descendants(root)) and time.monotonic() < limit:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def become(name: str) -> None:
    """This process and all that it starts belong to the user `name` from here on; raises OSError or KeyError."""
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ["HOME"] = user.pw_dir


def describe(status: int) -> str:
    """An exit status in words."""
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
