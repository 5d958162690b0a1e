"""What is there: nodes and models. Pure functions and listings of folders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODULE_PREFIX = "custom_nodes."
# Folders of a models folder that are not kinds of models.
NO_MODELS = {"configs"}


@dataclass
class Node:
    """A folder of nodes, from the image or from the volume.

    `status`: `loaded`, `failed` (with `reason` and `traceback`), `hidden` (in the volume, but the image has one of that
    name), `disabled` (in the image, to be switched on by renaming), or `unknown` while ComfyUI does not answer.
    """

    folder: str
    source: str
    status: str = "unknown"
    classes: list[str] = field(default_factory=list)
    reason: str | None = None
    traceback: str | None = None
    repository: str | None = None
    commit: str | None = None
    version: str | None = None
    group: str | None = None
    known_failure: str | None = None


def classes_by_folder(object_info: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of node classes by the folder that they came from; ComfyUI's own are left out."""
    found: dict[str, list[str]] = {}
    for name, description in object_info.items():
        module = str(description.get("python_module", "")) if isinstance(description, dict) else ""
        if module.startswith(MODULE_PREFIX):
            found.setdefault(module.removeprefix(MODULE_PREFIX), []).append(name)
    return {folder: sorted(names) for folder, names in found.items()}


def read_failures(file: Path) -> dict[str, dict[str, str]]:
    """What start_comfyui.py noted about nodes that could not be imported, by their path."""
    failures: dict[str, dict[str, str]] = {}
    with suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                failure = json.loads(line)
                failures[failure["path"]] = failure
    return failures


def list_nodes(folder: Path) -> list[str]:
    """Names of the nodes in a custom_nodes folder: folders and Python files, disabled ones aside."""
    with suppress(OSError):
        return sorted(
            entry.name
            for entry in folder.iterdir()
            if not entry.name.startswith((".", "__"))
            and not entry.name.endswith(".disabled")
            and (entry.is_dir() or entry.suffix == ".py")
        )
    return []


def origin_of(node: Path) -> Mapping[str, Any]:
    """Commit and version of a node of the image, which its build wrote into it."""
    with suppress(OSError, ValueError):
        origin = json.loads((node / "strata-node.json").read_text(encoding="utf-8"))
        if isinstance(origin, dict):
            return origin
    return {}


def describe_nodes(
    listed: Iterable[Mapping[str, Any]],
    folders: Mapping[str, Path],
    hidden: Iterable[str],
    classes: Mapping[str, list[str]] | None,
    failures: Mapping[str, Mapping[str, str]],
) -> list[Node]:
    """Every node: `listed` in the image's description, and those in `folders` (by source: image, volume)."""
    pins = {str(entry["folder"]): entry for entry in listed}
    nodes = []
    for source, folder in folders.items():
        names = list_nodes(folder)
        if source == "image":
            names = sorted({*names, *pins})
        nodes += [
            describe_node(name, source, folder / name, pins if source == "image" else {}, hidden, classes, failures)
            for name in names
        ]
    return nodes


def describe_node(
    name: str,
    source: str,
    path: Path,
    pins: Mapping[str, Mapping[str, Any]],
    hidden: Iterable[str],
    classes: Mapping[str, list[str]] | None,
    failures: Mapping[str, Mapping[str, str]],
) -> Node:
    """One of them."""
    pin = pins.get(name, {})
    origin = origin_of(path) if source == "image" else {}
    node = Node(
        folder=name,
        source=source,
        repository=pin.get("repository"),
        commit=origin.get("commit"),
        version=origin.get("version"),
        group=pin.get("group"),
        known_failure=pin.get("knownFailure"),
    )
    failure = failures.get(str(path))
    if source == "volume" and name in hidden:
        node.status, node.reason = "hidden", "the image brings a node of this name"
    elif not path.exists():
        node.status, node.reason = "failed", f"{path} is not there"
    elif name.endswith(".disabled"):
        node.status = "disabled"
    elif failure:
        node.status, node.reason, node.traceback = "failed", failure["reason"], failure.get("traceback")
    elif classes is not None:
        node.status, node.classes = "loaded", classes.get(path.stem if path.suffix == ".py" else name, [])
    return node


@dataclass
class ModelFile:
    """A file in a model folder: its path below that folder, its size, and when it was changed (seconds since 1970)."""

    name: str
    bytes: int
    modified: float


def model_folders(models: Path, reported: Iterable[Mapping[str, Any]] | None) -> dict[str, list[Path]]:
    """Folders by kind of model, the one for downloads first: as ComfyUI reports them, or else those in the volume.

    ComfyUI keeps a kind's older names too: diffusion_models are also in models/unet.
    """
    if reported is None:
        with suppress(OSError):
            return {
                folder.name: [folder]
                for folder in sorted(models.iterdir())
                if folder.is_dir() and folder.name[0] != "." and folder.name not in NO_MODELS
            }
        return {}
    folders = {}
    for entry in reported:
        name, paths = str(entry["name"]), [Path(path) for path in entry["folders"]]
        folders[name] = sorted(paths, key=lambda path: (not path.is_relative_to(models), path.name != name))
    return folders


def list_models(folder: Path) -> list[ModelFile]:
    """The files in a model folder and below, placeholders and what is still being loaded aside."""
    files = []
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if not hidden and path.is_file() and not path.name.startswith("put_"):
                status = path.stat()
                files.append(ModelFile(str(path.relative_to(folder)), status.st_size, status.st_mtime))
    return files
