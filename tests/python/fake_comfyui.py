"""ComfyUI in small: its command line, its HTTP interface and its messages, without nodes or models.

The classes of a workflow's nodes say what happens: `Save` writes a file, `Slow` takes steps, `Fail` raises. The password
file of ComfyUI-Login makes it ask for that token. It notes its environment and what it sees of custom nodes in the
volume, for the tests, and `die` in the volume's input folder makes it end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse

CODE = Path(__file__).parent
parser = argparse.ArgumentParser()
for option in ("listen", "base-directory", "temp-directory", "database-url", "extra-model-paths-config"):
    parser.add_argument(f"--{option}")
parser.add_argument("--port", type=int)
parser.add_argument("--cpu", action="store_true")
parser.add_argument("--disable-auto-launch", action="store_true")
parser.add_argument("--preview-size", type=int)
args = parser.parse_args()
volume = Path(args.base_directory)
password = CODE / "login/PASSWORD"
token = password.read_text().splitlines()[0] if password.exists() else None
log = logging.getLogger()
log.warning("For direct API calls, use token=%s", token)
log.warning("Traceback (most recent call last):\n  boom")
log.warning("Cannot import %s module for custom nodes: boom", CODE / "custom_nodes/Broken")

seen = {"argv": sys.argv, "nodes": sorted(os.listdir(volume / "custom_nodes")), "environment": dict(os.environ)}
(volume / "seen.json").write_text(json.dumps(seen))

sockets: dict[str, WebSocket] = {}
queue: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
running: dict[str, dict[str, Any]] = {}
history: dict[str, Any] = {}


async def say(client: str, kind: str, **data: Any) -> None:
    """One message to the client that queued."""
    if client in sockets:
        await sockets[client].send_text(json.dumps({"type": kind, "data": data}))


async def run_node(client: str, identity: str, name: str, node: dict[str, Any]) -> dict[str, Any]:
    """What the class of the node says."""
    await say(client, "executing", node=name, prompt_id=identity)
    kind, inputs = node["class_type"], node["inputs"]
    if kind == "Fail":
        raise RuntimeError("CUDA out of memory")
    for step in range(1, inputs.get("steps", 0) + 1):
        await asyncio.sleep(inputs.get("seconds", 0.01))
        await say(client, "progress", node=name, prompt_id=identity, value=step, max=inputs["steps"])
        if client in sockets:
            await sockets[client].send_bytes(b"\x00\x00\x00\x01preview")
    if kind != "Save":
        return {}
    (volume / "output" / inputs["name"]).write_text("picture")
    output = {"images": [{"filename": inputs["name"], "subfolder": "", "type": "output"}], "text": ["seen"]}
    await say(client, "executed", node=name, output=output, prompt_id=identity)
    return {name: output}


async def run_workflow(client: str, identity: str, workflow: dict[str, Any]) -> None:
    """All its nodes, one after the other."""
    await say(client, "execution_start", prompt_id=identity)
    outputs: dict[str, Any] = {}
    messages: list[Any] = []
    try:
        for name, node in workflow.items():
            outputs |= await run_node(client, identity, name, node)
        await say(client, "execution_success", prompt_id=identity)
    except RuntimeError as error:
        data = {"prompt_id": identity, "node_id": name, "node_type": node["class_type"]}
        data |= {"exception_message": f"{error}\n", "exception_type": "RuntimeError", "traceback": ["  File x\n"]}
        messages.append(["execution_error", data])
        await say(client, "execution_error", **data)
    history[identity] = {"outputs": outputs, "status": {"messages": messages}}
    await say(client, "executing", node=None, prompt_id=identity)


async def work() -> None:
    """Takes workflows out of the queue for ever."""
    while True:
        client, identity, workflow = await queue.get()
        running[identity] = workflow
        await run_workflow(client, identity, workflow)
        del running[identity]


async def watch() -> None:
    """Ends like a crash when the tests ask for it."""
    while not (volume / "input/die").exists():
        await asyncio.sleep(0.05)
    os._exit(3)


@asynccontextmanager
async def lifespan(_: FastAPI) -> Any:
    """The tasks beside the server."""
    tasks = [asyncio.create_task(work()), asyncio.create_task(watch())]
    yield
    for task in tasks:
        task.cancel()


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def login(request: Request, handler: Any) -> Any:
    """ComfyUI-Login's."""
    if token and request.headers.get("Authorization") != f"Bearer {token}":
        return JSONResponse({"error": "Authentication required."}, 401)
    return await handler(request)


@app.get("/system_stats")
async def system_stats() -> Any:
    return {"system": {"comfyui_version": "0.3.64"}, "devices": [{"name": "cpu"}]}


@app.get("/object_info")
async def object_info() -> Any:
    return {
        "Save": {"python_module": "nodes"},
        "Resize": {"python_module": "custom_nodes.ComfyUI-KJNodes"},
        "Mine": {"python_module": "custom_nodes.mine"},
    }


@app.get("/experiment/models")
async def models() -> Any:
    folders = {"checkpoints": ["checkpoints"], "diffusion_models": ["unet", "diffusion_models"]}
    return [
        {"name": name, "folders": [str(volume / "models" / path) for path in paths]} for name, paths in folders.items()
    ]


@app.post("/prompt")
async def prompt(request: Request) -> Any:
    body = await request.json()
    unknown = [name for name, node in body["prompt"].items() if node["class_type"] not in ("Save", "Slow", "Fail")]
    if unknown:
        error = {"type": "invalid_prompt", "message": "Cannot execute because node does not exist."}
        return JSONResponse({"error": error, "node_errors": {name: {} for name in unknown}}, 400)
    queue.put_nowait((body["client_id"], body["prompt_id"], body["prompt"]))
    return {"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}}


@app.get("/queue")
async def get_queue() -> Any:
    return {"queue_running": [[0, identity] for identity in running], "queue_pending": []}


@app.get("/history/{identity}")
async def get_history(identity: str) -> Any:
    return {identity: history[identity]} if identity in history else {}


@app.get("/view")
async def view(filename: str, subfolder: str, type: str) -> Any:
    path = volume / type / subfolder / filename
    if ".." in str(path):
        return JSONResponse({}, 403)
    return PlainTextResponse(path.read_text()) if path.exists() else JSONResponse({}, 404)


@app.websocket("/ws")
async def messages(socket: WebSocket, clientId: str) -> None:
    if token and socket.headers.get("Authorization") != f"Bearer {token}":
        await socket.close()
        return
    await socket.accept()
    sockets[clientId] = socket
    await socket.send_text(json.dumps({"type": "status", "data": {}}))
    try:
        await socket.receive()
    finally:
        sockets.pop(clientId, None)


if __name__ == "__main__":
    uvicorn.run(app, host=args.listen, port=args.port, log_level="warning")
