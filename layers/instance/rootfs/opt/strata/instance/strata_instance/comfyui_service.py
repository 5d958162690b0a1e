"""Starts ComfyUI: from the workspace, or from the image where the workspace cannot have its code.

COMFYUI_ARGS come after the image's own arguments: of an option that is given twice the last one counts.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preparation import environment, manager, options
from preparation.nodes import list_nodes

from .portal_config import read_applications
from .shells import OF_THE_LOGIN
from .words import STATE, read_deaths, read_json, say, write_whole

PYTHON = "/opt/venv/bin/python"
VENV_CONFIGURATION = Path("/opt/venv/pyvenv.cfg")
IMAGE = Path("/opt/strata/image.json")
INTERNAL = Path("/opt/workspace-internal/ComfyUI")
PROVISIONING = Path("/.provisioning")
VARIABLE = "COMFYUI_ARGS"
PORT = "18188"
# Beside the login's: who has it may stop the instance.
WITHHELD = OF_THE_LOGIN | {"CONTAINER_API_KEY"}
# So many ends of its own within so many seconds are a loop; the next starts wait, so that they flood no log.
DEATHS, SPAN, PAUSE = 4, 600.0, 60.0


def arguments(given: list[str], no_gpu: str | None, elsewhere: list[str]) -> list[str]:
    """The whole command line after main.py."""
    names = {options.option_name(argument) for argument in given}
    return [
        *("--listen", "127.0.0.1", "--port", PORT, "--disable-auto-launch"),
        *(["--cpu"] if no_gpu and not names & options.DEVICE_OPTIONS else []),
        *elsewhere,
        *given,
    ]


def value_of(given: list[str], name: str) -> str | None:
    """An option's value, the last one's."""
    found = None
    for index, argument in enumerate(given):
        if argument == name and index + 1 < len(given):
            found = given[index + 1]
        elif argument.startswith(f"{name}="):
            found = argument.partition("=")[2]
    return found


def user_files(code: Path, volume: Path, state: Path) -> list[str]:
    """Arguments by which a ComfyUI of the image finds models and nodes of a workspace that it does not run from."""
    if code == volume or not volume.is_dir():
        return []
    nodes = state / "custom_nodes"
    nodes.mkdir(parents=True, exist_ok=True)
    for link in nodes.iterdir():
        link.unlink()
    there = volume / "custom_nodes"
    for name in set(list_nodes(there)) - set(list_nodes(code / "custom_nodes")):
        (nodes / name).symlink_to(there / name)
    models = volume / "models"
    listed: dict[str, Any] = {"custom_nodes": str(nodes)}
    if models.is_dir():
        listed |= {folder.name: str(folder) for folder in sorted(models.iterdir()) if folder.is_dir()}
    # JSON is YAML, too.
    file = state / "model_paths.yaml"
    write_whole(file, json.dumps({"workspace": listed}, indent=2))
    return ["--extra-model-paths-config", str(file)]


def comfyui_variables(given: Mapping[str, str], code: Path, image: Mapping[str, Any]) -> dict[str, str]:
    """Its environment. Packages for it go to the workspace and outlive the container, where they can be written."""
    kept = {name: value for name, value in given.items() if name not in WITHHELD}
    wanted = {"COMFYUI_PATH": str(code), "GIT_TERMINAL_PROMPT": "0"}
    packages = Path(given.get("WORKSPACE", "/workspace")) / ".strata"
    if environment.sees_user_packages(VENV_CONFIGURATION) and os.access(packages.parent, os.W_OK):
        version = Path(os.path.realpath(PYTHON)).name.removeprefix("python")
        wanted |= environment.package_settings(packages, version, str(image.get("torch") or "none"))
    return {**wanted, **kept}


def wait_for_provisioning(mark: Path = PROVISIONING) -> None:
    """It may bring nodes, and what they import."""
    if mark.exists():
        say("ComfyUI starts when the provisioning script has ended.")
    while mark.exists():
        time.sleep(1)


def pause_in_loop(deaths: list[float], clock: float) -> float:
    """Seconds that this start should wait. Who restarts it himself waits for nothing."""
    recent = [each for each in deaths if 0 <= clock - each < SPAN]
    return PAUSE if len(recent) >= DEATHS else 0.0


def check_port(given: list[str]) -> str | None:
    """What is wrong where the portal looks elsewhere."""
    port = value_of(given, "--port")
    expected = read_applications().get("ComfyUI", {}).get("internal_port")
    if port is not None and expected is not None and port != str(expected):
        return (
            f"{VARIABLE} sets port {port}, but /etc/portal.yaml has ComfyUI on {expected}: the portal does not find it."
        )
    return None


def main(_: list[str]) -> int:
    """Becomes ComfyUI."""
    try:
        given = shlex.split(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        say(f"{VARIABLE}: {error}. Close the quotation.")
        return 1
    wait_for_provisioning()
    if seconds := pause_in_loop(read_deaths(STATE, "comfyui"), time.time()):
        say(f"ComfyUI died {DEATHS} times within {SPAN / 60:.0f} minutes; this start waits {seconds:.0f} s.")
        time.sleep(seconds)
    found = read_json(STATE / "workspace.json") or {}
    code = Path(found.get("comfyui") or os.path.realpath(INTERNAL))
    no_gpu = options.why_no_gpu(os.environ)
    if problem := check_port(given):
        say(problem)
    line = arguments(
        given, no_gpu, user_files(code, Path(os.environ.get("WORKSPACE", "/workspace")) / "ComfyUI", STATE)
    )
    if no_gpu and "--cpu" in line:
        say(f"ComfyUI computes on the CPU: {no_gpu}.")
    if untold := manager.write_settings(code, code):
        say(untold)
    os.chdir(code)
    os.execve(PYTHON, [PYTHON, "main.py", *line], comfyui_variables(os.environ, code, read_json(IMAGE) or {}))
