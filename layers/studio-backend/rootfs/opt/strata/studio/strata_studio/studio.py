"""Brings the parts together. The routes (routes.py) are made on it; service.py adds both to the service."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from strata_backend.models import Part, System

from .answers import Comfyui, StudioSystem, VolumeAnswer
from .comfyui import ComfyuiClient, ComfyuiError
from .downloads import Downloads
from .inventory import model_folders
from .restart import ProcessManager
from .settings import Settings, load_settings
from .workflows import Workflows


class Studio:
    """ComfyUI in this container. `description` is the `comfyui` of the image's description."""

    system_answer = StudioSystem

    def __init__(self, description: Mapping[str, Any], settings: Settings | None = None) -> None:
        self.description = description
        self.settings = settings or load_settings()
        self.comfyui = ComfyuiClient(self.settings)
        self.workflows = Workflows(self.comfyui, self.settings.url)
        self.downloads = Downloads(self.settings.models, self.settings.downloads_at_once)
        self.manager = ProcessManager(self.settings.control)
        self.restarting = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to follow ComfyUI's messages."""
        self._following = asyncio.create_task(self.workflows.follow())

    async def close(self) -> None:
        """Stops what runs."""
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self.downloads.close()
        await self.comfyui.close()

    async def health(self) -> Part:
        """Whether ComfyUI answers."""
        return await self.comfyui.health()

    async def extend(self, system: System) -> StudioSystem:
        """The answer to `GET /system` with ComfyUI and the volume in it."""
        health = await self.health()
        stats: dict[str, Any] = {}
        with suppress(ComfyuiError):
            stats = await self.comfyui.get("/system_stats") if health.ready else {}
        comfyui = Comfyui(
            ready=health.ready,
            reason=health.reason,
            version=self.description.get("version"),
            commit=self.description.get("commit"),
            reported_version=(stats.get("system") or {}).get("comfyui_version"),
            devices=stats.get("devices") or [],
        )
        volume = VolumeAnswer(
            path=str(self.settings.volume),
            persistent=self.settings.persistent,
            free_bytes=shutil.disk_usage(self.settings.volume).free,
        )
        return StudioSystem(**vars(system), comfyui=comfyui, volume=volume)

    async def model_folders(self) -> dict[str, Any]:
        """Folders by kind of model, as ComfyUI sees them if it answers."""
        reported = None
        with suppress(ComfyuiError):
            reported = await self.comfyui.get("/experiment/models")
        return model_folders(self.settings.models, reported)
