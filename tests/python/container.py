"""The image's folders in a temporary one, and its entrypoint running there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from support import BACKEND, DOOR, FAKE_COMFYUI, FAKE_LLAMA, MODEL_FETCH, RUNTIME, STUDIO, WORKER

# Of seconds, for what comes for sure: a machine with other work takes long to start a container's parts.
PATIENCE = 180
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TOKEN = "a-token-for-the-tests"
IMAGE = {
    "recipe": "studio",
    "torch": "2.10.0",
    "comfyui": {
        "version": "0.3.64",
        "commit": "c" * 40,
        "nodes": [
            {"folder": "ComfyUI-KJNodes", "repository": "https://example.org/KJ", "group": "basic"},
            {"folder": "Broken", "repository": "https://example.org/B", "knownFailure": "old"},
        ],
    },
}


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put_behind(opt: Path, caddy: str) -> None:
    """As layers/runtime/layer.ts changes the process manager's configuration (`behindDoor`)."""
    file = opt / "strata/runtime/supervisord.conf"
    text = file.read_text().replace("(ENV_STRATA_CONTROL)s", f"(ENV_STRATA_CONTROL)s {opt}/strata/door/program.conf")
    text = text.replace("programs=llama,", "programs=door,llama,").replace("--host 0.0.0.0 ", "--host 127.0.0.1 ")
    file.write_text(text)
    (opt / "caddy/bin").mkdir(parents=True)
    (opt / "caddy/bin/caddy").symlink_to(caddy)


class Container:
    """The image's folders in a temporary one, and its entrypoint running there.

    `models` is what the image's description says of them, `manifest` what such an image fetches. `comfyui` and `llama`:
    what the image has; `door` is Caddy, where the image has that login before all else.
    """

    def __init__(
        self,
        root: Path,
        models: dict[str, Any] | None = None,
        manifest: list[dict[str, Any]] | None = None,
        volume: Path | None = None,
        comfyui: bool = True,
        llama: bool = False,
        door: str | None = None,
        **environment: str,
    ) -> None:
        self.root, self.volume = root, volume or root / "volume"
        opt = root / "opt"
        for source in (RUNTIME, BACKEND, STUDIO, WORKER, MODEL_FETCH, *([DOOR] if door else [])):
            shutil.copytree(source, opt / "strata" / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        # The image's places are fixed; here they lie below a temporary folder.
        for file in (opt / "strata").rglob("*"):
            if file.is_file():
                file.write_text(file.read_text().replace("/opt/", f"{opt}/"))
        if door:
            put_behind(opt, door)
        (opt / "strata/image.json").write_text(json.dumps(IMAGE | ({"models": models} if models else {})))
        if manifest is not None:
            (opt / "strata/models.json").write_text(json.dumps({"models": manifest}))
        (opt / "venv/bin").mkdir(parents=True)
        python = opt / "venv/bin/python"
        # The image's own Python needs no PYTHONPATH; this one finds the services' packages by it.
        python.write_text(f'#!/bin/sh\n[ "$1" != -Es ] || shift\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        for folder in ("custom_nodes/ComfyUI-KJNodes", "custom_nodes/Broken", "custom_nodes/ComfyUI-Login"):
            (opt / "comfyui" / folder).mkdir(parents=True)
        origin = {"repository": "https://example.org/KJ", "commit": "d" * 40, "version": "1.0"}
        (opt / "comfyui/custom_nodes/ComfyUI-KJNodes/strata-node.json").write_text(json.dumps(origin))
        for name in ("checkpoints", "unet", "diffusion_models"):
            (opt / "comfyui/models" / name).mkdir(parents=True)
        if comfyui:
            shutil.copy(FAKE_COMFYUI, opt / "comfyui/main.py")
        if llama:
            server = opt / "llama.cpp/bin/llama-server"
            server.parent.mkdir(parents=True)
            server.write_text(f"#!{sys.executable}\n{FAKE_LLAMA.read_text()}")
            server.chmod(0o755)
        for name in ("comfyui-kjnodes", "mine"):
            (self.volume / "custom_nodes" / name).mkdir(parents=True, exist_ok=True)
        self.port, self.comfyui_port = free_port(), free_port()
        (root / "tmp").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STRATA_")},
            # Who started the tests; without it root would become user 1000, to whom the folders do not belong.
            "PUID": str(os.getuid()),
            "TMPDIR": str(root / "tmp"),
            "HOME": str(root),
            "STRATA_LLAMA": "off",
            "STRATA_TOKEN": TOKEN,
            "STRATA_BACKEND_PORT": str(self.port),
            "STRATA_COMFYUI_PORT": str(self.comfyui_port),
            "STRATA_VOLUME": str(self.volume),
            "STRATA_IMAGE_METADATA": str(opt / "strata/image.json"),
            **environment,
        }
        self.log = (root / "log").open("w+")
        self.process = subprocess.Popen(
            [opt / f"strata/{'door' if door else 'runtime'}/entrypoint"],
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def close(self) -> None:
        """Stops it as an engine does, if it has not ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.log.close()

    def ask(self, path: str, body: Any = None, token: str | None = TOKEN, method: str | None = None) -> tuple[int, Any]:
        """Status and content of an answer."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with OPENER.open(request, timeout=PATIENCE) as response:
                text = response.read().decode()
                return response.status, json.loads(text) if text[:1] in "[{" else text
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "null")

    def printed(self) -> str:
        """Everything so far."""
        return (self.root / "log").read_text()

    def wait_until(self, condition: Any, seconds: float = PATIENCE) -> None:
        """Fails with the log."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s\n{self.printed()}")

    def healthcheck(self) -> int:
        """What the program says that a container engine runs."""
        behind = self.root / "opt/strata/door/healthcheck"
        usual = [sys.executable, self.root / "opt/strata/runtime/healthcheck"]
        done = subprocess.run(
            [behind] if behind.exists() else usual, env=self.environment, capture_output=True, check=False
        )
        return done.returncode

    def is_healthy(self) -> bool:
        """Whether every part is ready."""
        return self.ask("/healthz", token=None)[0] == 200
