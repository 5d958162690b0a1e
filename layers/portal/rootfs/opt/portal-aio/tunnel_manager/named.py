"""The named tunnel: whoever gave the token decides at Cloudflare which names lead where."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from portal_common.applications import read_applications, read_entrances

from .cloudflared import environment, named_command
from .process import Process
from .settings import Settings
from .tunnel import Tunnel

LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}


class Route(BaseModel):
    """A public name and what it leads to; `unprotected` where that is a service behind the door's back."""

    url: str
    service: str
    port: int | None
    unprotected: bool


class NamedTunnel(Tunnel):
    """There is at most one."""

    asks_for_address = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.patience)
        self._settings = settings

    async def launch(self) -> Process:
        """The token goes by the environment: everybody in the container can read arguments."""
        settings = self._settings
        if settings.program is None:
            raise FileNotFoundError(2, "this image has no cloudflared")
        command = named_command(settings.program, settings.metrics_port, settings.protocol)
        variables = environment(settings.variables, settings.token)
        return await Process.start("named tunnel", command, variables, settings.token)

    async def routes(self) -> list[Route]:
        """As Cloudflare told cloudflared, by its own account."""
        if self.status.state != "running":
            return []
        address = f"http://127.0.0.1:{self._settings.metrics_port}/config"
        with contextlib.suppress(httpx.HTTPError, ValueError):
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return self._routes((await client.get(address)).json())
        return []

    def _routes(self, config: Any) -> list[Route]:
        entrances = read_entrances(self._settings.entrances)
        backends = {
            application.internal_port
            for application in read_applications(self._settings.applications)
            if application.internal_port != application.external_port
        }
        found = []
        for rule in config.get("config", {}).get("ingress", []) if isinstance(config, dict) else []:
            name, service = rule.get("hostname"), rule.get("service")
            if name and isinstance(service, str):
                port = local_port(service)
                sockets = {entrance.tunnel_socket: number for number, entrance in entrances.items()}
                port = sockets.get(service.removeprefix("unix:"), port)
                found.append(Route(url=f"https://{name}/", service=service, port=port, unprotected=port in backends))
        return found


def local_port(service: str) -> int | None:
    """The port of an address of this container."""
    try:
        address = urlsplit(service)
        return address.port if address.hostname in LOCAL else None
    except ValueError:
        return None
