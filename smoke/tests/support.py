"""What the tests share: the library on the path, a folder of checks to run, a check that keeps its results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMOKE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SMOKE))

from lib.check import Check
from lib.discover import find_checks, load_check

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
            timeout=60,
            check=False,
            env=dict(os.environ) | dict(environment or {}),
        )
        evidence = json.loads(self.out.read_text()) if self.out.exists() else None
        return Finished(done.returncode, done.stdout + done.stderr, evidence)


Reports = list[tuple[str, Any]]


def collecting_check(gpu: dict[str, Any] | None = None, require_gpu: bool = False) -> tuple[Check, Reports]:
    """A check and the list of what it reports."""
    reports: Reports = []
    check = Check("99-test", "test", IMAGE, gpu, lambda kind, content: reports.append((kind, content)), require_gpu)
    return check, reports


def load(number: str) -> Any:
    """The module of a real check."""
    (file,) = find_checks(SMOKE / "checks", [number])
    return load_check(file)
