"""The one login: no service answers to a stranger, each answers to who knows the token, and none is beside the door."""

from __future__ import annotations

from pathlib import Path

from lib.check import Check
from lib.result import Fail
from lib.services import Services, fetch, inner_port

TITLE = "the one login"
NEEDS = "door"
# An instance has services of its own: check 85.
WITHOUT = "instance"
DEADLINE = 300

START_DEADLINE = 120.0
LISTENS = "0A"
# The loopback address as the kernel writes it, of both families; the third is the first in the second's clothes.
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def run(check: Check) -> None:
    """With services of its own; ComfyUI takes long to start, and is behind the same door as these."""
    with Services(default_ports=False, llama=check.has("llama"), behind_door=True) as services:
        with check.step("start", "the services start behind the door") as started:
            services.wait_until_healthy(START_DEADLINE)
            services.wait(lambda: answers(services.public["backend"]), START_DEADLINE, "the door does not answer")
        if not started.passed:
            return
        paths = {"backend": "/system"} | ({"llama": "/v1/models"} if check.has("llama") else {})
        with check.step("strangers", "strangers get nothing on any port"):
            for name, path in paths.items():
                expect_closed(services.public[name], (path, "/", "/healthz", "/health", "//", "/.strata-door/../x"))
        with check.step("token", "who knows the token is let in, and asked for nothing more"):
            for name, path in paths.items():
                expect_open(services.public[name], path, services.token)
        with check.step("beside", "no service listens to the world beside the door"):
            expect_inside({inner_port(services.public[name]) for name in paths})


def answers(port: int) -> bool:
    """Whether somebody speaks HTTP there."""
    try:
        return fetch(f"http://127.0.0.1:{port}/", timeout=2.0)[0] > 0
    except OSError:
        return False


def expect_closed(port: int, paths: tuple[str, ...]) -> None:
    """Raises Fail unless each is refused, with a wrong token as well."""
    for path in paths:
        for token in (None, "wrong"):
            status, content = fetch(f"http://127.0.0.1:{port}{path}", token=token)
            if status != 401:
                raise Fail(f"port {port}: expected 401 for {path}, got {status}", content.decode(errors="replace"))


def expect_open(port: int, path: str, token: str) -> None:
    """Raises Fail unless it answers."""
    status, content = fetch(f"http://127.0.0.1:{port}{path}", token=token)
    if status != 200:
        raise Fail(f"port {port}: expected 200 for {path}, got {status}", content.decode(errors="replace"))


def expect_inside(ports: set[int]) -> None:
    """Raises Fail for a port that more than this container can reach."""
    rows = [line.split() for table in TABLES if table.exists() for line in table.read_text().splitlines()[1:]]
    listeners = [row[1].split(":") for row in rows if row[3] == LISTENS]
    wide = sorted({int(port, 16) for address, port in listeners if address not in LOOPBACK} & ports)
    if wide:
        raise Fail(f"reachable beside the door: {', '.join(map(str, wide))}")
