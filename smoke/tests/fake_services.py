"""The image's services in small, with faults: installed by the tests as entrypoint, llama-server and healthcheck.

The entrypoint answers for the image's own service, keeps llama-server running and starts tests/fake_comfyui.py,
installed as comfyui. FAULT names what goes wrong.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

FAULT = os.environ["FAULT"]
NAME = Path(sys.argv[0]).name
LLAMA_PORT = int(os.environ.get("LLAMA_ARG_PORT", "8080"))
BACKEND_PORT = int(os.environ.get("STRATA_BACKEND_PORT", "8000"))
TEXT = " three four six" if FAULT == "wrong" else " three four five"
TORCH = "2.11.0" if FAULT == "other-torch" else "2.12.0+cu130"
IMAGE = json.loads(os.environ["FAKE_IMAGE"])
GPU = json.loads(os.environ.get("FAKE_GPU", "null"))
SYSTEM = {
    "image": IMAGE,
    "torch": {"version": TORCH, "cuda": "13.0", "cudaAvailable": GPU is not None and FAULT != "no-cuda"},
    "driver": GPU and GPU["driver"],
    "attention": [],
    "llama": {"build": "b8505-0c1e570", "ready": True},
    "problems": [],
}


class Handler(BaseHTTPRequestHandler):
    """Answers for both services."""

    def answer(self, content: Any, status: int = 200) -> None:
        self.send(json.dumps(content).encode(), status)

    def send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if NAME == "llama-server" and self.path == "/" and FAULT != "no-page":
            self.send(b'<html><link href="./_app/bundle.css"><script src="./_app/bundle.js"></script></html>')
            return
        if self.path == "/_app/bundle.js" and FAULT == "half-a-page":
            self.answer({}, 404)
            return
        token = f"Bearer {os.environ['STRATA_TOKEN']}"
        if self.path == "/comfyui/nodes" and self.headers.get("Authorization") != token and FAULT != "backend-open":
            self.answer({}, 401)
        elif self.path == "/comfyui/nodes":
            folders = [node["folder"] for node in IMAGE["comfyui"]["nodes"][FAULT == "backend-nodes" :]]
            broken = os.environ["FAKE_BROKEN"].split(",") if FAULT != "backend-status" else []
            broken += folders[-1:] if FAULT == "missing-node" else []
            nodes = [{"folder": folder, "status": "failed" if folder in broken else "loaded"} for folder in folders]
            self.answer({"nodes": nodes})
        else:
            self.answer(SYSTEM if self.path == "/system" else {}, 503 if FAULT == "sick" else 200)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body.get("stream"):
            self.send_tokens()
            return
        wanted = body["max_tokens"]
        choice = {"text": TEXT, "message": {"content": TEXT}}
        usage = {"completion_tokens": wanted // 2 if FAULT == "short" else wanted}
        self.answer({"choices": [choice], "usage": usage, "timings": {"predicted_per_second": 1000.0}})

    def send_tokens(self) -> None:
        """The answer as llama-server streams it: an event a token, then the end."""
        self.send_response(200)
        self.end_headers()
        words = ["", *TEXT.split()] if FAULT != "stalls" else []
        for word in words:
            time.sleep(0.01)
            self.wfile.write(f"data: {json.dumps({'choices': [{'text': f' {word}' if word else ''}]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: Any) -> None:
        pass


def load_model() -> None:
    """What llama-server writes about its layers, if it is asked to. Where no model is named the image hides GPUs from it."""
    if not os.environ.get("LLAMA_ARG_MODEL") or os.environ.get("STRATA_LLAMA") != "on":
        return
    if GPU is None or os.environ.get("LLAMA_ARG_LOG_VERBOSITY") != "4" or FAULT == "no-back-end":
        return
    print("load_tensors: offloading output layer to GPU")
    print(f"load_tensors: offloaded {1 if FAULT == 'half-offloaded' else 2}/2 layers to GPU", flush=True)


def serve(port: int) -> None:
    """Answers on `port` for ever."""
    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def keep_services() -> None:
    """The process manager: starts llama-server again and ends with SIGTERM, as far as the fault lets it."""
    command = [str(Path(sys.argv[0]).with_name("llama-server"))]
    server = subprocess.Popen(command)
    print("INFO spawned: 'llama' with pid 6\n" * (2 if FAULT == "llama-restarts" else 1), flush=True)
    comfyui = None
    if os.environ["STRATA_COMFYUI"] == "on":
        comfyui = subprocess.Popen([str(Path(sys.argv[0]).with_name("comfyui"))])
        print("INFO spawned: 'comfyui' with pid 7\n" * (2 if FAULT == "restarts" else 1), flush=True)

    def stop(*_: Any) -> None:
        if FAULT != "deaf":
            # Not with Popen's own methods: the signal may have come while one of them holds the lock of its process.
            for service in filter(None, (server, comfyui if FAULT != "leaves-comfyui" else None)):
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(service.pid, signal.SIGKILL)
                    os.waitpid(service.pid, 0)
            os._exit(4 if FAULT == "status" else 0)

    signal.signal(signal.SIGTERM, stop)
    if FAULT == "leftover":
        subprocess.Popen(["setsid", "sleep", "30"])
    while True:
        if comfyui and comfyui.poll() is not None and FAULT != "no-comfyui":
            sys.exit(1)
        if server.poll() is not None and FAULT != "stays-dead":
            server = subprocess.Popen(command)
        time.sleep(0.02)


if NAME == "entrypoint" and sys.argv[1:]:
    # A command in place of the services.
    constraints = f"{os.environ.get('STRATA_SMOKE_OPT', '/opt')}/strata/constraints.txt"
    told = ("UV_CONSTRAINT",) if FAULT == "unconstrained" else ("UV_CONSTRAINT", "PIP_CONSTRAINT")
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | {name: constraints for name in told})
if NAME == "healthcheck":
    sys.exit(1 if FAULT == "healthcheck" else 0)
if NAME == "llama-server":
    load_model()
    serve(LLAMA_PORT)
if FAULT == "ends":
    sys.exit(3)
if os.environ["STRATA_COMFYUI"] == "on" and FAULT != "any-volume":
    try:
        Path(os.environ["STRATA_VOLUME"]).mkdir(exist_ok=True)
    except OSError as error:
        sys.exit(0 if FAULT == "ends-well" else f"cannot write: {error}")
Thread(target=serve, args=(BACKEND_PORT,), daemon=True).start()
keep_services()
