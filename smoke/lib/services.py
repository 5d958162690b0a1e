"""The image's services, started through its own entrypoint."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .image import ENTRYPOINT
from .process import descendants, kill_descendants
from .result import Fail

LLAMA_PORT, BACKEND_PORT = 8080, 8000
POLL = 0.05
# For services that nobody asks about any more; what is left then is killed.
STOP_PATIENCE = 5.0
# No proxy: everything asked for is in this container.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_free(port: int) -> bool:
    """Whether a service could listen on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(url: str, body: Mapping[str, Any] | None = None, timeout: float = 30.0) -> tuple[int, Any]:
    """Status and JSON of the answer to a GET, or to a POST of `body`; raises OSError without an answer."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=timeout) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, text


def demand(url: str, body: Mapping[str, Any] | None = None, timeout: float = 30.0) -> Any:
    """The answer's JSON; raises Fail unless the status is 200."""
    try:
        status, answer = ask(url, body, timeout)
    except (OSError, ValueError) as error:
        raise Fail(f"{url}: {error}") from error
    if status != 200:
        raise Fail(f"{url} answered {status}", json.dumps(answer, indent=2))
    return answer


class Services:
    """The running services: `with Services() as services:`. Whatever happens, none of them outlives the block.

    They listen on the image's default ports, or on free ones where `default_ports` is false or these are taken.
    """

    def __init__(self, default_ports: bool = True) -> None:
        default_ports = default_ports and is_free(LLAMA_PORT) and is_free(BACKEND_PORT)
        ports = (LLAMA_PORT, BACKEND_PORT) if default_ports else (free_port(), free_port())
        self.llama, self.backend = (f"http://127.0.0.1:{port}" for port in ports)
        self.environment = dict(os.environ)
        if not default_ports:
            self.environment |= {"LLAMA_ARG_PORT": str(ports[0]), "STRATA_BACKEND_PORT": str(ports[1])}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        self._told_to_stop = False

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
        """Sends SIGTERM; returns the seconds until the entrypoint ended, None if it did not within `deadline`."""
        started = time.monotonic()
        self._told_to_stop = True
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - started

    def log(self) -> str:
        """What the services wrote so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def pids(self, name: str) -> set[int]:
        """The services' processes called `name`."""
        return {pid for pid, found in descendants(self.process.pid).items() if found == name}

    def is_healthy(self) -> bool:
        """Whether both services say so."""
        try:
            return all(ask(url, timeout=2.0)[0] == 200 for url in (f"{self.backend}/healthz", f"{self.llama}/health"))
        except (OSError, ValueError):
            return False

    def wait_until_healthy(self, deadline: float) -> None:
        """Returns when both services are healthy; raises Fail after `deadline` seconds or when the entrypoint ends."""
        limit = time.monotonic() + deadline
        while not self.is_healthy():
            if self.process.poll() is not None:
                raise Fail(f"the entrypoint ended with exit status {self.process.returncode}", self.log())
            if time.monotonic() > limit:
                raise Fail(f"not healthy within {deadline:g} s", self.log())
            time.sleep(POLL)
