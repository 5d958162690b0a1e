"""Finds the checks: files `NN_name.py` with a function `run(check)`.

A check file may also set TITLE (text), DEADLINE (seconds, 60), VENV (True: it runs under the image's own Python,
together with the other checks that say so, so that torch is imported once), NEEDS (a key of the image's description:
for images without it the check does not exist), WITHOUT (the other way round: a key with which it does not exist) and LAST (True: it runs when all others have ended, alone).
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .image import Image

FILE_NAME = re.compile(r"(\d\d)_(\w+)\.py")
DEFAULT_DEADLINE = 60.0


@dataclass(frozen=True)
class CheckFile:
    """A check that was found but not yet loaded. `id` is such as `30-torch`, `number` its `30`."""

    id: str
    number: str
    path: str
    title: str
    deadline: float
    venv: bool
    needs: str | None = None
    without: str | None = None
    last: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the process that runs it."""
        return asdict(self)


def read_settings(path: Path) -> dict[str, Any]:
    """The file's constants, without running it: some checks can only be loaded by the image's own Python."""
    settings: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    settings[target.id] = node.value.value
    return settings


def find_checks(folder: Path) -> list[CheckFile]:
    """All checks, in order."""
    found = []
    for path in sorted(folder.glob("*.py")):
        name = FILE_NAME.fullmatch(path.name)
        if not name:
            continue
        number, word = name.groups()
        settings = read_settings(path)
        found.append(
            CheckFile(
                id=f"{number}-{word.replace('_', '-')}",
                number=number,
                path=str(path),
                title=str(settings.get("TITLE", word)),
                deadline=float(settings.get("DEADLINE", DEFAULT_DEADLINE)),
                venv=bool(settings.get("VENV", False)),
                needs=settings.get("NEEDS"),
                without=settings.get("WITHOUT"),
                last=bool(settings.get("LAST", False)),
            )
        )
    return found


def is_due(check: CheckFile, image: Image) -> bool:
    """Whether there is such a check for this image: one of a part that it does not have does not exist."""
    return bool(not check.needs or image.get(check.needs)) and not (check.without and image.get(check.without))


def choose_checks(checks: list[CheckFile], numbers: list[str]) -> list[CheckFile]:
    """Those in `numbers`; raises ValueError for a number that is not there."""
    known = [check.number for check in checks]
    if unknown := [number for number in numbers if number not in known]:
        raise ValueError(f"no check {', '.join(unknown)}; there are {', '.join(known)}")
    return [check for check in checks if check.number in numbers]


def load_check(check: CheckFile) -> ModuleType:
    """Runs the file's top level and returns it as a module."""
    spec = importlib.util.spec_from_file_location(f"check_{check.number}", check.path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{check.path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and triton look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
