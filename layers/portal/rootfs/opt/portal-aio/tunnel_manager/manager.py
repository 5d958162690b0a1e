"""All tunnels of the instance."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

from pydantic import BaseModel

from portal_common.applications import read_applications, read_entrances

from .named import NamedTunnel, Route
from .pace import Pace
from .quick import QuickTunnel
from .settings import Settings
from .tunnel import Tunnel

Action = Literal["start", "stop", "refresh"]
ABSENT = "This image was built without cloudflared, so it has no tunnels."


class TunnelView(BaseModel):
    """A tunnel as it is told."""

    state: str
    url: str | None
    detail: str
    until: float | None


class QuickView(TunnelView):
    """With its port, and the applications on it."""

    port: int
    labels: list[str]


class NamedView(TunnelView):
    """With the names that lead here."""

    routes: list[Route]


class Tunnels(BaseModel):
    """All of them, or why there are none."""

    available: bool
    reason: str | None
    quick: list[QuickView]
    named: NamedView | None


class TunnelProblem(Exception):
    """Why an order was not followed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Manager:
    """Opens what is ordered, and at its start what the user's settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pace = Pace(settings.patience)
        self._quick: dict[int, QuickTunnel] = {}
        self._named = NamedTunnel(settings) if settings.token else None
        self._first: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Returns at once: nothing waits for tunnels."""
        if self._settings.program is None:
            print(ABSENT, flush=True)
            return
        if self._named:
            self._named.start()
        if self._settings.at_start != frozenset():
            self._first = asyncio.create_task(self._open_first())

    async def end(self) -> None:
        """Closes all, side by side."""
        if self._first:
            self._first.cancel()
        tunnels: list[Tunnel] = [*self._quick.values(), *([self._named] if self._named else [])]
        await asyncio.gather(*(tunnel.stop() for tunnel in tunnels))

    async def tell(self) -> Tunnels:
        """How all of them are."""
        labels: dict[int, list[str]] = {number: [] for number in read_entrances(self._settings.entrances)}
        for application in read_applications(self._settings.applications):
            if application.external_port in labels:
                labels[application.external_port].append(application.label)
        quick = [
            QuickView(**view(self._quick.get(number)), port=number, labels=names) for number, names in labels.items()
        ]
        named = NamedView(**view(self._named), routes=await self._named.routes()) if self._named else None
        available = self._settings.program is not None
        return Tunnels(available=available, reason=None if available else ABSENT, quick=quick, named=named)

    async def order(self, port: int, action: Action) -> QuickView:
        """Start returns at once, stop when it has stopped; raises TunnelProblem."""
        if self._settings.program is None:
            raise TunnelProblem(503, ABSENT)
        entrances = read_entrances(self._settings.entrances)
        if port not in entrances and (action != "stop" or port not in self._quick):
            known = ", ".join(map(str, entrances)) or "none yet"
            raise TunnelProblem(
                404, f"Port {port} is not behind the login, so it gets no tunnel. Those that are: {known}."
            )
        tunnel = self._quick.setdefault(port, QuickTunnel(port, self._settings, self._pace))
        if action in ("stop", "refresh"):
            await tunnel.stop()
        if action in ("start", "refresh"):
            tunnel.start()
        return await self.find(port)

    async def wait(self, port: int) -> QuickView:
        """Until one is open, or it is clear that it is not."""
        if port in self._quick:
            patience = self._settings.patience
            await self._quick[port].settled(patience.for_address + patience.between_starts)
        return await self.find(port)

    async def find(self, port: int) -> QuickView:
        """One of them; raises TunnelProblem."""
        for found in (await self.tell()).quick:
            if found.port == port:
                return found
        raise TunnelProblem(404, f"Port {port} has no tunnel.")

    async def _open_first(self) -> None:
        """Waits for the door, which starts beside this."""
        while not (entrances := read_entrances(self._settings.entrances)):
            await asyncio.sleep(self._settings.patience.for_door)
        for number in entrances:
            if self._settings.at_start is None or number in self._settings.at_start:
                await self.order(number, "start")


def view(tunnel: Tunnel | None) -> dict[str, object]:
    """What is told of any tunnel; an address only once it leads here."""
    if tunnel is None:
        return {"state": "stopped", "url": None, "detail": "", "until": None}
    status = tunnel.status
    url = status.address if status.state == "running" else None
    return {"state": status.state, "url": url, "detail": status.detail, "until": status.until}


def target_port(target: str) -> int:
    """The port of `http://localhost:8188`, `localhost:8188` or `8188`; raises TunnelProblem."""
    found = re.fullmatch(r"(?:https?:/{1,2})?(?:localhost:|127\.0\.0\.1:|\[::1\]:)?(\d{1,5})/?", target)
    if found is None:
        raise TunnelProblem(422, f"{target!r} is no port of this instance.")
    return int(found[1])
