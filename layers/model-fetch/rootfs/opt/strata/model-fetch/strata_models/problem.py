"""What can go wrong with a model."""

from __future__ import annotations

import errno
from pathlib import Path

# Answers of a file system that stay what they are, however often one tries; a quota's is the second.
STAYS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


class Problem(Exception):
    """Trying again does not help: the message names the model, what is wrong and the remedy."""


class Later(Exception):
    """Trying again may help; `wait` is how many seconds the server asked for, None where it did not."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def not_written(model: object, folder: Path, error: OSError) -> Problem | Later:
    """What a file system's refusal means; `model` is what the message begins with."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem(f"{model}: {folder} has no room for it ({reason}); make room, or take fewer models")
    if error.errno in STAYS:
        return Problem(f"{model}: cannot be written to {folder}: {reason}")
    return Later(f"cannot be written to {folder}: {reason}")
