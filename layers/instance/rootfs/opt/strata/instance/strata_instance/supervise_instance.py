"""supervisord with a few changes: it prints what services say beside keeping it, notes deaths, stops all at once.

What a service prints goes to its own file, which is kept small; supervisord cannot print it as well. It stops one service
after the other, and each may take seven seconds.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor import events, poller, supervisord

from .words import STATE, deaths_file, read_deaths, write_json

CONFIGURATION = Path("/etc/supervisor/supervisord.conf")
LOGS = Path("/var/log/portal")
# Seconds; supervisord looks at signals and dead services once in each turn.
LONGEST_WAIT = 0.1
MOST_DEATHS = 10


class ImpatientPoller(poller.Poller):
    """supervisord's poller, which never waits longer than LONGEST_WAIT seconds."""

    def poll(self, timeout: float) -> Any:
        """The readable and the writable file descriptors."""
        return super().poll(min(timeout, LONGEST_WAIT))


class Printer:
    """Prints whole lines of services with the service's name before them."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._begun: dict[str, bytes] = {}

    def hear(self, event: Any) -> None:
        """An event of supervisord: something was printed."""
        name = event.process.config.name
        data = event.data if isinstance(event.data, bytes) else str(event.data).encode()
        *lines, rest = (self._begun.get(name, b"") + data).split(b"\n")
        if len(rest) > 1 << 16:
            lines.append(rest)
            rest = b""
        self._begun[name] = rest
        if lines:
            self.write(b"".join(b"[%s] %s\n" % (name.encode(), line.rpartition(b"\r")[2] or line) for line in lines))

    def write(self, text: bytes) -> None:
        """The log of a container may be gone, that of a platform's start above all."""
        with suppress(OSError):
            while text:
                text = text[os.write(self._descriptor, text) :]


def note_death(event: Any, state: Path = STATE) -> None:
    """A service ended by itself; one that was asked to is told of by another event."""
    if event.expected:
        return
    name = event.process.config.name
    with suppress(OSError):
        write_json(deaths_file(state, name), [*read_deaths(state, name)[-MOST_DEATHS:], time.time()])


class InstanceSupervisor(supervisord.Supervisor):
    """supervisord for an instance."""

    def runforever(self) -> None:
        """Returns when all services have ended. supervisord forgets listeners when it starts, so this is the place."""
        events.subscribe(events.ProcessLogStdoutEvent, Printer().hear)
        events.subscribe(events.ProcessStateExitedEvent, note_death)
        super().runforever()

    def ordered_stop_groups_phase_1(self) -> None:
        """All of them, instead of the last one that still runs."""
        for group in self.stop_groups or []:
            group.stop_all()


def main(_: list[str]) -> int:
    """Returns when supervisord has stopped all services."""
    LOGS.mkdir(parents=True, exist_ok=True)
    poller.Poller = ImpatientPoller
    supervisord.Supervisor = InstanceSupervisor
    sys.argv[0] = "supervisord"
    supervisord.main(["--nodaemon", "--configuration", str(CONFIGURATION)])
    return 0
