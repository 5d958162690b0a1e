"""The door's cookie: how long it opens, signed. A restart ends nobody's session; what is kept is who has logged out."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

LIFETIME = 7 * 24 * 3600
# What a cookie's value holds at most that could be ours.
LONGEST = 200
MOST_ENDED = 10_000


class Sessions:
    """Makes and reads the values of cookies."""

    def __init__(self, key: bytes, file: Path | None = None) -> None:
        self._key = key
        self._file = file
        # Those that somebody logged out of, until they would have ended anyway.
        self._ended: set[str] = set()
        with suppress(OSError, UnicodeDecodeError):
            kept = file.read_text(encoding="ascii").split() if file else []
            self._ended.update(value for value in kept[-MOST_ENDED:] if self.is_valid(value))

    def make(self, now: float | None = None) -> str:
        """A new one: when it ends, something random, and the signature of both."""
        content = f"{int((now or time.time()) + LIFETIME)}.{secrets.token_urlsafe(12)}"
        return f"{content}.{self._sign(content)}"

    def is_valid(self, value: str, now: float | None = None) -> bool:
        """Whether this door made it, and it has not ended."""
        if len(value) > LONGEST:
            return False
        content, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(content).encode()):
            return False
        return int(content.partition(".")[0]) > (now or time.time()) and value not in self._ended

    def end(self, value: str) -> None:
        """Somebody logs out, for good: also after a restart."""
        if not self.is_valid(value):
            return
        now = time.time()
        self._ended = {known for known in self._ended if int(known.partition(".")[0]) > now}
        if len(self._ended) >= MOST_ENDED:
            return
        self._ended.add(value)
        if self._file:
            with suppress(OSError):
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                    stream.write("\n".join(sorted(self._ended)) + "\n")

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def cookie_name(variables: Mapping[str, str]) -> str:
    """vast.ai's instances have one each, since cookies of one address are sent to all of its ports."""
    label = variables.get("VAST_CONTAINERLABEL", "")
    safe = re.sub(r"[^A-Za-z0-9._-]", "", label)
    return f"{safe}_auth_token" if safe else "strata_auth_token"


def split_cookies(headers: Iterable[str], name: str) -> tuple[list[str], str]:
    """The values of all cookies of exactly this name, and the header with the others."""
    ours, others = [], []
    for header in headers:
        for part in header.split(";"):
            key, equals, value = part.strip().partition("=")
            if equals and key == name:
                ours.append(value)
            elif part.strip():
                others.append(part.strip())
    return ours, "; ".join(others)


def set_cookie(name: str, value: str, secure: bool) -> str:
    """The header that keeps a session, or ends it where there is no value."""
    attributes = ["Path=/", f"Max-Age={LIFETIME if value else 0}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([f"{name}={value}", *attributes, *(["Secure"] if secure else [])])
