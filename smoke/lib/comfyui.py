"""ComfyUI in the image: its login, its API, and a workflow that needs no model."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .image import OPT
from .png import read_png, write_png
from .result import Fail
from .services import OPENER, demand, expect_refusal, fetch

FOLDER = OPT / "comfyui"
CUSTOM_NODES = FOLDER / "custom_nodes"
# Files that ComfyUI's own repository has in custom_nodes.
OWN_NODES = {"websocket_image_save.py"}
# The node that asks for a password, and where it keeps it: on line 1 the bcrypt hash, which is its token too.
LOGIN_NODE = "ComfyUI-Login"
PASSWORD = FOLDER / "login/PASSWORD"
MANAGER = "ComfyUI-Manager"

# In the API's format: by number, a class and its inputs.
Workflow = dict[str, dict[str, Any]]

PICTURE_SIZE = (512, 512)
SIZE, COLOUR = (64, 48), (0x20, 0x40, 0x60)
# The picture is made small and dark, and has to come out large and bright. Blurring leaves one colour as it is; of the
# nodes that need no model it is one that computes on the GPU.
WORKFLOW: Workflow = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 16, "height": 12, "batch_size": 1, "color": int.from_bytes(COLOUR, "big")},
    },
    "2": {
        "class_type": "ImageScale",
        "inputs": {
            "image": ["1", 0],
            "upscale_method": "nearest-exact",
            "width": SIZE[0],
            "height": SIZE[1],
            "crop": "disabled",
        },
    },
    "3": {"class_type": "ImageBlur", "inputs": {"image": ["2", 0], "blur_radius": 3, "sigma": 1.0}},
    "4": {"class_type": "ImageInvert", "inputs": {"image": ["3", 0]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "strata-smoke"}},
}
POLL = 0.1


@dataclass
class ComfyUI:
    """ComfyUI at `url`; `token` is needed where ComfyUI-Login guards it."""

    url: str
    token: str | None = None

    def is_serving(self) -> bool:
        """Whether it answers, be it with a refusal."""
        try:
            fetch(f"{self.url}/system_stats", timeout=2.0)
        except OSError:
            return False
        return True

    def is_open(self) -> bool:
        """Whether it answers whoever asks."""
        return fetch(f"{self.url}/system_stats")[0] == 200

    def get(self, path: str) -> Any:
        """The answer's JSON; raises Fail."""
        return demand(self.url + path, token=self.token)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON; raises Fail."""
        return demand(self.url + path, body, token=self.token)

    def log_in(self) -> None:
        """Raises Fail unless ComfyUI-Login refuses whoever does not know the token, and lets in who does."""
        expect_refusal(f"{self.url}/system_stats")
        self.token = login_token(self.url)
        self.get("/system_stats")


def login_token(url: str) -> str:
    """ComfyUI-Login's token. Where no password is set yet, whoever comes first sets one: here it is us."""
    if not PASSWORD.exists():
        form = urllib.parse.urlencode({"username": "smoke", "password": "smoke"}).encode()
        try:
            OPENER.open(f"{url}/login", form, timeout=30.0).close()
        except urllib.error.HTTPError:
            pass  # It leads on to the interface, which wants the cookie that we do not keep.
    return PASSWORD.read_text(encoding="utf-8").split("\n")[0].strip()


def run_workflow(comfyui: ComfyUI, deadline: float, workflow: Workflow = WORKFLOW) -> list[str]:
    """Runs a workflow in the API's format and returns the names of the files that it saved; raises Fail."""
    limit = time.monotonic() + deadline
    number = comfyui.post("/prompt", {"prompt": workflow})["prompt_id"]
    while not (history := comfyui.get(f"/history/{number}")):
        if time.monotonic() > limit:
            raise Fail(f"the workflow did not end within {deadline:g} s")
        time.sleep(POLL)
    status = history[number]["status"]
    if status["status_str"] != "success":
        raise Fail(f"the workflow ended with {status['status_str']}", json.dumps(status["messages"], indent=2))
    return list(saved_files(history[number]["outputs"]))


def saved_files(outputs: dict[str, Any]) -> Iterator[str]:
    """The files of a workflow's outputs, whatever each node calls its list: images, gifs, audio. Previews are none."""
    for output in outputs.values():
        for entries in output.values():
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, dict) and entry.get("filename") and entry.get("type") == "output":
                    yield entry["filename"]


def expect_files(volume: Path, names: list[str]) -> str:
    """The saved files, each of which is on the volume and holds something; raises Fail."""
    if not names:
        raise Fail("the workflow saved nothing")
    for name in names:
        found = list(volume.rglob(name))
        if len(found) != 1 or found[0].stat().st_size == 0:
            raise Fail(f"{name} is not on the volume, or is empty")
    return ", ".join(names)


def missing_models(comfyui: ComfyUI, files: list[str]) -> list[str]:
    """Those of `files` that nobody will find; raises Fail.

    They are named as they lie below ComfyUI's folder: `models/vae/name.safetensors` has to be offered by ComfyUI among
    the models of that kind; what a node keeps in a folder of its own has to be there.
    """
    kinds = comfyui.get("/models")
    offered: dict[str, set[str]] = {}

    def is_offered(kind: str, name: str) -> bool:
        # Nodes for quantised models have lists of their own over the same folders.
        lists = [kind, *(other for other in kinds if name.endswith(".gguf") and other.endswith("_gguf"))]
        for one in lists:
            if one in kinds and one not in offered:
                offered[one] = set(comfyui.get(f"/models/{one}"))
        return any(name in offered.get(one, ()) for one in lists)

    missing = []
    for file in files:
        top, _, rest = file.partition("/")
        kind, _, name = rest.partition("/")
        found = is_offered(kind, name) if top == "models" else (FOLDER / file).is_file()
        if not found:
            missing.append(file)
    return missing


def give_pictures(workflow: Workflow, volume: Path) -> None:
    """Puts a picture where each node of the workflow reads one, as a user would upload it."""
    for node in workflow.values():
        name = node.get("inputs", {}).get("image")
        if node["class_type"] == "LoadImage" and isinstance(name, str):
            file = volume / "input" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(write_png(*PICTURE_SIZE, COLOUR))


def memory_in_use(comfyui: ComfyUI) -> int:
    """Bytes of GPU memory that ComfyUI's torch has taken for itself; raises Fail."""
    return int(comfyui.get("/system_stats")["devices"][0]["torch_vram_total"])


def free_memory(comfyui: ComfyUI, before: int, tolerance: int, patience: float) -> int:
    """Asks ComfyUI to unload everything; returns how many bytes more than `before` it still has then; raises Fail."""
    order = {"unload_models": True, "free_memory": True}
    # Its answer is empty, which is no JSON.
    status, content = fetch(f"{comfyui.url}/free", order, token=comfyui.token)
    if status != 200:
        raise Fail(f"/free answered {status}", content.decode(errors="replace"))
    limit = time.monotonic() + patience
    while (left := memory_in_use(comfyui) - before) > tolerance and time.monotonic() < limit:
        time.sleep(POLL)
    return max(0, left)


def compare_picture(volume: Path, names: list[str]) -> str:
    """Looks for the one image on the volume and compares it with what WORKFLOW makes; raises Fail."""
    found = [path for name in names for path in volume.rglob(name)]
    if len(found) != 1:
        raise Fail(f"expected one image on the volume, found {len(found)}: {', '.join(names) or 'none was saved'}")
    try:
        picture = read_png(found[0].read_bytes())
    except ValueError as error:
        raise Fail(f"{found[0].name}: {error}") from error
    if (picture.width, picture.height) != SIZE:
        raise Fail("expected {}x{} pixels, got {}x{}".format(*SIZE, picture.width, picture.height))
    expected = tuple(255 - part for part in COLOUR)
    # Numbers are cut, not rounded, on their way from 0..1 to 0..255.
    wrong = [
        colour for colour in picture.colours() if any(abs(a - b) > 1 for a, b in zip(colour, expected, strict=False))
    ]
    if wrong:
        raise Fail(f"expected the colour {expected}, got {', '.join(map(str, sorted(wrong)[:3]))}")
    return str(found[0].relative_to(volume))
