"""The image's services, started through its own entrypoint."""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from .image import BEHIND_DOOR, ENTRYPOINT, OPT
from .process import descendants
from .result import Fail
from .running import Running

LLAMA_PORT, BACKEND_PORT, COMFYUI_PORT = 8080, 8000, 8188
COUNTING_MODEL = OPT / "strata/models/counting.gguf"
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


def fetch(
    url: str, body: Mapping[str, Any] | None = None, timeout: float = 120.0, token: str | None = None
) -> tuple[int, bytes]:
    """Status and content of the answer to a GET, or to a POST of `body`; raises OSError without an answer."""
    data = json.dumps(body).encode() if body is not None else None
    # Large parts of a page come packed, or not at all.
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with OPENER.open(urllib.request.Request(url, data=data, headers=headers), timeout=timeout) as response:
            return response.status, unpacked(response)
    except urllib.error.HTTPError as error:
        return error.code, unpacked(error)


def unpacked(response: HTTPResponse | urllib.error.HTTPError) -> bytes:
    """The content of an answer."""
    content = response.read()
    return gzip.decompress(content) if response.headers.get("Content-Encoding") == "gzip" else content


def ask(
    url: str, body: Mapping[str, Any] | None = None, timeout: float = 120.0, token: str | None = None
) -> tuple[int, Any]:
    """`fetch` with the answer's JSON; an error's text where it has none. Raises ValueError for other text."""
    status, content = fetch(url, body, timeout, token)
    try:
        return status, json.loads(content)
    except ValueError:
        if status < 400:
            raise
        return status, content.decode(errors="replace")


def demand(url: str, body: Mapping[str, Any] | None = None, timeout: float = 120.0, token: str | None = None) -> Any:
    """The answer's JSON; raises Fail unless the status is 200."""
    try:
        status, answer = ask(url, body, timeout, token)
    except (OSError, ValueError) as error:
        raise Fail(f"{url}: {error}") from error
    if status != 200:
        raise Fail(f"{url} answered {status}", json.dumps(answer, indent=2))
    return answer


def expect_refusal(url: str) -> None:
    """Raises Fail unless only a token lets one in."""
    for wrong in (None, "wrong"):
        status, _ = fetch(url, token=wrong)
        if status != 401:
            raise Fail(f"expected 401 {'with a wrong token' if wrong else 'without a token'}, got {status}")


def stream(url: str, body: Mapping[str, Any], timeout: float = 120.0) -> Iterator[dict[str, Any]]:
    """The events of an answer to a POST, one after the other as they arrive; raises Fail."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=timeout) as response:
            for line in response:
                if line.startswith(b"data: {"):
                    yield json.loads(line.removeprefix(b"data: "))
    except (OSError, ValueError) as error:
        raise Fail(f"{url}: {error}") from error


def expect_no_restart(log: str) -> None:
    """Raises Fail when the process manager started a service more than once."""
    names = re.findall(r"spawned: '([^']+)'", log)
    again = {name for name in names if names.count(name) > 1}
    if again:
        raise Fail(f"died and was started again: {', '.join(sorted(again))}", log)


def inner_port(port: int) -> int:
    """Where a service listens that has this public port, in images with the door before it (layers/door)."""
    return port + 10_000 if port <= 55_535 else port - 10_000


def free_pair() -> int:
    """A public port whose inner one is free, too."""
    while not is_free(inner_port(port := free_port())):
        pass
    return port


class Services(Running):
    """The running services: `with Services() as services:`.

    They listen on the image's default ports, or on free ones where `default_ports` is false or these are taken.
    `llama` and `comfyui` say which of them run; without a `volume` the image's own is used. `verbose`: llama-server
    writes where the layers of its model are.
    """

    def __init__(
        self,
        default_ports: bool = True,
        llama: bool = True,
        comfyui: bool = False,
        volume: Path | None = None,
        verbose: bool = False,
        behind_door: bool = BEHIND_DOOR,
    ) -> None:
        ports = (LLAMA_PORT, BACKEND_PORT, COMFYUI_PORT)
        inner = tuple(map(inner_port, ports)) if behind_door else ports
        if not (default_ports and all(is_free(port) for port in {*ports, *inner})):
            ports = (free_pair(), free_pair(), free_pair()) if behind_door else (free_port(), free_port(), free_port())
            inner = tuple(map(inner_port, ports)) if behind_door else ports
        # The services themselves; with the door before them the world knows other ports.
        self.llama, self.backend, self.comfyui = (f"http://127.0.0.1:{port}" for port in inner)
        self.public = dict(zip(("llama", "backend", "comfyui"), ports, strict=True))
        self.token = secrets.token_hex()
        self._health = [f"{self.backend}/healthz", *([f"{self.llama}/health"] if llama else [])]
        names = ("LLAMA_ARG_PORT", "STRATA_BACKEND_PORT", "STRATA_COMFYUI_PORT")
        environment = dict(os.environ) | {name: str(port) for name, port in zip(names, ports, strict=True)}
        environment |= {"STRATA_TOKEN": self.token, "STRATA_COMFYUI": "on" if comfyui else "off"}
        # There is no network to fetch models from, and no check needs one.
        environment["STRATA_MODELS"] = "off"
        environment["STRATA_LLAMA"] = "on" if llama else "off"
        # Named, it is computed on the GPU where there is one; of itself the image serves it on the CPU.
        environment.setdefault("LLAMA_ARG_MODEL", str(COUNTING_MODEL))
        if volume:
            environment["STRATA_VOLUME"] = str(volume)
        if verbose:
            # The first of them is the name of today, the second that of versions before b9360.
            environment |= {"LLAMA_ARG_LOG_VERBOSITY": "4", "LLAMA_LOG_VERBOSITY": "4"}
        super().__init__(ENTRYPOINT, environment, "entrypoint")

    def wait_for_end(self, deadline: float) -> int | None:
        """The entrypoint's exit status; None where it has not ended by itself within `deadline` seconds."""
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            return None

    def pids(self, name: str) -> set[int]:
        """The services' processes called `name`."""
        return {pid for pid, found in descendants(self.process.pid).items() if found == name}

    def is_healthy(self) -> bool:
        """Whether every service says so."""
        try:
            return all(ask(url, timeout=2.0)[0] == 200 for url in self._health)
        except (OSError, ValueError):
            return False

    def wait_until_healthy(self, deadline: float) -> None:
        """Returns when all services are healthy; raises Fail after `deadline` seconds or when the entrypoint ends."""
        self.wait(self.is_healthy, deadline, "not healthy")
