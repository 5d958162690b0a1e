"""The routes about workflows: queueing them, following them, and what they wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect, status
from fastapi.responses import JSONResponse, Response, StreamingResponse

from .answers import WorkflowAnswer, WorkflowRequest
from .comfyui import ComfyuiError, Refused
from .gate import PROTOCOL
from .progress import events_of_history, summarise
from .studio import Studio
from .workflows import Workflow

Content = TypeVar("Content")
# Of ComfyUI's answer; the others are about its connection.
FILE_HEADERS = ("content-type", "content-length", "content-disposition", "last-modified")


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


async def ask(question: Awaitable[Content]) -> Content:
    """The answer to a question to ComfyUI; 503 where it has none."""
    try:
        return await question
    except ComfyuiError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
