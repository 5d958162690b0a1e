"""Where the tunnel manager finds things, and how patient it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal_common.applications import APPLICATIONS, ENTRANCES


@dataclass(frozen=True)
class Patience:
    """Seconds. Cloudflare limits how often an address may ask for quick tunnels, and does not say how often."""

    between_starts: float = 2.0
    for_address: float = 30.0
    for_end: float = 5.0
    retries: tuple[float, ...] = (10.0, 20.0, 30.0)
    when_limited: tuple[float, ...] = (60.0, 120.0, 300.0)
    # Who has lived so long may fail as often again.
    settled: float = 60.0
    for_door: float = 2.0


@dataclass(frozen=True)
class Settings:
    """Files, programs and the token of a named tunnel."""

    variables: Mapping[str, str] = field(repr=False)
    program: str | None
    protocol: str = "http2"
    token: str | None = field(default=None, repr=False)
    # Which ports get a tunnel without being asked: "all", or their numbers.
    at_start: frozenset[int] | None = frozenset()
    applications: Path = APPLICATIONS
    entrances: Path = ENTRANCES
    state: Path = Path("/run/strata/tunnel-manager")
    metrics_port: int = 11113
    patience: Patience = Patience()

    @staticmethod
    def load(variables: Mapping[str, str] | None = None) -> Settings:
        """As the container's environment has it."""
        given = dict(os.environ if variables is None else variables)
        return Settings(
            variables=given,
            program=shutil.which("cloudflared", path=given.get("PATH")),
            protocol=given.get("TUNNEL_TRANSPORT_PROTOCOL") or "http2",
            token=read_token(given),
            at_start=wanted(given.get("STRATA_TUNNELS", "")),
        )


def read_token(variables: Mapping[str, str]) -> str | None:
    """The named tunnel's, out of its variable or the file that another one names."""
    token = variables.get("CF_TUNNEL_TOKEN", "").strip()
    file = variables.get("CF_TUNNEL_TOKEN_FILE")
    if not token and file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            print(f"CF_TUNNEL_TOKEN_FILE: {error.strerror}; there will be no named tunnel", flush=True)
    return token or None


def wanted(text: str) -> frozenset[int] | None:
    """`STRATA_TUNNELS`: None means all."""
    words = [word for word in text.replace(",", " ").split() if word]
    if words == ["all"]:
        return None
    wrong = [word for word in words if not word.isdigit()]
    if wrong:
        print(f"STRATA_TUNNELS: expected all, or external ports, not {' '.join(wrong)}", flush=True)
    return frozenset(int(word) for word in words if word.isdigit())
