"""What the door reads from its environment; nothing else in the package does."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .applications import ConfigurationError
from .visit import DEFAULT_PORTS

PORTAL = Path("/etc/portal.yaml")
PAIR = (Path("/etc/instance.crt"), Path("/etc/instance.key"))
CADDY = "/opt/caddy/bin/caddy"


@dataclass(frozen=True)
class Places:
    """Where the door finds and leaves files."""

    # Kept from start to start: a password that was made, what signs sessions, Caddy's own authority.
    state: Path
    # Of this start alone: sockets, what others may know of the door.
    run: Path
    portal: Path = PORTAL
    pair: tuple[Path, Path] = PAIR
    caddy: str = CADDY


@dataclass(frozen=True)
class Settings:
    """Decisions of whoever starts the container."""

    places: Places
    # The applications as JSON, in images without /etc/portal.yaml.
    applications: str | None
    has_login: bool
    open_sites: frozenset[int]
    tls: bool
    origins: tuple[str, ...]
    names: tuple[str, ...]
    plan: dict[str, object] = field(default_factory=dict)


def load_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """
    Reads `STRATA_DOOR_STATE`, `STRATA_DOOR_RUN`, `STRATA_DOOR_APPLICATIONS`, `ENABLE_AUTH`, `AUTH_EXCLUDE`, `ENABLE_HTTPS`,
    `CADDY_CORS_ALLOWED_ORIGINS`, `PUBLIC_IPADDR`, and `STRATA_STATE` with the start's plan; raises ConfigurationError.
    """
    state = variables.get("STRATA_STATE")
    plan = read_plan(Path(state)) if state else {}
    run = variables.get("STRATA_DOOR_RUN") or (f"{state}/door" if state else "/run/strata")
    return Settings(
        places=Places(Path(variables.get("STRATA_DOOR_STATE") or kept_folder(plan, run)), Path(run)),
        applications=variables.get("STRATA_DOOR_APPLICATIONS"),
        has_login=is_on(variables, "ENABLE_AUTH", default=True),
        open_sites=read_ports(variables.get("AUTH_EXCLUDE", "")),
        tls=is_on(variables, "ENABLE_HTTPS", default=False),
        origins=read_origins(variables.get("CADDY_CORS_ALLOWED_ORIGINS", "")),
        names=("localhost", *read_address(variables.get("PUBLIC_IPADDR", ""))),
        plan=plan,
    )


def read_plan(state: Path) -> dict[str, object]:
    """What the container's start planned for ComfyUI, in images that have such a start."""
    try:
        plan = json.loads((state / "comfyui.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return plan if isinstance(plan, dict) else {}


def kept_folder(plan: Mapping[str, object], run: str) -> str:
    """In the volume, beside the token; without one nothing is kept."""
    volume = plan.get("volume")
    return f"{volume}/user/strata-door" if volume else f"{run}/kept"


def is_on(variables: Mapping[str, str], name: str, default: bool) -> bool:
    """A switch; raises ConfigurationError, as a mistyped `fales` must open nothing and close nothing unseen."""
    text = variables.get(name, "").strip().lower()
    if text in ("true", "1", "yes", "on"):
        return True
    if text in ("false", "0", "no", "off"):
        return False
    if text == "":
        return default
    raise ConfigurationError(f'{name}: expected true or false, got "{text}"')


def read_ports(text: str) -> frozenset[int]:
    """`AUTH_EXCLUDE`: external ports, with commas; raises ConfigurationError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not re.fullmatch(r"[0-9]{1,5}", word):
            raise ConfigurationError(f'AUTH_EXCLUDE: expected ports with commas, got "{word}"')
    return frozenset(map(int, words))


def read_origins(text: str) -> tuple[str, ...]:
    """Origins of pages that may ask, as a browser writes them; raises ConfigurationError."""
    words = [word.strip().rstrip("/") for word in text.split(",") if word.strip()]
    for word in words:
        scheme, _, host = word.partition("://")
        if scheme not in DEFAULT_PORTS or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host):
            raise ConfigurationError(f'CADDY_CORS_ALLOWED_ORIGINS: expected https://host, got "{word}"')
    return tuple(words)


def read_address(text: str) -> tuple[str, ...]:
    """The public address, for a certificate."""
    try:
        return (str(ipaddress.ip_address(text.strip())),)
    except ValueError:
        return ()
