"""RunPod's worker: a recorded job goes through RunPod's own SDK to ComfyUI and comes back with its picture."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from lib.check import Check
from lib.comfyui import COLOUR, SIZE, WORKFLOW
from lib.png import read_png
from lib.result import Fail
from lib.services import Services, ask, free_port

TITLE = "RunPod worker"
NEEDS = "runpod"
DEADLINE = 600

START_DEADLINE = 300.0
# A picture of 16 x 12 pixels in COLOUR, as somebody would send it.
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAIAAADkharWAAAAFUlEQVR42mNQcEggCTGMahjVgB0BAD"
    "v3kAH6eyM1AAAAAElFTkSuQmCC"
)
# The workflow of check 70, with that picture instead of the one that it makes.
JOB = {
    "workflow": {**WORKFLOW, "1": {"class_type": "LoadImage", "inputs": {"image": "runpod/picture.png"}}},
    "images": [{"name": "runpod/picture.png", "image": PICTURE}],
}
WRONG = {"workflow": {"1": {"class_type": "NoSuchNode", "inputs": {}}, "2": {"class_type": "SaveImage", "inputs": {}}}}
# Where RunPod is, jobs come from there; the worker is asked directly here.
RUNPOD = ("RUNPOD_WEBHOOK_GET_JOB", "RUNPOD_REALTIME_PORT")


def run(check: Check) -> None:
    """The worker as `docker run -e STRATA_MODE=worker` starts it."""
    with tempfile.TemporaryDirectory(prefix="strata-volume.") as folder:
        services = Services(default_ports=False, llama=False, comfyui=True, volume=Path(folder))
        port = free_port()
        services.environment |= {"STRATA_MODE": "worker", "STRATA_WORKER_PORT": str(port)}
        for name in RUNPOD:
            services.environment.pop(name, None)
        url = f"http://127.0.0.1:{port}"
        with services:
            if start(check, services, url):
                check_jobs(check, services, url)


def start(check: Check, services: Services, url: str) -> bool:
    """Whether the worker came to answer."""
    with check.step("start", "the worker starts beside ComfyUI") as step:
        services.wait(lambda: is_serving(url), START_DEADLINE, "no answer")
    return step.passed


def is_serving(url: str) -> bool:
    """Whether the SDK's copy of RunPod's interface answers."""
    try:
        return ask(f"{url}/openapi.json", timeout=2.0)[0] == 200
    except (OSError, ValueError):
        return False


def check_jobs(check: Check, services: Services, url: str) -> None:
    """A job that can be computed, and one that cannot."""
    with check.step("job", "a recorded job comes back with the picture that it should") as step:
        step.note = compare(submit(url, JOB, services), services)
    with check.step("refusal", "a job with nodes that are not there is refused, by their ids"):
        error = str(submit(url, WRONG, services).get("error"))
        if "workflow.1.class_type" not in error or "NoSuchNode" not in error or "workflow.2" in error:
            raise Fail(f"expected a refusal of node 1 alone, got: {error}", services.log())


def submit(url: str, job: dict[str, Any], services: Services) -> dict[str, Any]:
    """The answer to a job; raises Fail."""
    try:
        status, answer = ask(f"{url}/runsync", {"input": job}, timeout=START_DEADLINE)
    except (OSError, ValueError) as error:
        raise Fail(f"no answer to a job: {error}", services.log()) from error
    if status != 200 or not isinstance(answer, dict):
        raise Fail(f"the worker answered {status}", json.dumps(answer, indent=2))
    return answer


def compare(answer: dict[str, Any], services: Services) -> str:
    """Looks at the one picture in the answer; raises Fail."""
    images = (answer.get("output") or {}).get("images") or []
    if answer.get("status") != "COMPLETED" or len(images) != 1:
        raise Fail(f"expected a picture, got {answer.get('status')}: {answer.get('error')}", services.log())
    try:
        picture = read_png(base64.b64decode(images[0]["data"]))
    except (ValueError, KeyError) as error:
        raise Fail(f"the answer has no picture: {error}") from error
    expected = tuple(255 - part for part in COLOUR)
    colours = picture.colours()
    if (picture.width, picture.height) != SIZE or any(
        abs(a - b) > 1 for colour in colours for a, b in zip(colour, expected, strict=False)
    ):
        found = f"{picture.width}x{picture.height} in {', '.join(map(str, sorted(colours)[:3]))}"
        raise Fail(f"expected {SIZE[0]}x{SIZE[1]} pixels in {expected}, got {found}")
    return str(images[0]["filename"])
