"""Takes secrets out of what is shown of logs: services print what they were started with."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

HIDDEN = "<hidden>"
# Shorter values are no secrets (`1`, `true`), and would be found everywhere.
SHORTEST = 5
# As in the runtime of the other images: words of names, and their endings.
WORDS = {"KEY", "KEYS", "TOKENS", "SECRETS", "PASS", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "PAT"}
ENDINGS = ("TOKEN", "SECRET", "PASSWORD", "APIKEY")
# What is public by its nature.
PUBLIC = {"SSH_PUBLIC_KEY", "PUBLIC_KEY"}
# Logins that stand in an address or a header, whosever they are.
IN_ADDRESS = re.compile(r"(?i)([?&](?:[\w-]*token|api_?key|password|auth)=)[^\s&#\"'<>]+")
IN_HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic)\s+)[^\s'\",]+")


class Redaction:
    """Knows what must not be shown."""

    def __init__(self, variables: Mapping[str, str], files: Iterable[Path]) -> None:
        self._variables = {value.strip() for name, value in variables.items() if is_secret(name) and name not in PUBLIC}
        self._user = variables.get("WEB_USERNAME") or "vastai"
        self._files = tuple(files)
        self._known: frozenset[str] = frozenset()
        self._spellings: list[str] = []

    def refresh(self) -> None:
        """Reads the files again: the door makes its password after the portal has started."""
        known = frozenset(self._variables | {text for file in self._files for text in read_secret(file)})
        if known != self._known or not self._spellings:
            found = {spelling for secret in known if len(secret) >= SHORTEST for spelling in self._spell(secret)}
            # The longest first: one may be part of another.
            self._known, self._spellings = known, sorted(found, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without them."""
        for secret in self._spellings:
            text = text.replace(secret, HIDDEN)
        return IN_HEADER.sub(rf"\1{HIDDEN}", IN_ADDRESS.sub(rf"\1{HIDDEN}", text))

    def held_back(self, text: str) -> int:
        """How many characters at the end may be the beginning of a secret, in a line that goes on."""
        longest = max(map(len, self._spellings), default=0)
        for length in range(min(longest - 1, len(text)), 0, -1):
            if any(secret.startswith(text[-length:]) for secret in self._spellings):
                return length
        return 0

    def _spell(self, secret: str) -> set[str]:
        """How it is written in addresses, JSON and basic auth."""
        pair = base64.b64encode(f"{self._user}:{secret}".encode()).decode()
        return {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1], pair}


def is_secret(name: str) -> bool:
    """Whether a variable of this name is one."""
    words = name.upper().split("_")
    return any(word in WORDS or word.endswith(ENDINGS) for word in words)


def read_secret(file: Path) -> list[str]:
    """The lines of a file that holds a secret, where there is one."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return []
