"""The routes below `/comfyui`; those about workflows are in workflow_routes.py."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException, status
from strata_backend.fetching import read_fetching
from strata_backend.models import ModelFetch

from .answers import (
    DownloadAnswer,
    DownloadRequest,
    ModelAnswer,
    ModelFolder,
    NodeAnswer,
    Nodes,
    Restarted,
)
from .comfyui import ComfyuiError
from .downloads import Download, OrderError, make_order
from .inventory import classes_by_folder, describe_nodes, list_models, read_failures
from .restart import RestartError, restart
from .studio import Studio
from .workflow_routes import add_workflows


def make_router(studio: Studio) -> APIRouter:
    """All routes, on the parts of `studio`."""
    router = APIRouter(prefix="/comfyui", tags=["comfyui"])
    add_inventory(router, studio)
    add_downloads(router, studio)
    add_workflows(router, studio)

    @router.post("/restart")
    async def restart_comfyui() -> Restarted:
        """Stops ComfyUI and starts it again; answers when it is ready. Running workflows are lost."""
        if studio.restarting.locked():
            raise HTTPException(status.HTTP_409_CONFLICT, "A restart is under way.")
        async with studio.restarting:
            try:
                seconds = await restart(studio.manager, studio.comfyui, studio.settings.restart_timeout)
            except RestartError as error:
                raise HTTPException(status.HTTP_502_BAD_GATEWAY, f"ComfyUI did not come back: {error}.") from error
        return Restarted(seconds=round(seconds, 1))

    return router


def add_inventory(router: APIRouter, studio: Studio) -> None:
    """Nodes and models."""
    settings = studio.settings

    @router.get("/nodes")
    async def nodes() -> Nodes:
        """Every node of the image and of the volume, and which classes ComfyUI has from it."""
        object_info, reason = None, None
        try:
            object_info = await studio.comfyui.get("/object_info")
        except ComfyuiError as error:
            reason = str(error)
        found = describe_nodes(
            studio.description.get("nodes") or [],
            {"image": settings.code / "custom_nodes", "volume": settings.volume / "custom_nodes"},
            settings.hidden_nodes,
            classes_by_folder(object_info) if object_info is not None else None,
            read_failures(settings.failed_nodes),
        )
        return Nodes(
            ready=object_info is not None,
            reason=reason,
            classes=len(object_info) if object_info is not None else None,
            nodes=[NodeAnswer.of(node) for node in found],
        )

    @router.get("/models")
    async def models() -> list[ModelFolder]:
        """The model files by kind."""
        folders = await studio.model_folders()

        def listed() -> list[ModelFolder]:
            return [
                ModelFolder(
                    folder=name,
                    paths=[str(path) for path in paths],
                    models=[ModelAnswer(**vars(model)) for path in paths for model in list_models(path)],
                )
                for name, paths in folders.items()
            ]

        return await asyncio.to_thread(listed)


def add_downloads(router: APIRouter, studio: Studio) -> None:
    """Loading models from the hub."""

    def known(identity: str) -> Download:
        if download := studio.downloads.get(identity):
            return download
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no download {identity}.")

    @router.get("/models/fetch")
    async def fetch() -> ModelFetch:
        """The models that the image itself wants: how far they are, and what the fetcher said last."""
        if found := read_fetching(studio.settings.models_fetch):
            return found
        raise HTTPException(status.HTTP_404_NOT_FOUND, "This container fetches no models by itself.")

    @router.post("/models/download", status_code=status.HTTP_202_ACCEPTED)
    async def download(request: DownloadRequest) -> DownloadAnswer:
        """Begins to load a file, or goes on with it."""
        folders = await studio.model_folders()
        try:
            order = make_order(
                request.repository, request.file, request.revision, request.folder, folders, studio.settings.models
            )
            return DownloadAnswer.of(studio.downloads.start(order, request.overwrite))
        except OrderError as error:
            raise HTTPException(error.status, f"{error}.") from error

    @router.get("/models/downloads")
    async def downloads() -> list[DownloadAnswer]:
        """All downloads since the service started."""
        return [DownloadAnswer.of(entry) for entry in studio.downloads.all()]

    @router.get("/models/downloads/{identity}")
    async def one_download(identity: str) -> DownloadAnswer:
        """How far one is."""
        return DownloadAnswer.of(known(identity))

    @router.delete("/models/downloads/{identity}")
    async def cancel(identity: str) -> DownloadAnswer:
        """Stops one; the same order goes on where it stopped."""
        await studio.downloads.cancel(entry := known(identity))
        return DownloadAnswer.of(entry)
