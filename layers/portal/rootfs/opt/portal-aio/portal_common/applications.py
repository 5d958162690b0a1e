"""The instance's applications: /etc/portal.yaml says which there are, the door's file which of them it stands before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

APPLICATIONS = Path("/etc/portal.yaml")
ENTRANCES = Path("/run/strata/door.json")


@dataclass(frozen=True)
class Application:
    """A card of the portal; several may share a port."""

    label: str
    hostname: str
    external_port: int
    internal_port: int
    open_path: str

    def path(self) -> str:
        """Where it opens, from the root of its port."""
        return "/" + self.open_path.lstrip("/")


@dataclass(frozen=True)
class Entrance:
    """A port behind the login, and the socket with the same login for tunnels."""

    external_port: int
    scheme: str
    tunnel_socket: str
    # Whether anybody listens on the port itself, or on the socket alone.
    direct: bool = True


def read_applications(file: Path = APPLICATIONS) -> list[Application]:
    """What the instance offers, in the file's order; nothing while the boot has not written it."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []
    entries = found.get("applications") if isinstance(found, Mapping) else None
    if not isinstance(entries, Mapping):
        return []
    read = (read_application(str(label), entry) for label, entry in entries.items())
    return [application for application in read if application]


def read_application(label: str, entry: Any) -> Application | None:
    """One entry, unless its ports are none."""
    if not isinstance(entry, Mapping):
        return None
    external, internal = port(entry.get("external_port")), port(entry.get("internal_port"))
    if external is None or internal is None:
        return None
    name = entry.get("name")
    return Application(
        label=str(name) if name else label,
        hostname=str(entry.get("hostname") or "localhost"),
        external_port=external,
        internal_port=internal,
        open_path=str(entry.get("open_path") or "/"),
    )


def read_entrances(file: Path = ENTRANCES) -> dict[int, Entrance]:
    """The door's ports by number; none while it has not started."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["applications"]
        found = [(port(entry["external_port"]), entry) for entry in entries]
        return {
            number: Entrance(
                number, str(entry["scheme"]), str(entry["tunnel_socket"]), entry.get("direct") is not False
            )
            for number, entry in found
            if number is not None
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def port(value: Any) -> int | None:
    """A TCP port out of a number or its text; the platform's own begin at 70000."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 100000 else None
