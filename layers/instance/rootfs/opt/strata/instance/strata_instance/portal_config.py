"""The applications of an instance: PORTAL_CONFIG, fitted to how the container was started, as /etc/portal.yaml.

`hostname:external:internal:path:label`, divided by `|`. A file that has applications already counts instead: people edit it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .launch import is_on_vast, launch_mode
from .words import is_true, say, write_whole

FILE = Path("/etc/portal.yaml")
JUPYTER = "localhost:8080:18080:/:Jupyter|localhost:8080:8080:/terminals/1:Jupyter Terminal"
DEFAULT = (
    "localhost:1111:11111:/:Instance Portal|localhost:8188:18188:/:ComfyUI"
    f"|{JUPYTER}|localhost:6006:16006:/:Tensorboard"
)
JUPYTER_PORTS = (8080, 18080)
LARGEST = 65535
PATIENCE = 120.0


@dataclass(frozen=True)
class Application:
    """One entry."""

    hostname: str
    external: int
    internal: int
    path: str
    label: str

    def is_jupyter(self) -> bool:
        """By its port, whatever its name is."""
        return self.external == JUPYTER_PORTS[0]


def parse(text: str, variables: Mapping[str, str]) -> tuple[list[Application], list[str]]:
    """The applications, and what is wrong with other entries."""
    found: list[Application] = []
    problems = []
    for entry in filter(None, (part.strip() for part in text.split("|"))):
        application = parse_entry(entry, variables)
        if application is None:
            problems.append(f'PORTAL_CONFIG: "{entry}" is not hostname:external:internal:path:label, and left out.')
        elif any(application.label == other.label for other in found):
            problems.append(f'PORTAL_CONFIG: "{application.label}" is there twice; the first counts.')
        else:
            found.append(application)
    return found, problems


def parse_entry(entry: str, variables: Mapping[str, str]) -> Application | None:
    """None for what is no entry."""
    parts = entry.split(":", 4)
    if len(parts) < 5 or not parts[0] or not parts[4].strip():
        return None
    external, internal = (read_port(text, variables) for text in parts[1:3])
    if external is None or internal is None:
        return None
    return Application(parts[0], external, internal, parts[3] or "/", parts[4].strip())


def read_port(text: str, variables: Mapping[str, str]) -> int | None:
    """A number above all ports stands for one that vast.ai chooses, equal inside and outside."""
    if not text.isdecimal():
        return None
    if int(text) > LARGEST:
        text = variables.get(f"VAST_TCP_PORT_{text}", "")
    return int(text) if text.isdecimal() and 0 < int(text) <= LARGEST else None


def adapt(applications: Iterable[Application], mode: str, variables: Mapping[str, str]) -> list[Application]:
    """Jupyter is the platform's own in mode `jupyter`, nobody's in mode `ssh` and where its port is closed, else ours."""
    adapted = list(applications)
    if is_true(variables, "JUPYTER_OVERRIDE"):
        return with_jupyter(adapted)
    if mode == "jupyter":
        outside, inside = JUPYTER_PORTS
        return [
            dataclasses.replace(each, internal=outside) if (each.external, each.internal) == (outside, inside) else each
            for each in adapted
        ]
    if mode == "ssh" or (is_on_vast(variables) and "VAST_TCP_PORT_8080" not in variables):
        return [each for each in adapted if not each.is_jupyter()]
    return with_jupyter(adapted) if is_true(variables, "FORCE_JUPYTER", True) else adapted


def with_jupyter(applications: list[Application]) -> list[Application]:
    """Adds Jupyter's entries where there are none."""
    if any(each.is_jupyter() for each in applications):
        return applications
    return applications + parse(JUPYTER, {})[0]


def to_yaml(applications: Iterable[Application]) -> str:
    """The file. Strings in quotes, as JSON has them: YAML reads a bare `no` as false."""
    lines = ["applications:"]
    for each in applications:
        lines.append(f"  {json.dumps(each.label)}:")
        lines.append(f"    hostname: {json.dumps(each.hostname)}")
        lines.append(f"    external_port: {each.external}")
        lines.append(f"    internal_port: {each.internal}")
        lines.append(f"    open_path: {json.dumps(each.path)}")
        lines.append(f"    name: {json.dumps(each.label)}")
    return "\n".join(lines if len(lines) > 1 else ["applications: {}"]) + "\n"


def read_applications(file: Path = FILE) -> dict[str, Any]:
    """By label; empty where the file has none, or cannot be read as such."""
    with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        applications = content.get("applications") if isinstance(content, dict) else None
        if isinstance(applications, dict):
            return applications
    return {}


def main(_: list[str]) -> int:
    """For boot 10."""
    if read_applications():
        return 0
    applications, problems = parse(os.environ.get("PORTAL_CONFIG") or DEFAULT, os.environ)
    for problem in problems:
        say(problem)
    if not applications:
        say("PORTAL_CONFIG names no application: the usual ones are taken.")
        applications, _ = parse(DEFAULT, os.environ)
    write_whole(FILE, to_yaml(adapt(applications, launch_mode(), os.environ)))
    return 1 if problems else 0


def is_platforms(application: Any, mode: str) -> bool:
    """Whether it is the Jupyter that vast.ai runs itself in mode `jupyter`, at the port outside."""
    port = JUPYTER_PORTS[0]
    ports = isinstance(application, dict) and {application.get(f"{side}_port") for side in ("external", "internal")}
    return mode == "jupyter" and ports == {port}


def has_application(labels: list[str]) -> int:
    """Whether one of them is there, for a service of the image; waits for a file that is not written yet."""
    last = time.monotonic() + PATIENCE
    while not FILE.exists() and time.monotonic() < last:
        time.sleep(1)
    found = read_applications()
    mode = launch_mode()
    return 0 if any(label in found and not is_platforms(found[label], mode) for label in labels) else 1
