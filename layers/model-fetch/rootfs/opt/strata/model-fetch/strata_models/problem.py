"""What can go wrong with a model."""

from __future__ import annotations


class Problem(Exception):
    """Trying again does not help: the message names the model, what is wrong and the remedy."""


class Later(Exception):
    """Trying again may help; `wait` is how many seconds the server asked for, None where it did not."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
