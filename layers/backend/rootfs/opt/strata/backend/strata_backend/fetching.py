"""The models that this container fetches itself, as the runtime's fetch_models.py notes it in the state folder."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from .models import ModelFetch


def read_fetching(file: Path | None) -> ModelFetch | None:
    """How far it is; None where nothing is fetched."""
    if file is None:
        return None
    try:
        return ModelFetch.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None
