"""A quick tunnel: an address of Cloudflare's, by chance, for one port behind the door, without an account."""

from __future__ import annotations

import time
from pathlib import Path

from portal_common.applications import read_entrances

from .cloudflared import Said, environment, quick_command, quick_rules
from .pace import Pace
from .process import Process
from .settings import Settings
from .tunnel import Tunnel

LIMITED = "Cloudflare gives this address no more quick tunnels for a while (429 Too Many Requests)"


class QuickTunnel(Tunnel):
    """Of one external port."""

    def __init__(self, port: int, settings: Settings, pace: Pace) -> None:
        super().__init__(settings.patience)
        self._port = port
        self._settings = settings
        self._pace = pace

    async def launch(self) -> Process:
        """To the door's socket, as the door names it now."""
        settings = self._settings
        entrance = read_entrances(settings.entrances).get(self._port)
        if entrance is None:
            raise FileNotFoundError(2, f"the door has no entrance for port {self._port}")
        if settings.program is None:
            raise FileNotFoundError(2, "this image has no cloudflared")
        rules = write_rules(settings.state, self._port, quick_rules(entrance.tunnel_socket))
        command = quick_command(settings.program, rules, settings.protocol)
        return await Process.start(f"tunnel {self._port}", command, environment(settings.variables))

    async def turn(self) -> None:
        """One start after the other."""
        seconds = self._pace.wait()
        if seconds > self._settings.patience.between_starts:
            self.set("waiting", detail=LIMITED, until=time.time() + seconds)
        await self._pace.turn()

    def learned(self, said: Said) -> str | None:
        """Whether Cloudflare refuses this address."""
        if said.limited:
            self._pace.refused()
            return LIMITED
        if said.address:
            self._pace.granted()
        # What follows the refusal is about its form: "failed to unmarshal quick Tunnel: invalid character 'e' …".
        return None if said.problem and said.problem.startswith("failed to unmarshal") else said.problem

    def pause(self) -> float:
        """While Cloudflare refuses."""
        return self._pace.wait()


def write_rules(folder: Path, port: int, text: str) -> Path:
    """The file that leads the tunnel to its socket."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"quick-{port}.yml"
    file.write_text(text, encoding="utf-8")
    return file
