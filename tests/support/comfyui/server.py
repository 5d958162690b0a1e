"""ComfyUI's HTTP interface and its WebSocket, with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import comfyui_version
import folder_paths
import nodes
from execution import Executor

LOG = logging.getLogger("comfyui")
PAGE = b"<!DOCTYPE html><html><head><title>ComfyUI</title></head><body></body></html>"
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Sockets:
    """Everybody who listens at /ws."""

    def __init__(self) -> None:
        self._writers: dict[Any, threading.Lock] = {}

    def add(self, writer: Any) -> None:
        self._writers[writer] = threading.Lock()

    def remove(self, writer: Any) -> None:
        self._writers.pop(writer, None)

    def send(self, kind: str, data: dict[str, Any]) -> None:
        """One text frame to each; who is gone is forgotten."""
        content = json.dumps({"type": kind, "data": data}).encode()
        length = struct.pack(">B", len(content)) if len(content) < 126 else struct.pack(">BH", 126, len(content))
        for writer, lock in list(self._writers.items()):
            try:
                with lock:
                    writer.write(b"\x81" + length + content[:65535])
                    writer.flush()
            except OSError:
                self.remove(writer)


SOCKETS = Sockets()
EXECUTOR = Executor(SOCKETS.send)


def node_info(name: str) -> dict[str, Any]:
    """A class as ComfyUI describes it."""
    kind = nodes.NODE_CLASS_MAPPINGS[name]
    inputs = kind.INPUT_TYPES()
    return {
        "input": inputs,
        "input_order": {key: list(value) for key, value in inputs.items()},
        "is_input_list": getattr(kind, "INPUT_IS_LIST", False),
        "output": kind.RETURN_TYPES,
        "output_is_list": [False] * len(kind.RETURN_TYPES),
        "output_name": getattr(kind, "RETURN_NAMES", kind.RETURN_TYPES),
        "name": name,
        "display_name": nodes.NODE_DISPLAY_NAME_MAPPINGS.get(name, name),
        "description": getattr(kind, "DESCRIPTION", ""),
        "python_module": getattr(kind, "RELATIVE_PYTHON_MODULE", "nodes"),
        "category": getattr(kind, "CATEGORY", "sd"),
        "output_node": getattr(kind, "OUTPUT_NODE", False),
    }


def object_info() -> dict[str, Any]:
    """Every class that can describe itself."""
    found = {}
    for name in nodes.NODE_CLASS_MAPPINGS:
        try:
            found[name] = node_info(name)
        except Exception:  # noqa: BLE001 - nodes raise what they like
            LOG.error("[ERROR] An error occurred while retrieving information for the '%s' node.", name)
    return found


def system_stats() -> dict[str, Any]:
    """Version and device."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kind = "cpu" if folder_paths.args.cpu else "cuda"
    sizes = dict.fromkeys(("vram_total", "vram_free", "torch_vram_total", "torch_vram_free"), memory)
    return {
        "system": {
            "os": sys.platform,
            "ram_total": memory,
            "ram_free": memory,
            "comfyui_version": comfyui_version.__version__,
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": sys.argv,
        },
        "devices": [{"name": kind, "type": kind, "index": None if kind == "cpu" else 0, **sizes}],
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, content: Any, status: int = 200, kind: str = "application/json") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/api")
        if path == "/ws":
            self.listen()
        elif path == "/system_stats":
            self.answer(system_stats())
        elif path == "/object_info":
            self.answer(object_info())
        elif path.startswith("/object_info/"):
            name = path.split("/")[2]
            self.answer({name: node_info(name)} if name in nodes.NODE_CLASS_MAPPINGS else {})
        elif path == "/history":
            self.answer(EXECUTOR.history)
        elif path.startswith("/history/"):
            name = path.split("/")[2]
            self.answer({name: EXECUTOR.history[name]} if name in EXECUTOR.history else {})
        elif path == "/queue":
            self.answer({"queue_running": EXECUTOR.running, "queue_pending": list(EXECUTOR.waiting.queue)})
        elif path == "/prompt":
            self.answer({"exec_info": {"queue_remaining": EXECUTOR.remaining()}})
        elif path == "/":
            self.answer(PAGE, kind="text/html")
        else:
            self.answer({"error": "not found"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path = self.path.removeprefix("/api")
        if path == "/prompt":
            kinds = [node.get("class_type") for node in body.get("prompt", {}).values()]
            unknown = [kind for kind in kinds if kind not in nodes.NODE_CLASS_MAPPINGS]
            if not kinds or unknown:
                message = (
                    f"Cannot execute because node {unknown[0]} does not exist." if unknown else "No prompt provided"
                )
                self.answer({"error": {"type": "invalid_prompt", "message": message}, "node_errors": {}}, 400)
            else:
                self.answer(EXECUTOR.add(body["prompt"]))
        elif path in ("/queue", "/interrupt", "/free", "/history"):
            self.answer({})
        else:
            self.answer({"error": "not found"}, 404)

    def listen(self) -> None:
        """Keeps the connection as a WebSocket until the other side ends it."""
        key = self.headers.get("Sec-WebSocket-Key", "").encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode())
        self.end_headers()
        SOCKETS.add(self.wfile)
        SOCKETS.send("status", {"status": {"exec_info": {"queue_remaining": EXECUTOR.remaining()}}})
        while self.rfile.read(1):
            pass
        SOCKETS.remove(self.wfile)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def serve() -> None:
    """Answers until it is stopped."""
    address = (folder_paths.args.listen.split(",")[0], folder_paths.args.port)
    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    LOG.info("Starting server\n")
    LOG.info("To see the GUI go to: http://%s:%s", *address)
    server.serve_forever()
