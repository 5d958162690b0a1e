"""How often a wrong password may be tried.

Only passwords that a person chose are counted: what is random cannot be guessed, and always opens. So others' failures, from
the same address (a proxy's) or from everywhere, never lock the owner out for good: a session, the token or its link opens as
before. The same wrong password again is one try: a program with an old one is no guesser.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict

WINDOW = 600.0
MOST_OF_ONE = 10
MOST_OF_ALL = 300
# What is remembered has an end, whoever comes from wherever.
MOST_SOURCES = 4096


def source_of(address: str) -> str:
    """What counts as one place: an address, and of IPv6 the network that one customer has."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "unknown"
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))


class Tries:
    """The wrong ones of the last minutes."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, dict[bytes, float]] = OrderedDict()
        self._all: OrderedDict[bytes, float] = OrderedDict()
        # Who was let in is judged by his own failures alone.
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, source: str, now: float | None = None) -> float:
        """Seconds until this source may try again; 0 where it may now."""
        moment = time.monotonic() if now is None else now
        own = [at for at in self._failed.get(source, {}).values() if at > moment - WINDOW]
        if len(own) >= MOST_OF_ONE:
            return min(own) + WINDOW - moment
        recent = [at for at in self._all.values() if at > moment - WINDOW]
        if source not in self._known and len(recent) >= MOST_OF_ALL:
            return min(recent) + WINDOW - moment
        return 0.0

    def fail(self, source: str, offered: bytes, now: float | None = None) -> None:
        """A wrong password, as its digest."""
        moment = time.monotonic() if now is None else now
        failed = self._failed.setdefault(source, {})
        self._failed.move_to_end(source)
        for old in [secret for secret, at in failed.items() if at <= moment - WINDOW]:
            del failed[old]
        if offered not in failed and len(failed) < MOST_OF_ONE:
            failed[offered] = moment
            self._all[offered + source.encode()] = moment
        while len(self._all) > MOST_OF_ALL:
            self._all.popitem(last=False)
        while len(self._failed) > MOST_SOURCES:
            self._failed.popitem(last=False)

    def succeed(self, source: str) -> None:
        """Somebody there knew it."""
        self._failed.pop(source, None)
        self._known[source] = None
        self._known.move_to_end(source)
        while len(self._known) > MOST_SOURCES:
            self._known.popitem(last=False)
