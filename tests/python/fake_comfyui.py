"""ComfyUI in small: its command line, its HTTP interface and its messages, without nodes or models.

The classes of a workflow's nodes say what happens: `Save` writes a file, or names the one that it wrote before, as
ComfyUI's cache does; `Preview` writes a temporary one, `Video` has a key of its own for them, `Load` reads an input,
`Slow` takes steps, `Stubborn` as well and hears no interruption, `Fail` raises, `Crash` ends the process. An input
`invalid` is refused by the node's validation; other nodes of the workflow are computed. The password file of
ComfyUI-Login makes it ask for that token; like that node's password.py, it keeps a key in the node's own folder, and asks
nobody where it cannot. It notes its environment and what it sees of custom nodes in the volume, for
the tests, and `die` in the volume's input folder makes it end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
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
try:
    (CODE / "custom_nodes/ComfyUI-Login/.secret-key.txt").write_text("key")
except OSError as error:
    log.warning("Cannot import %s module for custom nodes: %s", CODE / "custom_nodes/ComfyUI-Login", error)
    token = None
log.warning("For direct API calls, use token=%s", token)
log.warning("Traceback (most recent call last):\n  boom")
log.warning("Cannot import %s module for custom nodes: boom", CODE / "custom_nodes/Broken")

seen = {"argv": sys.argv, "nodes": sorted(os.listdir(volume / "custom_nodes")), "environment": dict(os.environ)}
(volume / "seen.json").write_text(json.dumps(seen))

sockets: dict[str, WebSocket] = {}
queue: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
running: dict[str, dict[str, Any]] = {}
history: dict[str, Any] = {}
interrupted: set[str] = set()
cached: dict[str, dict[str, Any]] = {}
CLASSES = ("Save", "Preview", "Video", "Load", "Slow", "Stubborn", "Fail", "Crash")


class Interruption(Exception):
    """Somebody asked for it."""


async def say(client: str, kind: str, **data: Any) -> None:
    """One message to the client that queued."""
    if client in sockets:
        await sockets[client].send_text(json.dumps({"type": kind, "data": data}))


async def run_node(client: str, identity: str, name: str, node: dict[str, Any]) -> dict[str, Any]:
    """What the class of the node says."""
    await say(client, "executing", node=name, prompt_id=identity)
    kind, inputs = node["class_type"], node["inputs"]
    if kind == "Fail":
        raise RuntimeError(inputs.get("message", "CUDA out of memory"))
    if kind == "Crash":
        print("terminate called after throwing an instance of 'c10::Error'", flush=True)
        os.kill(os.getpid(), signal.SIGABRT)
    if kind == "Load" and not (volume / "input" / inputs["image"]).is_file():
        raise RuntimeError(f"no file {inputs['image']}")
    for step in range(1, inputs.get("steps", 0) + 1):
        await asyncio.sleep(inputs.get("seconds", 0.01))
        if identity in interrupted and kind != "Stubborn":
            raise Interruption
        await say(client, "progress", node=name, prompt_id=identity, value=step, max=inputs["steps"])
        if client in sockets:
            await sockets[client].send_bytes(b"\x00\x00\x00\x01preview")
    if kind not in ("Save", "Preview", "Video"):
        return {}
    key = json.dumps([name, node])
    output = cached[key] = cached.get(key) or write_output(kind, inputs)
    await say(client, "executed", node=name, output=output, prompt_id=identity)
    return {name: output}


def write_output(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Writes `text`, `count` times, and says so as the node does."""
    place = "temp" if kind == "Preview" else "output"
    file = (Path(args.temp_directory) if kind == "Preview" else volume) / place / inputs["name"]
    file.parent.mkdir(parents=True, exist_ok=True)
    source = inputs.get("copy")
    content = (volume / "input" / source).read_text() if source else inputs.get("text", "picture")
    file.write_text(content * inputs.get("count", 1))
    path = PurePosixPath(inputs["name"])
    folder = "" if path.parent == PurePosixPath() else str(path.parent)
    entry = {"filename": path.name, "subfolder": folder, "type": place}
    if kind == "Video":
        # As VideoHelperSuite does: beside a video its first picture, and beside one with sound the silent one.
        silent = file.with_name(file.name.replace("-audio", ""))
        for beside in {silent.with_suffix(".png"), silent} - {file}:
            beside.write_text("beside it")
        entry["workflow"] = silent.with_suffix(".png").name
        return {"gifs": [{**entry, "format": "video/h264-mp4", "frame_rate": 16.0}]}
    return {"images": [entry], "text": ["seen"]}


async def run_workflow(client: str, identity: str, workflow: dict[str, Any]) -> None:
    """All its nodes, one after the other."""
    await say(client, "execution_start", prompt_id=identity)
    outputs: dict[str, Any] = {}
    messages: list[Any] = []
    # What this workflow does not have is forgotten.
    for key in cached.keys() - {json.dumps(item) for item in workflow.items()}:
        del cached[key]
    try:
        for name, node in workflow.items():
            outputs |= await run_node(client, identity, name, node)
        await say(client, "execution_success", prompt_id=identity)
    except Interruption:
        data = {"prompt_id": identity, "node_id": name, "node_type": node["class_type"]}
        messages.append(["execution_interrupted", data])
        await say(client, "execution_interrupted", **data)
    except RuntimeError as error:
        data = {"prompt_id": identity, "node_id": name, "node_type": node["class_type"]}
        data |= {"exception_message": f"{error}\n", "exception_type": "RuntimeError", "traceback": ["  File x\n"]}
        messages.append(["execution_error", data])
        await say(client, "execution_error", **data)
    # ComfyUI says that it is done before its history knows.
    await asyncio.sleep(0.1)
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
        **{name: {"python_module": "nodes"} for name in CLASSES},
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
    workflow = body["prompt"]
    unknown = [name for name, node in workflow.items() if node["class_type"] not in CLASSES]
    if unknown:
        error = {"type": "invalid_prompt", "message": "Cannot execute because node does not exist."}
        return JSONResponse({"error": error, "node_errors": {name: {} for name in unknown}}, 400)
    errors = {name: judge(node) for name, node in workflow.items() if "invalid" in node["inputs"]}
    if len(errors) == len(workflow):
        error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}
        return JSONResponse({"error": error, "node_errors": errors}, 400)
    # Nodes that ask for it get the key in it (execution.py: API_KEY_COMFY_ORG).
    (volume / "extra.json").write_text(json.dumps(body.get("extra_data")))
    queue.put_nowait((body["client_id"], body["prompt_id"], workflow))
    return {"prompt_id": body["prompt_id"], "number": 1, "node_errors": errors}


def judge(node: dict[str, Any]) -> dict[str, Any]:
    """As ComfyUI words it."""
    problem = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": f"invalid: '{node['inputs']['invalid']}' not in []",
        "extra_info": {"input_name": "invalid"},
    }
    return {"errors": [problem], "dependent_outputs": [], "class_type": node["class_type"]}


@app.post("/interrupt")
async def interrupt(request: Request) -> Any:
    identity = (await request.json())["prompt_id"]
    if identity in running:
        interrupted.add(identity)
    return {}


@app.post("/queue")
async def change_queue(request: Request) -> Any:
    deleted = (await request.json())["delete"]
    waiting = [queue.get_nowait() for _ in range(queue.qsize())]
    for item in waiting:
        if item[1] not in deleted:
            queue.put_nowait(item)
    return {}


@app.post("/free")
async def free(request: Request) -> Any:
    if (await request.json()).get("free_memory"):
        cached.clear()
    return {}


@app.post("/history")
async def change_history(request: Request) -> Any:
    for identity in (await request.json())["delete"]:
        history.pop(identity, None)
    return {}


@app.post("/upload/image")
async def upload(request: Request) -> Any:
    async with request.form() as form:
        name, folder = form["image"].filename, form["subfolder"]
        path = volume / "input" / folder / name
        if path.exists() and form["overwrite"] != "true":
            name, path = f"other {name}", path.with_name(f"other {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await form["image"].read())
    return {"name": name, "subfolder": folder, "type": "input"}


@app.get("/queue")
async def get_queue() -> Any:
    return {"queue_running": [[0, identity] for identity in running], "queue_pending": []}


@app.get("/history/{identity}")
async def get_history(identity: str) -> Any:
    return {identity: history[identity]} if identity in history else {}


@app.get("/view")
async def view(filename: str, subfolder: str, type: str) -> Any:
    path = (Path(args.temp_directory) if type == "temp" else volume) / type / subfolder / filename
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
