"""The image's description of itself, and where things are in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

OPT = Path(os.environ.get("STRATA_SMOKE_OPT", "/opt"))
METADATA = OPT / "strata/image.json"
# In images whose services are behind the one login; an instance has an entrypoint of its own (instance.py).
BEHIND_DOOR = (OPT / "strata/door/entrypoint").exists() and not (OPT / "instance-tools").exists()
STARTS = OPT / ("strata/door" if BEHIND_DOOR else "strata/runtime")
ENTRYPOINT = STARTS / "entrypoint"
HEALTHCHECK = STARTS / "healthcheck"
VENV_PYTHON = OPT / "venv/bin/python"

Image = dict[str, Any]


def read_image(path: Path = METADATA) -> Image:
    """The description; raises OSError, ValueError or TypeError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content
