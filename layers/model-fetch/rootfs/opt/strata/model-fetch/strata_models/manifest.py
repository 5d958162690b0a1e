"""The list of models to fetch: entries as locks/models.json has them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .problem import Problem

SHA256 = re.compile(r"[0-9a-f]{64}")
URL = re.compile(r"https?://[^\s/@]+/\S+")


@dataclass(frozen=True)
class Model:
    """One file: where it belongs, where it comes from, and which bytes it has to have."""

    name: str
    # Below the root: `models/vae`.
    folder: str
    url: str
    # Bytes.
    size: int
    # None where nobody has said it, which no manifest leaves out: then the size decides.
    sha256: str | None
    gated: bool = False
    # For messages: who said so, and what helps where it is so no more.
    promise: str = "the lock has"
    remedy: str = "refresh the lock of models"

    @property
    def path(self) -> PurePosixPath:
        """Below the root."""
        return PurePosixPath(self.folder, self.name)


def read_manifest(text: str) -> list[Model]:
    """Raises Problem with everything that is wrong."""
    try:
        entries = json.loads(text)["models"]
        pairs = [(entry, problems_of(entry)) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f'the manifest is not {{"models": […]}} in JSON: {error}') from error
    wrong = [f"{entry.get('name')}: {problem}" for entry, problems in pairs for problem in problems]
    paths = [f"{entry.get('folder')}/{entry.get('name')}" for entry in entries]
    wrong += [f"{path}: is there twice" for path in sorted({path for path in paths if paths.count(path) > 1})]
    if wrong:
        raise Problem("the manifest cannot be used: " + "; ".join(wrong))
    return [
        Model(entry["name"], entry["folder"], entry["url"], entry["size"], entry["sha256"], bool(entry.get("gated")))
        for entry in entries
    ]


def problems_of(entry: dict[str, Any]) -> list[str]:
    """What keeps one entry from being fetched; a path may not lead out of the root, nor an address into an option."""
    checks = {
        "name": is_path(entry.get("name")),
        "folder": is_path(entry.get("folder")),
        "url": isinstance(entry.get("url"), str) and bool(URL.fullmatch(entry["url"])),
        "size": isinstance(entry.get("size"), int) and entry["size"] > 0,
        "sha256": isinstance(entry.get("sha256"), str) and bool(SHA256.fullmatch(entry["sha256"])),
    }
    return [f"{key} is {entry.get(key)!r}" for key, is_right in checks.items() if not is_right]


def is_path(value: object) -> bool:
    """Whether it stays below the folder that it is put in, and can be printed."""
    return (
        isinstance(value, str)
        and bool(value)
        and value.isprintable()
        and "\\" not in value
        and all(part not in ("", ".", "..") for part in value.split("/"))
    )
