"""An instance's services: what its boot starts as root, asked through supervisor's socket and through the door."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

from .image import OPT
from .running import Running

ENTRYPOINT = OPT / "instance-tools/bin/entrypoint.sh"
SOCKET = Path(os.environ.get("STRATA_SMOKE_SUPERVISOR", "/var/run/supervisor.sock"))
LOGS = Path(os.environ.get("STRATA_SMOKE_LOGS", "/var/log/portal"))


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


class Instance(Running):
    """A booted instance: `with Instance(workspace, key) as instance:`.

    `key` is a line of authorized_keys. Its login is `token`.
    """

    def __init__(self, workspace: Path, key: str) -> None:
        self.token = secrets.token_hex()
        environment = dict(os.environ) | {
            "WORKSPACE": str(workspace),
            "DATA_DIRECTORY": str(workspace),
            "SSH_PUBLIC_KEY": key,
            "OPEN_BUTTON_TOKEN": self.token,
            # Without a GPU ComfyUI has to be told.
            "COMFYUI_ARGS": "" if Path("/dev/nvidia0").exists() else "--cpu",
        }
        super().__init__(ENTRYPOINT, environment, "boot")

    def service_log(self, name: str) -> str:
        """What one service wrote, as it wrote it."""
        with suppress(OSError):
            return (LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return ""
