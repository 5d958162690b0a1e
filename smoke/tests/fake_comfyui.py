"""ComfyUI and ComfyUI-Login in small, with faults: started by tests/fake_services.py.

Its log has the form of the real one's (nodes.py of ComfyUI 0.3.64). FAULT names what goes wrong; FAKE_BROKEN lists
the folders of nodes that do not import, FAKE_PASSWORD is the file of ComfyUI-Login.
"""

import json
import os
import runpy
import struct
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

FAULT = os.environ["FAULT"]
IMAGE = json.loads(os.environ["FAKE_IMAGE"])["comfyui"]
BROKEN = os.environ.get("FAKE_BROKEN", "").split(",")
PASSWORD = Path(os.environ["FAKE_PASSWORD"])
VOLUME = Path(os.environ["STRATA_VOLUME"])
HISTORY: dict[str, Any] = {}
CUSTOM_NODES = "/opt/comfyui/custom_nodes"
FOLDERS = [node["folder"] for node in IMAGE["nodes"]]
TRACE = """Traceback (most recent call last):
  File "/opt/comfyui/nodes.py", line 2160, in load_custom_node
    module_spec.loader.exec_module(module)
ModuleNotFoundError: No module named 'iopath'
"""


def log_imports() -> None:
    """What ComfyUI writes about its nodes."""
    tried = {f"{CUSTOM_NODES}/{name}": name not in BROKEN for name in [*FOLDERS, "websocket_image_save.py"]}
    if FAULT == "missing-node":
        del tried[f"{CUSTOM_NODES}/{FOLDERS[-1]}"]
    if FAULT == "extra-node":
        tried[f"{CUSTOM_NODES}/Stranger"] = True
    if FAULT == "volume-node":
        tried[f"{VOLUME}/custom_nodes/Stranger"] = True
    for path, imports in tried.items():
        if not imports:
            print(f"{TRACE}\nCannot import {path} module for custom nodes: No module named 'iopath'")
    if FAULT == "no-list":
        return
    print("\nImport times for custom nodes:")
    for path, imports in tried.items():
        print(f"   0.1 seconds{'' if imports else ' (IMPORT FAILED)'}: {path}")
    print(flush=True)


def png(width: int, height: int, colour: bytes) -> bytes:
    """A picture of one colour, without filters."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + colour * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def compute(workflow: dict[str, Any]) -> dict[str, Any]:
    """The entry of the history after the one workflow that this ComfyUI knows."""
    empty, scale, invert, save = (workflow[number] for number in "1234")
    kinds = [node["class_type"] for node in (empty, scale, invert, save)]
    assert kinds == ["EmptyImage", "ImageScale", "ImageInvert", "SaveImage"], kinds
    if FAULT == "workflow-error":
        return {"status": {"status_str": "error", "messages": [["execution_error", "no such thing"]]}, "outputs": {}}
    colour = bytes(255 - part for part in empty["inputs"]["color"].to_bytes(3, "big"))
    width, height = scale["inputs"]["width"], scale["inputs"]["height"]
    name = f"{save['inputs']['filename_prefix']}_00001_.png"
    (VOLUME / "output").mkdir(parents=True, exist_ok=True)
    content = png(height if FAULT == "size" else width, height, b"abc" if FAULT == "colour" else colour)
    if FAULT != "no-picture":
        (VOLUME / "output" / name).write_bytes(content[:60] if FAULT == "half-picture" else content)
    image = {"filename": name, "subfolder": "", "type": "output"}
    return {"status": {"status_str": "success", "messages": []}, "outputs": {"4": {"images": [image]}}}


class Handler(BaseHTTPRequestHandler):
    """The routes that the check asks for."""

    def answer(self, content: Any, status: int = 200) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_refused(self) -> bool:
        if "ComfyUI-Login" not in FOLDERS or FAULT == "open":
            return False
        token = PASSWORD.read_text().split("\n")[0] if PASSWORD.exists() else ""
        return not token or self.headers.get("Authorization") != f"Bearer {token}" or FAULT == "closed"

    def do_GET(self) -> None:
        if self.is_refused():
            self.answer({"error": "Authentication required."}, 401)
        elif self.path == "/system_stats":
            version = "0.3.65" if FAULT == "other-version" else IMAGE["version"]
            device = "cuda" if FAULT == "other-device" else "cpu"
            self.answer({"system": {"comfyui_version": version}, "devices": [{"type": device}]})
        elif self.path == "/object_info":
            print("[ERROR] An error occurred while retrieving information for the 'Shy' node.", flush=True)
            self.answer({f"Class{number}": {} for number in range(3)})
        elif self.path.startswith("/history/"):
            self.answer(HISTORY)
        else:
            self.answer(b"" if FAULT == "no-frontend" else b"<!DOCTYPE html><html></html>")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/login":
            PASSWORD.parent.mkdir(exist_ok=True)
            PASSWORD.write_text(f"$2b$hash\n{parse_qs(content)['username'][0]}")
            self.answer({"error": "Authentication required."}, 401)
        elif self.is_refused():
            self.answer({"error": "Authentication required."}, 401)
        else:
            if FAULT != "hangs":
                HISTORY["p1"] = compute(json.loads(content)["prompt"])
            self.answer({"prompt_id": "p1", "number": 1, "node_errors": {}})

    def log_message(self, *_: Any) -> None:
        pass


if FAULT == "no-comfyui":
    sys.exit(1)
if FAULT == "built-in":
    print("IMPORT FAILED: nodes_audio.py")
if FAULT == "shadowed":
    for script in VOLUME.glob("custom_nodes/*/__init__.py"):
        runpy.run_path(str(script))
if FAULT == "loses-data" and (VOLUME / "output/kept.png").exists():
    (VOLUME / "output/kept.png").unlink()
log_imports()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["STRATA_COMFYUI_PORT"])), Handler).serve_forever()
