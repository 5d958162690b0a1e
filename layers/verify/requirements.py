"""Requirements are met: those of every distribution, and those that ComfyUI names itself (frontend, templates).

What an override in the lock leaves unmet on purpose is listed with its reason, and only for as long as it is needed.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from environment import Distribution, normalise
from problem import Problem


@dataclass(frozen=True)
class Allowed:
    """A requirement of `distribution` (for ComfyUI: `ComfyUI`), as its metadata has it, that need not be met."""

    distribution: str
    requirement: str
    reason: str


def read_allowed(text: str) -> list[Allowed]:
    """A JSON list."""
    return [Allowed(**entry) for entry in json.loads(text)]


def check_requirements(installed: list[Distribution], allowed: list[Allowed]) -> str:
    """What `pip check` does; raises Problem. This Python has to be the product's."""
    versions = {distribution.name: distribution.version for distribution in installed}
    texts = [(distribution.name, text) for distribution in installed for text in distribution.requires]
    return judge(texts, versions, allowed)


def check_comfyui(requirements: str, installed: list[Distribution], allowed: list[Allowed]) -> str:
    """ComfyUI's requirements.txt against what is installed; raises Problem."""
    versions = {distribution.name: distribution.version for distribution in installed}
    lines = [line.split(" #")[0].strip() for line in requirements.splitlines()]
    texts = [("ComfyUI", line) for line in lines if line and not line.startswith(("#", "-"))]
    return judge(texts, versions, allowed)


def judge(texts: list[tuple[str, str]], versions: dict[str, str], allowed: list[Allowed]) -> str:
    """How many requirements there are; raises Problem for those that are not met, and for exceptions without need."""
    unmet = dict(find_unmet(texts, versions))
    excused = {(normalise(entry.distribution), entry.requirement) for entry in allowed}
    problems = [problem for key, problem in unmet.items() if key not in excused]
    names = {normalise(name) for name, _ in texts}
    problems += [
        f"{name} {text}: is met or gone, so it needs no exception"
        for name, text in sorted(excused - unmet.keys())
        if name in names
    ]
    if problems:
        raise Problem(problems)
    return f"{len(texts)} requirements" + (f", {len(unmet)} of them unmet on purpose" if unmet else "")


def find_unmet(texts: list[tuple[str, str]], versions: dict[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Distribution and requirement, with what is wrong."""
    requirement = requirement_class()
    for name, text in texts:
        wanted = requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = versions.get(normalise(wanted.name))
        if version is None:
            yield (normalise(name), text), f"{name} needs {text}, which is not there"
        elif not wanted.specifier.contains(version, prereleases=True):
            yield (normalise(name), text), f"{name} needs {text}, but {version} is there"


def requirement_class() -> Any:
    """The class that reads requirements; pip carries a copy of it."""
    try:
        return importlib.import_module("packaging.requirements").Requirement
    except ModuleNotFoundError:
        return importlib.import_module("pip._vendor.packaging.requirements").Requirement
