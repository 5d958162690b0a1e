"""ComfyUI's part of the service, put together: the one module that knows its state and its routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from .gate import TokenGate
from .routes import make_router
from .settings import Settings
from .studio import Studio


def create(app: FastAPI, description: Mapping[str, Any], settings: Settings | None = None) -> Studio:
    """Adds the routes to `app`, and the gate before all routes; `description` is the `comfyui` of the image's."""
    studio = Studio(description, settings)
    app.include_router(make_router(studio))
    app.add_middleware(TokenGate, token=studio.settings.token)
    return studio
