"""Keeps secrets out of what is printed and stored."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

HIDDEN = "[redacted]"
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bpul-[0-9a-f]{40}\b"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
# A shorter value would also strike out ordinary words.
SHORTEST_SECRET = 6


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """`text` without the values of secret-looking environment variables and without well-known kinds of tokens."""
    values = {value for name, value in environment.items() if SECRET_NAME.search(name)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, HIDDEN)
    return SECRET_SHAPES.sub(HIDDEN, text)
