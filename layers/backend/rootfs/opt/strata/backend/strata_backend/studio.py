"""ComfyUI's part of the service: the package strata_studio, which only images with ComfyUI have."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from .metadata import MetadataError, read_metadata
from .settings import Settings

PACKAGES = Path("/opt/strata/studio")


def add_studio(app: FastAPI, settings: Settings, packages: Path = PACKAGES) -> Any:
    """
    Adds it to the service and gives the `strata_studio.studio.Studio`; None where the image has no ComfyUI or the
    container runs without it.
    """
    if not settings.comfyui_enabled or not (packages / "strata_studio").is_dir():
        return None
    try:
        description = read_metadata(settings.image_metadata).get("comfyui")
    except MetadataError:
        # `/system` tells about it.
        return None
    if not description:
        return None
    sys.path.append(str(packages))
    return importlib.import_module("strata_studio.service").create(app, description)
