"""What opens the door: who may come in with what, and where a password is kept that nobody gave."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SHORTEST_TOKEN = 16
DEFAULT_USER = "vastai"
PASSWORD_FILE = "password"
KEY_FILE = "session-key"


def digest(text: str) -> bytes:
    """Of one length whatever the text's, so that a comparison tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True)
class Credentials:
    """
    Digests of what opens the door. A `strong` one is random and long, so that nobody guesses it; the `weak` one was chosen by a
    person, and tries of it are counted.
    """

    user: bytes
    strong: tuple[bytes, ...]
    weak: bytes | None
    # Signs the cookies. Another secret is another key: with a changed password nobody stays in.
    key: bytes

    def is_strong(self, offered: bytes) -> bool:
        """Compares with all, in a time that does not tell which."""
        return sum(hmac.compare_digest(offered, known) for known in self.strong) > 0

    def is_weak(self, offered: bytes) -> bool:
        """The same for the chosen password."""
        return self.weak is not None and hmac.compare_digest(offered, self.weak)

    def is_user(self, name: str) -> bool:
        """The name of basic authentication."""
        return hmac.compare_digest(digest(name), self.user)


@dataclass
class Chosen:
    """The secrets themselves, and what people should know of them."""

    credentials: Credentials
    # What the door offers to services that ask for the token themselves.
    token: str | None
    messages: list[str] = field(default_factory=list)


def choose_credentials(variables: Mapping[str, str], state: Path, kept_token: str | None = None) -> Chosen:
    """
    From the environment: `WEB_USERNAME`, `WEB_PASSWORD`, `OPEN_BUTTON_TOKEN` (vast.ai's), `STRATA_TOKEN`. `kept_token` is one
    that the image itself made and keeps. Where there is none at all, a password is made and kept in `state`.
    """
    messages = []
    strong = [kept_token] if kept_token else []
    for name in ("OPEN_BUTTON_TOKEN", "STRATA_TOKEN"):
        token = variables.get(name, "")
        if len(token) >= SHORTEST_TOKEN:
            strong.append(token)
        elif token:
            # A template asks for the platform's token with any value, such as 1.
            messages.append(f"{name} has fewer than {SHORTEST_TOKEN} characters and opens nothing.")
    weak = variables.get("WEB_PASSWORD") or None
    if not strong and weak is None:
        file = state / PASSWORD_FILE
        strong.append(keep_secret(file))
        messages.append(f"No password was given: the one that opens the image's services is in {file}.")
    key = hmac.new(
        bytes.fromhex(keep_secret(state / KEY_FILE, secrets.token_hex)),
        b"".join(digest(text) for text in [*strong, weak or ""]),
        hashlib.sha256,
    ).digest()
    user = variables.get("WEB_USERNAME") or DEFAULT_USER
    digests = Credentials(digest(user), tuple(map(digest, strong)), digest(weak) if weak else None, key)
    return Chosen(digests, kept_token or variables.get("STRATA_TOKEN") or None, messages)


def keep_secret(file: Path, make: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """The secret that an earlier start left in `file`, or a new one, which only this user can read."""
    try:
        kept = file.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        kept = ""
    if len(kept) < SHORTEST_TOKEN:
        kept = make(32)
        draft = file.with_name(f"{file.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{kept}\n")
        draft.replace(file)
    return kept
