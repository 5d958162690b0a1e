"""The door as one program of a process manager: the login service in this process, Caddy as its child.

Either's end is both's: without Caddy nobody gets in, and without the service Caddy lets nobody through.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import uvicorn

from .applications import Application, ConfigurationError, doors, may_listen, parse_applications, read_portal
from .caddy import MOST_HEADER_BYTES, TLS, Wishes, caddy_configuration, tunnel_socket
from .credentials import choose_credentials
from .judge import Door
from .service import LoginService
from .sessions import Sessions, cookie_name
from .settings import Places, Settings, load_settings

# For the boot to write the applications and the pair of TLS.
PATIENCE = 25.0
# linux/prctl.h
DEATH_SIGNAL, NOT_DUMPABLE = 1, 4
SOCKET, DESCRIPTION, CONFIGURATION = "login.sock", "door.json", "caddy.json"
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], patience: float = PATIENCE) -> Found | None:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + patience
    while (found := look()) is None and time.monotonic() < end:
        time.sleep(0.5)
    return found


def find_applications(settings: Settings) -> list[Application]:
    """Those of the environment, or of the file that the boot writes; raises ConfigurationError."""
    if settings.applications is not None:
        return parse_applications(json.loads(settings.applications))
    file = settings.places.portal
    text = wait_for(lambda: file.read_text(encoding="utf-8") if file.exists() and file.stat().st_size else None)
    if text is None:
        raise ConfigurationError(f"{file}: is not there, or empty")
    return read_portal(text)


def find_pair(settings: Settings) -> tuple[str, str] | None:
    """The pair of TLS where both files are there."""
    certificate, key = settings.places.pair
    there = wait_for(lambda: True if certificate.exists() and key.exists() else None) if settings.tls else None
    return (str(certificate), str(key)) if there else None


def kept_token(settings: Settings) -> str | None:
    """The token that the image's start made, in images that have one."""
    file = settings.plan.get("tokenFile")
    return Path(str(file)).read_text(encoding="utf-8").strip() if file else None


def make_door(
    settings: Settings, applications: list[Application], variables: Mapping[str, str]
) -> tuple[Door, list[str]]:
    """What judges, and what people should know."""
    chosen = choose_credentials(variables, settings.places.state, kept_token(settings))
    ports = frozenset(application.external for application in applications)
    login = settings.plan.get("loginToken")
    own_logins = {
        application.external: f"Bearer {secret}"
        for application in applications
        if (secret := chosen.token if application.own_token else login if application.login else None)
    }
    door = Door(
        credentials=chosen.credentials,
        cookie=cookie_name(variables),
        open_sites=settings.open_sites if settings.has_login else ports,
        own_logins=own_logins,
        origins=frozenset(settings.origins),
        sessions=Sessions(chosen.credentials.key, settings.places.state / "ended-sessions"),
    )
    messages = list(chosen.messages)
    if file := settings.plan.get("tokenFile"):
        messages.append(f"The password of {', '.join(map(str, sorted(ports)))} is the token in {file}.")
    if open_ports := sorted(ports & door.open_sites):
        messages.append(f"Open to everybody, without a login: {', '.join(map(str, open_ports))}.")
    return door, messages


def write_whole(file: Path, content: object, mode: int) -> None:
    """A file that is there whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2)
    draft.chmod(mode)
    draft.replace(file)


def describe(applications: list[Application], wishes: Wishes) -> dict[str, object]:
    """What the portal and the tunnels may know."""
    return {
        "applications": [
            {
                "label": application.label,
                "external_port": application.external,
                "internal_port": application.internal,
                "scheme": TLS if wishes.tls else "http",
                "direct": application.external in wishes.listening,
                "tunnel_socket": tunnel_socket(wishes, application.external),
            }
            for application in applications
        ]
    }


def make_folders(places: Places) -> str:
    """Leaves no socket of an earlier start; the folder of those for tunnels."""
    places.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    places.state.chmod(0o700)
    places.run.mkdir(parents=True, exist_ok=True, mode=0o755)
    tunnels = places.run / "tunnel"
    tunnels.mkdir(exist_ok=True, mode=0o700)
    for left in [*tunnels.glob("*.sock"), places.run / SOCKET]:
        left.unlink(missing_ok=True)
    return str(tunnels)


def prepare(settings: Settings, variables: Mapping[str, str]) -> tuple[LoginService, list[str]]:
    """Everything before the start: files, folders, and what people should know; raises ConfigurationError."""
    places = settings.places
    applications = list(doors(find_applications(settings)))
    pair = find_pair(settings)
    wishes = Wishes(
        socket=str(places.run / SOCKET),
        tunnels=make_folders(places),
        listening=frozenset(each.external for each in applications if may_listen(each.external, variables)),
        tls=settings.tls,
        pair=pair,
        names=settings.names,
        origins=settings.origins,
        storage=str(places.state / "caddy"),
    )
    door, messages = make_door(settings, applications, variables)
    if settings.tls and not pair:
        messages.append(f"{places.pair[0]} and its key are not there: Caddy makes a certificate that no browser knows.")
    write_whole(places.run / CONFIGURATION, caddy_configuration(applications, wishes), 0o600)
    write_whole(places.run / DESCRIPTION, describe(applications, wishes), 0o644)
    return LoginService(door, {each.external: each.label for each in applications}), messages


class Server(uvicorn.Server):
    """uvicorn, whose signals are this program's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of its own: both parts end together."""
        yield


def open_socket(path: Path) -> socket.socket:
    """Only this user can open it, from its first moment."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(512)
    return listener


async def run(service: LoginService, places: Places) -> int:
    """Until a signal, or until one part has ended; the exit status."""
    configuration = uvicorn.Config(
        service.app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        http="h11",
        lifespan="off",
        h11_max_incomplete_event_size=4 * MOST_HEADER_BYTES,
    )
    server = Server(configuration)
    listener = open_socket(places.run / SOCKET)
    serving = asyncio.create_task(server.serve([listener]))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Nothing of this program's environment is Caddy's business, and some of it is secret.
    kept = {name: os.environ[name] for name in ("PATH", "TZ", "LANG") if name in os.environ}
    caddy = await asyncio.create_subprocess_exec(
        *(places.caddy, "run", "--config", str(places.run / CONFIGURATION)),
        env={**kept, "HOME": str(places.state), "XDG_DATA_HOME": str(places.state)},
        preexec_fn=lambda: ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0),
    )
    ended = [asyncio.create_task(waited) for waited in (caddy.wait(), stop.wait())]
    await asyncio.wait([*ended, serving], return_when=asyncio.FIRST_COMPLETED)
    failed = not stop.is_set()
    if caddy.returncode is None:
        caddy.terminate()
        try:
            await asyncio.wait_for(caddy.wait(), 5)
        except TimeoutError:
            caddy.kill()
    server.should_exit = True
    await serving
    return 1 if failed else 0


def main() -> int:
    """The exit status; 2 for what a person has to mend."""
    # Others' programs under this user are not to read its environment.
    ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    try:
        settings = load_settings()
        service, messages = prepare(settings, os.environ)
    except (ConfigurationError, OSError, ValueError) as error:
        print(f"door: {error}. Nothing is opened.", file=sys.stderr, flush=True)
        return 2
    for message in messages:
        print(f"door: {message}", file=sys.stderr, flush=True)
    return asyncio.run(run(service, settings.places))
