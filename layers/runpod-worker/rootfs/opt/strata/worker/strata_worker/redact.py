"""Secrets are taken out of everything that is told about failures."""

from __future__ import annotations

from collections.abc import Iterable

HIDDEN = "<hidden>"
# A shorter value is no secret, and would be found everywhere.
SHORTEST = 6


class Redactor:
    """Knows what must not be told."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        # The longest first: one may be part of another.
        self._secrets = sorted({text for text in secrets if text and len(text) >= SHORTEST}, key=len, reverse=True)

    def knowing(self, *secrets: str | None) -> Redactor:
        """One that takes these out as well."""
        return Redactor([*self._secrets, *secrets])

    def clean(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text
