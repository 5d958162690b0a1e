"""An instance's services: what its boot starts as root, asked through supervisor's socket and through the door."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .image import OPT
from .process import kill_descendants
from .result import Fail
from .services import STOP_PATIENCE

ENTRYPOINT = OPT / "instance-tools/bin/entrypoint.sh"
SOCKET = Path(os.environ.get("STRATA_SMOKE_SUPERVISOR", "/var/run/supervisor.sock"))
LOGS = Path(os.environ.get("STRATA_SMOKE_LOGS", "/var/log/portal"))
POLL = 0.2


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def connect(self) -> None:
        """Opens it; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10.0)
        self.sock.connect(str(SOCKET))


class SocketTransport(xmlrpc.client.Transport):
    """What xmlrpc talks through."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Kept, so that the transport closes it."""
        connection = SocketConnection("localhost")
        self._connection = host, connection
        return connection


def service_states() -> dict[str, str]:
    """Each service's state by its name; empty where supervisor does not answer."""
    with (
        suppress(OSError, http.client.HTTPException, xmlrpc.client.Error),
        xmlrpc.client.ServerProxy("http://localhost", transport=SocketTransport()) as server,
    ):
        listed: Any = server.supervisor.getAllProcessInfo()
        return {process["name"]: process["statename"] for process in listed}
    return {}


class Instance:
    """A booted instance: `with Instance(workspace, key) as instance:`. Whatever happens, nothing of it outlives the block.

    `key` is a line of authorized_keys. Its login is `token`.
    """

    def __init__(self, workspace: Path, key: str) -> None:
        self.token = secrets.token_hex()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        self._told_to_stop = False
        self.environment = dict(os.environ) | {
            "WORKSPACE": str(workspace),
            "DATA_DIRECTORY": str(workspace),
            "SSH_PUBLIC_KEY": key,
            "OPEN_BUTTON_TOKEN": self.token,
            # Without a GPU ComfyUI has to be told.
            "COMFYUI_ARGS": "" if Path("/dev/nvidia0").exists() else "--cpu",
        }

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(ENTRYPOINT)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None and not self._told_to_stop:
            self.stop(STOP_PATIENCE)
        kill_descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        self._log.close()

    def stop(self, deadline: float) -> float | None:
        """Sends SIGTERM; returns the seconds until the boot ended, None if it did not within `deadline`."""
        started = time.monotonic()
        self._told_to_stop = True
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - started

    def log(self) -> str:
        """What the boot and the services wrote so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def service_log(self, name: str) -> str:
        """What one service wrote, as it wrote it."""
        with suppress(OSError):
            return (LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return ""

    def wait(self, ready: Callable[[], bool], deadline: float, otherwise: str | Callable[[], str]) -> None:
        """Returns when `ready` says so; raises Fail after `deadline` seconds or when the boot ends."""
        limit = time.monotonic() + deadline
        while not ready():
            if self.process.poll() is not None:
                raise Fail(f"the boot ended with exit status {self.process.returncode}", self.log())
            if time.monotonic() > limit:
                problem = otherwise if isinstance(otherwise, str) else otherwise()
                raise Fail(f"{problem} within {deadline:g} s", self.log())
            time.sleep(POLL)
