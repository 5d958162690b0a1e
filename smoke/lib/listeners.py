"""Who listens in this container, as the kernel tells it: a service that hides from `ps` is seen too."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(os.environ.get("STRATA_SMOKE_PROC", "/proc"))
# States of a socket that takes connections, and of one that takes packets from anybody.
LISTENING = {"tcp": "0A", "udp": "07"}
IPV6_LOOPBACK = "00000000000000000000000001000000"
IPV4_IN_IPV6 = "0000000000000000FFFF0000"


def public_listeners() -> set[tuple[str, int]]:
    """Protocol and port of each socket that others than this container reach; raises OSError."""
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        file = ROOT / "net" / table
        if not file.exists() and table.endswith("6"):
            continue
        protocol = table[:3]
        for line in file.read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            address, port = local.split(":")
            if state == LISTENING[protocol] and not is_loopback(address):
                found.add((protocol, int(port, 16)))
    return found


def is_loopback(address: str) -> bool:
    """Of an address as the kernel writes it: words of 32 bits in the processor's order."""
    plain = address.removeprefix(IPV4_IN_IPV6)
    return plain.endswith("7F") if len(plain) == 8 else plain == IPV6_LOOPBACK
