"""What lies behind the door: the applications of /etc/portal.yaml, and the ports that are theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[?[0-9A-Fa-f:]{2,45}\]?")
# `localhost` may be an address of IPv6, where most services do not listen.
LOOPBACK = {"localhost": "127.0.0.1", "": "127.0.0.1"}


class ConfigurationError(Exception):
    """What the door cannot start with; what is wrong and where."""


@dataclass(frozen=True)
class Application:
    """A service behind the door. `own_token` says that it asks for the image's token itself."""

    label: str
    host: str
    external: int
    internal: int
    own_token: bool = False
    login: bool = False

    @property
    def upstream(self) -> str:
        """Where Caddy reaches it."""
        host = LOOPBACK.get(self.host, self.host)
        return f"[{host.strip('[]')}]:{self.internal}" if ":" in host else f"{host}:{self.internal}"


def parse_applications(content: Any) -> list[Application]:
    """The applications of portal.yaml's content, in its order; raises ConfigurationError."""
    entries = content.get("applications") if isinstance(content, Mapping) else None
    if not isinstance(entries, Mapping):
        raise ConfigurationError("there is no map `applications`")
    return [parse_application(str(label), entry) for label, entry in entries.items()]


def parse_application(label: str, entry: Any) -> Application:
    """One of them; raises ConfigurationError."""
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{label}: is no map")
    host = str(entry.get("hostname", "localhost")).strip()
    if host and not HOST.fullmatch(host):
        raise ConfigurationError(f"{label}: {host!r} is no host")
    return Application(
        label,
        host,
        parse_port(label, entry.get("external_port")),
        parse_port(label, entry.get("internal_port")),
        own_token=entry.get("own_token") is True,
        login=entry.get("login") is True,
    )


def parse_port(label: str, value: Any) -> int:
    """A port, written as a number or as text; raises ConfigurationError."""
    text = str(value)
    # ASCII alone: \d takes digits of every script.
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ConfigurationError(f"{label}: {value!r} is no port")
    return int(text)


def doors(applications: list[Application]) -> Iterator[Application]:
    """
    Those that get a door: of each external port the first whose service listens on another one. Where both are the same the
    service listens there itself, as the platform's own Jupyter does.
    """
    taken: set[int] = set()
    for application in applications:
        if application.external != application.internal and application.external not in taken:
            taken.add(application.external)
            yield application


def may_listen(port: int, variables: Mapping[str, str]) -> bool:
    """Whether the world may reach a port: on vast.ai and RunPod those that the platform has opened, elsewhere all."""
    if f"VAST_TCP_PORT_{port}" in variables or f"RUNPOD_TCP_PORT_{port}" in variables:
        return True
    # Ports behind RunPod's proxy have no variable.
    if variables.get("RUNPOD_POD_ID"):
        return True
    return not is_on_vast(variables)


def is_on_vast(variables: Mapping[str, str]) -> bool:
    """Whether this container is an instance of vast.ai."""
    return bool(variables.get("VAST_CONTAINERLABEL")) or any(name.startswith("VAST_TCP_PORT_") for name in variables)


def read_portal(text: str) -> list[Application]:
    """Of the file's text, which is YAML or JSON; raises ConfigurationError."""
    try:
        content = json.loads(text)
    except ValueError:
        content = load_yaml(text)
    return parse_applications(content)


def load_yaml(text: str) -> Any:
    """Raises ConfigurationError. The image's own JSON needs no package for this."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError("it is no YAML") from error
