"""ComfyUI and ComfyUI-Login in small, with faults: started by tests/fake_services.py.

Its log has the form of the real one's (nodes.py of ComfyUI 0.3.64). FAULT names what goes wrong; FAKE_BROKEN lists
the folders of nodes that do not import, FAKE_PASSWORD is the file of ComfyUI-Login.
"""

import configparser
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
WHOLE = json.loads(os.environ["FAKE_IMAGE"])
IMAGE = WHOLE["comfyui"]
BROKEN = os.environ.get("FAKE_BROKEN", "").split(",")
PASSWORD = Path(os.environ["FAKE_PASSWORD"])
VOLUME = Path(os.environ["STRATA_VOLUME"])
HISTORY: dict[str, Any] = {}
CUSTOM_NODES = f"{os.environ.get('STRATA_SMOKE_OPT', '/opt')}/comfyui/custom_nodes"
FOLDERS = [node["folder"] for node in IMAGE["nodes"]]
MEBIBYTE = 2**20
# Bytes that it holds on the GPU: what stays for good, and what it computed with.
MEMORY = {"kept": 8 * MEBIBYTE, "used": 0}
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
    """The entry of the history after one of the two workflows that this ComfyUI knows."""
    MEMORY["used"] = 900 * MEBIBYTE
    if "video" in workflow:
        picture = VOLUME / "input" / workflow["picture"]["inputs"]["image"]
        assert picture.read_bytes().startswith(b"\x89PNG"), "no picture to begin with"
        return compute_video()
    empty, scale, blur, invert, save = (workflow[number] for number in "12345")
    kinds = [node["class_type"] for node in (empty, scale, blur, invert, save)]
    assert kinds == ["EmptyImage", "ImageScale", "ImageBlur", "ImageInvert", "SaveImage"], kinds
    if FAULT == "workflow-error":
        return {"status": {"status_str": "error", "messages": [["execution_error", "no such thing"]]}, "outputs": {}}
    colour = bytes(255 - part for part in empty["inputs"]["color"].to_bytes(3, "big"))
    width, height = scale["inputs"]["width"], scale["inputs"]["height"]
    name = f"{save['inputs']['filename_prefix']}_00001_.png"
    (VOLUME / "output").mkdir(parents=True, exist_ok=True)
    if FAULT.startswith("off-by-"):
        colour = bytes([colour[0], colour[1] - int(FAULT.removeprefix("off-by-")), colour[2]])
    content = png(height if FAULT == "size" else width, height, b"abc" if FAULT == "colour" else colour)
    if FAULT != "no-picture":
        (VOLUME / "output" / name).write_bytes(content[:60] if FAULT == "half-picture" else content)
    image = {"filename": name, "subfolder": "", "type": "output"}
    return {"status": {"status_str": "success", "messages": []}, "outputs": {"5": {"images": [image]}}}


def compute_video() -> dict[str, Any]:
    """The image's own workflow: a video, and a preview that is not kept."""
    saved = [] if FAULT == "no-video" else [{"filename": "clip_00001.mp4", "subfolder": "video", "type": "output"}]
    preview = {"filename": "preview.png", "subfolder": "", "type": "temp"}
    (VOLUME / "output/video").mkdir(parents=True, exist_ok=True)
    (VOLUME / "output/video/clip_00001.mp4").write_bytes(b"" if FAULT == "empty-video" else b"video")
    outputs = {"7": {"gifs": saved, "animated": [True]}, "8": {"images": [preview]}}
    return {"status": {"status_str": "success", "messages": []}, "outputs": outputs}


def offered_models(kind: str) -> list[str]:
    """As ComfyUI lists them: no GGUF files, which a node lists again over the same folders."""
    folder, quantised = ("diffusion_models", True) if kind == "unet_gguf" else (kind, False)
    files = WHOLE.get("models", {}).get("files", []) if FAULT != "model-path" else []
    names = [file.removeprefix(f"models/{folder}/") for file in files if file.startswith(f"models/{folder}/")]
    return [name for name in names if name.endswith(".gguf") is quantised]


def manager_setting(name: str, otherwise: str) -> str:
    """ComfyUI-Manager's setting, from the file that an older image left in the volume."""
    config = configparser.ConfigParser()
    if FAULT != "manager-path":
        config.read(VOLUME / "user/default/ComfyUI-Manager/config.ini")
    return config.get("default", name, fallback=otherwise)


def system_stats() -> dict[str, Any]:
    """Version, packages, and the memory of the one device."""
    version = "0.3.65" if FAULT == "other-version" else IMAGE["version"]
    device = "mps" if FAULT == "other-device" else os.environ["FAKE_DEVICE"]
    templates = {"name": "comfyui-workflow-templates", "installed": "0.1.95", "required": "0.1.95"}
    if FAULT == "no-templates":
        templates["installed"] = None
    system = {"comfyui_version": version, "comfy_package_versions": [templates]}
    return {"system": system, "devices": [{"type": device, "torch_vram_total": sum(MEMORY.values())}]}


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
            self.answer(system_stats())
        elif self.path == "/manager/db_mode":
            self.answer(manager_setting("db_mode", "cache").encode())
        elif self.path == "/models":
            self.answer(["checkpoints", "vae", "diffusion_models", "unet_gguf"])
        elif self.path.startswith("/models/"):
            self.answer(offered_models(self.path.removeprefix("/models/")))
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
        elif self.path == "/snapshot/remove":
            strong = manager_setting("security_level", "normal") == "strong" and FAULT != "manager-level"
            self.answer({}, 403 if strong else 200)
        elif self.path == "/free":
            if FAULT != "keeps-memory":
                MEMORY["used"] = 0
            self.answer(b"")
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
