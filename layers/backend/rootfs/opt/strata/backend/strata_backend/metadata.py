"""The image's description of itself, written when it was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class MetadataError(Exception):
    """The description is missing or is not a JSON object; the message names the file."""


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the description in `path`; raises MetadataError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MetadataError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise MetadataError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content
