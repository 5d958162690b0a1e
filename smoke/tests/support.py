"""What the tests share: the library on the path, a folder of checks to run, a check that keeps its results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

SMOKE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SMOKE))

from lib import services
from lib.check import Check
from lib.discover import choose_checks, find_checks, load_check
from lib.process import adopt_orphans, kill_descendants

IMAGE: dict[str, Any] = {
    "recipe": "starter",
    "generation": "ada",
    "computeCapabilities": ["8.9"],
    "minimumDriver": "580.65.06",
    "cuda": "13.0",
    "torch": "2.12.0",
    "attention": ["triton"],
    "llama": {"version": "b8505", "cuda": False},
}


GPU: dict[str, Any] = {
    "name": "NVIDIA L4",
    "computeCapability": "8.9",
    "driver": "595.64",
    "memoryBytes": 23 * 2**30,
}


@dataclass
class Finished:
    """A run that ended: its exit status, what it printed and the evidence, None if there is none."""

    status: int
    printed: str
    evidence: dict[str, Any] | None

    def checks(self) -> dict[str, dict[str, Any]]:
        """The results by id."""
        assert self.evidence is not None, self.printed
        return {check["id"]: check for check in self.evidence["checks"]}


class Playground:
    """A folder with checks, an image description and a place for evidence."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name)
        self.out = self.path / "evidence.json"
        self.image = self.path / "image.json"
        self.image.write_text(json.dumps(IMAGE))

    def close(self) -> None:
        """Removes the folder."""
        self._folder.cleanup()

    def write(self, name: str, source: str) -> None:
        """Adds a check file."""
        (self.path / name).write_text(textwrap.dedent(source))

    def command(self, *arguments: str) -> list[str]:
        """The command line of a run over this folder."""
        options = {"--out": self.out, "--folder": self.path, "--image": self.image, "--venv-python": sys.executable}
        settings = [str(part) for option in options.items() for part in option]
        return [sys.executable, str(SMOKE / "run.py"), *settings, *arguments]

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Finished:
        """Runs the checks in a process of its own."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            env=dict(os.environ) | dict(environment or {}),
        )
        evidence = json.loads(self.out.read_text()) if self.out.exists() else None
        return Finished(done.returncode, done.stdout + done.stderr, evidence)


Reports = list[tuple[str, Any]]


def collecting_check(
    gpu: dict[str, Any] | None = None, require_gpu: bool = False, image: dict[str, Any] = IMAGE
) -> tuple[Check, Reports]:
    """A check and the list of what it reports."""
    reports: Reports = []
    check = Check("99-test", "test", image, gpu, lambda kind, content: reports.append((kind, content)), require_gpu)
    return check, reports


def load(number: str) -> Any:
    """The module of a real check."""
    (file,) = choose_checks(find_checks(SMOKE / "checks"), [number])
    return load_check(file)


# Of seconds, for what comes for sure, however busy the machine is.
PATIENCE = 120.0
DEADLINES = (
    *("START_DEADLINE", "RESTART_DEADLINE", "STOP_DEADLINE", "LOG_DEADLINE", "WORKFLOW_DEADLINE"),
    *("OWN_WORKFLOW_DEADLINE", "FREE_DEADLINE", "CLOSED_DEADLINE", "GRACE"),
)
# What a fault keeps from ever coming is not waited for that long.
HURRY: dict[str, dict[str, float]] = {
    "sick": {"START_DEADLINE": 5.0},
    "no-door": {"START_DEADLINE": 3.0},
    "no-comfyui": {"START_DEADLINE": 5.0},
    "stays-dead": {"RESTART_DEADLINE": 1.0},
    "deaf": {"STOP_DEADLINE": 2.0, "GRACE": 0.3},
    "leftover": {"GRACE": 0.3},
    "leaves-comfyui": {"GRACE": 0.3},
    "no-list": {"LOG_DEADLINE": 0.5},
    "hangs": {"WORKFLOW_DEADLINE": 0.5},
    "keeps-memory": {"FREE_DEADLINE": 0.5},
    "any-volume": {"CLOSED_DEADLINE": 2.0},
}
SCRIPTS = {
    "entrypoint": "fake_services.py",
    "llama-server": "fake_services.py",
    "healthcheck": "fake_services.py",
    "comfyui": "fake_comfyui.py",
}


class ServicesTestCase(unittest.TestCase):
    """Runs real checks on the services of tests/fake_services.py."""

    def setUp(self) -> None:
        adopt_orphans()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(kill_descendants, os.getpid())
        self.folder = Path(folder.name)
        self.mounted: Path | None = self.folder
        for name, source in SCRIPTS.items():
            script = self.folder / name
            script.write_text(f"#!{sys.executable}\n{Path(__file__).with_name(source).read_text()}")
            script.chmod(0o755)
        patch = mock.patch.object(services, "ENTRYPOINT", self.folder / "entrypoint")
        patch.start()
        self.addCleanup(patch.stop)

    def run_check(
        self,
        number: str,
        fault: str,
        image: dict[str, Any] = IMAGE,
        environment: Mapping[str, str] | None = None,
        without: tuple[str, ...] = (),
        gpu: dict[str, Any] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The results of a real check on services with a fault; functions in `without` do nothing."""
        module = load(number)
        for name in DEADLINES:
            if hasattr(module, name):
                setattr(module, name, HURRY.get(fault, {}).get(name, PATIENCE))
        for name in without:
            setattr(module, name, mock.Mock())
        if hasattr(module, "HEALTHCHECK"):
            module.HEALTHCHECK = self.folder / "healthcheck"
        if hasattr(module, "mounted_volume"):
            module.mounted_volume = lambda: self.mounted
        check, reports = collecting_check(gpu, gpu is not None, image)
        settings = {
            "FAULT": fault,
            "FAKE_IMAGE": json.dumps(image),
            "FAKE_GPU": json.dumps(gpu),
            "FAKE_DEVICE": "cuda" if gpu else "cpu",
        }
        with mock.patch.dict(os.environ, settings | dict(environment or {})):
            module.run(check)
        self.measured = {content[0]: content[1] for kind, content in reports if kind == "measurement"}
        return {content["id"].split(".")[1]: content for kind, content in reports if kind == "result"}

    def not_passed(
        self, number: str, fault: str, image: dict[str, Any] = IMAGE, gpu: dict[str, Any] | None = None
    ) -> dict[str, str]:
        """Reason by step of what did not pass."""
        results = self.run_check(number, fault, image, gpu=gpu)
        return {name: result["reason"] for name, result in results.items() if result["status"] != "pass"}
