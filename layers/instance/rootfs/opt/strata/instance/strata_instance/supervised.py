"""Whether supervisord runs and answers, asked of its socket."""

from __future__ import annotations

import http.client
import socket
import time
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

from .words import say

SOCKET = Path("/var/run/supervisor.sock")
PATIENCE = 30.0


class SocketTransport(xmlrpc.client.Transport):
    """XML-RPC through a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        """A connection to the socket, whatever the host is."""
        # Kept for the next call, and closed with this.
        connection = self._connection[1] or SocketConnection(self._path)
        self._connection = str(host), connection
        return connection


class SocketConnection(http.client.HTTPConnection):
    """HTTP through a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        """Opens it; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


def call(method: str, path: Path = SOCKET) -> Any:
    """What supervisord answers; None where nobody does."""
    expected = suppress(OSError, http.client.HTTPException, xmlrpc.client.Error, ValueError)
    with expected, xmlrpc.client.ServerProxy("http://localhost", transport=SocketTransport(path)) as proxy:
        return getattr(proxy.supervisor, method)()
    return None


def supervisor_pid(path: Path = SOCKET) -> int | None:
    """Its process; None where nobody answers."""
    pid = call("getPID", path)
    return pid if isinstance(pid, int) else None


def is_answering() -> bool:
    """Whether it can be asked for something."""
    return supervisor_pid() is not None


def main(arguments: list[str]) -> int:
    """`is-supervised [--wait]`: 0 where it answers."""
    last = time.monotonic() + (PATIENCE if "--wait" in arguments else 0)
    while not is_answering():
        if time.monotonic() >= last:
            if arguments:
                say(f"supervisord does not answer after {PATIENCE:.0f} s.")
            return 1
        time.sleep(0.1)
    return 0


def health(_: list[str], path: Path = SOCKET) -> int:
    """For the container's health check: 0 where no service was given up. One that was stopped, or is not wanted, is no fault."""
    services = call("getAllProcessInfo", path)
    if not services:
        print("supervisord does not answer")
        return 1
    for service in services:
        print(service["name"], service["statename"])
    return 1 if any(service["statename"] in ("FATAL", "BACKOFF") for service in services) else 0
