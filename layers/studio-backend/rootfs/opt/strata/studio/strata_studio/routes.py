"""The routes below `/comfyui`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect, status
from fastapi.responses import JSONResponse, Response, StreamingResponse

from .answers import (
    DownloadAnswer,
    DownloadRequest,
    ModelAnswer,
    ModelFolder,
    NodeAnswer,
    Nodes,
    Restarted,
    WorkflowAnswer,
    WorkflowRequest,
)
from .comfyui import ComfyuiError, Refused
from .downloads import Download, OrderError, make_order
from .gate import PROTOCOL
from .inventory import classes_by_folder, describe_nodes, list_models, read_failures
from .progress import events_of_history, summarise
from .restart import RestartError, restart
from .studio import Studio
from .workflows import Workflow

Content = TypeVar("Content")
# Of ComfyUI's answer; the others are about its connection.
FILE_HEADERS = ("content-type", "content-length", "content-disposition", "last-modified")


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


async def ask(question: Awaitable[Content]) -> Content:
    """The answer to a question to ComfyUI; 503 where it has none."""
    try:
        return await question
    except ComfyuiError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error


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


def add_workflows(router: APIRouter, studio: Studio) -> None:
    """Queueing workflows and following them."""
    workflows = studio.workflows

    @router.post("/workflows", status_code=status.HTTP_202_ACCEPTED, response_model=WorkflowAnswer)
    async def queue(request: WorkflowRequest) -> Any:
        """Queues a workflow. What ComfyUI finds wrong with it comes back as ComfyUI says it, with 400."""
        if "nodes" in request.workflow and "links" in request.workflow:
            raise HTTPException(
                status.HTTP_422_UNPROCESSABLE_ENTITY,
                'This is a workflow as the editor saves it. Export it with "Export (API)" and send that.',
            )
        try:
            return answer(await ask(workflows.queue(request.workflow, request.extra_data)))
        except Refused as refusal:
            return JSONResponse(refusal.content, status.HTTP_400_BAD_REQUEST)

    @router.get("/workflows/{identity}")
    async def workflow(identity: str) -> WorkflowAnswer:
        """How far a workflow is; also those that were queued elsewhere, as long as ComfyUI remembers them."""
        if found := workflows.get(identity):
            return answer(found)
        history = await ask(studio.comfyui.get(f"/history/{identity}"))
        if entry := history.get(identity):
            return WorkflowAnswer(id=identity, **summarise(events_of_history(entry, {})))
        if state := (await ask(workflows.queued())).get(identity):
            return WorkflowAnswer(id=identity, status=state, outputs=[], error=None)
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no workflow {identity}.")

    @router.websocket("/workflows/{identity}/progress")
    async def progress(socket: WebSocket, identity: str) -> None:
        """Every event of a workflow that was queued here, from the first to the last."""
        found = workflows.get(identity)
        if not found:
            await socket.send_denial_response(JSONResponse({"detail": f"There is no workflow {identity}."}, 404))
            return
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        await tell(socket, found)

    @router.get("/files")
    async def file(filename: str, subfolder: str = "", type: Literal["output", "temp"] = "output") -> Response:
        """A file that a workflow wrote."""
        place = {"filename": filename, "subfolder": subfolder, "type": type}
        response, content = await ask(studio.comfyui.view(place))
        if not response.is_success:
            await response.aclose()
            # ComfyUI says 400 or 403 to names outside its folders, 404 to those that are not there.
            code = response.status_code if response.is_client_error else status.HTTP_502_BAD_GATEWAY
            raise HTTPException(code, f"ComfyUI answered {response.status_code}.")
        kept = {name: response.headers[name] for name in FILE_HEADERS if name in response.headers}
        return StreamingResponse(content, headers=kept)


def answer(workflow: Workflow) -> WorkflowAnswer:
    """A workflow that was queued here."""
    return WorkflowAnswer(id=workflow.id, **summarise(workflow.events))


async def tell(socket: WebSocket, workflow: Workflow) -> None:
    """Sends every event until the last, or until nobody listens any more."""

    async def send() -> None:
        async for event in workflow.listen():
            await socket.send_json(event)

    async def wait_for_end() -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    sending, waiting = asyncio.ensure_future(send()), asyncio.ensure_future(wait_for_end())
    try:
        await asyncio.wait({sending, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not waiting.done():
            sending.result()
            await socket.close()
    except WebSocketDisconnect:
        pass
    finally:
        sending.cancel()
        waiting.cancel()
