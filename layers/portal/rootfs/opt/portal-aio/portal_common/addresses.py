"""Where an application is reached without a tunnel: what the host says of its ports. No address holds a token."""

from __future__ import annotations

from collections.abc import Mapping

from .applications import Application, Entrance


def direct_url(
    application: Application, entrance: Entrance | None, variables: Mapping[str, str], asked: str | None
) -> str | None:
    """The address on the port that the host mapped, or None where it maps none; `asked` is the name in the browser."""
    external = application.external_port
    if not entrance.direct if entrance else external != application.internal_port:
        # Nobody listens there.
        return None
    # Without a door it is the platform's own Jupyter, which has TLS.
    scheme = entrance.scheme if entrance else "https" if on_vast(variables) else "http"
    place = mapped(external, variables)
    if place:
        return f"{scheme}://{place}{application.path()}"
    pod = variables.get("RUNPOD_POD_ID")
    if pod:
        return f"https://{pod}-{external}.proxy.runpod.net{application.path()}"
    if on_vast(variables) or not asked:
        return None
    return f"{scheme}://{asked}:{external}{application.path()}"


def mapped(external: int, variables: Mapping[str, str]) -> str | None:
    """Host and port outside, as vast.ai and RunPod tell them."""
    for host, number in (
        (variables.get("PUBLIC_IPADDR"), variables.get(f"VAST_TCP_PORT_{external}")),
        (variables.get("RUNPOD_PUBLIC_IP"), variables.get(f"RUNPOD_TCP_PORT_{external}")),
    ):
        if host and number:
            host = host.strip()
            return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
    return None


def on_vast(variables: Mapping[str, str]) -> bool:
    """Whether the host is one of vast.ai's."""
    return bool(variables.get("CONTAINER_ID")) or any(name.startswith("VAST_TCP_PORT_") for name in variables)
