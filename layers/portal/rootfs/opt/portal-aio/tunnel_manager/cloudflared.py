"""How cloudflared is started and what its lines mean, as version 2026.8.2 has them (cmd/cloudflared/tunnel/quick_tunnel.go,
cmd/cloudflared/tunnel/cmd.go, connection/observer.go, cmd/cloudflared/cliutil/logger.go). Its log is asked for as JSON; the last words of a start that failed come
as plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What it needs of ours: no token, and none of the variables that it reads itself (`TUNNEL_…`).
HANDED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
ADDRESS = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?=\s*\|)")
LIMITED = re.compile(r"\b429\b|error code: 1015")


@dataclass(frozen=True)
class Said:
    """What one line tells, where it tells anything."""

    address: str | None = None
    connection: int | None = None
    connected: bool = False
    lost: bool = False
    problem: str | None = None
    limited: bool = False


def quick_command(program: str, rules: Path, protocol: str) -> list[str]:
    """A quick tunnel to the socket that the rules name.

    `--unix-socket` starts none, and is refused beside `--url`; the rules of a file come before `--url`, where nobody
    listens.
    """
    return [
        *(program, "tunnel", "--config", str(rules), "--url", "http://127.0.0.1:1"),
        *("--metrics", "127.0.0.1:0", *common(protocol)),
    ]


def named_command(program: str, metrics_port: int, protocol: str) -> list[str]:
    """The tunnel whose token is in its environment."""
    return [program, "tunnel", "--metrics", f"127.0.0.1:{metrics_port}", *common(protocol), "run"]


def common(protocol: str) -> list[str]:
    """Options of every tunnel."""
    return ["--no-autoupdate", "--output", "json", "--protocol", protocol, "--grace-period", "2s"]


def quick_rules(socket: str) -> str:
    """All that comes through the tunnel goes to the door's socket."""
    return f"ingress:\n- service: {json.dumps(f'unix:{socket}')}\n"


def environment(variables: Mapping[str, str], token: str | None = None) -> dict[str, str]:
    """Its variables. It reads no configuration of the user's home."""
    found = {name: variables[name] for name in HANDED_ON if name in variables}
    return {**found, "HOME": "/nonexistent", **({"TUNNEL_TOKEN": token} if token else {})}


def understand(line: str) -> Said:
    """What a line tells."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return plain(line)
    message, error = str(entry.get("message", "")), entry.get("error")
    index = entry.get("connIndex")
    connection = index if isinstance(index, int) else 0
    if found := ADDRESS.search(message):
        return Said(address=found.group())
    if message == "Registered tunnel connection":
        return Said(connection=connection, connected=True)
    if message in ("Unregistered tunnel connection", "Serve tunnel error", "Connection terminated"):
        return Said(connection=connection, lost=True, problem=str(error) if error else None)
    if entry.get("level") in ("error", "fatal") and error:
        # A number of its own where Cloudflare refuses: "429 Too Many Requests".
        status = str(entry.get("status_code", ""))
        said = f"{message} {status}"
        return Said(problem=status or str(error), limited=LIMITED.search(said) is not None)
    return Said()


def plain(line: str) -> Said:
    """The last words of a start that failed; a hint at its help is none."""
    text = line.strip()
    return Said(problem=text) if text and not text.startswith("See 'cloudflared") else Said()
