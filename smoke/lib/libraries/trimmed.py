"""Packages that lost GPU code for other cards, and whether they are as their build left them.

The build (layers/shared/trim_gpu_code.py) leaves a notice in the package's metadata, and the new hashes in its RECORD.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

NOTICE = "strata-trimmed.json"


def differences(site_packages: Path, name: str, capabilities: list[str]) -> Iterator[str]:
    """What is wrong with a package that the image calls trimmed."""
    notices = list(site_packages.glob(f"{name.replace('-', '_')}-*.dist-info/{NOTICE}"))
    if len(notices) != 1:
        yield f"{name} has {len(notices)} notices of what was taken out"
        return
    notice = json.loads(notices[0].read_text(encoding="utf-8"))
    if notice["capabilities"] != capabilities:
        yield f"{name} has code for {', '.join(notice['capabilities']) or 'no GPU'} alone"
    record = (notices[0].parent / "RECORD").read_text(encoding="utf-8")
    recorded = {row[0]: row[1] for row in csv.reader(record.splitlines())}
    for path in notice["files"]:
        if hash_of(site_packages / path) != recorded.get(path):
            yield f"{path} is not as {name}'s RECORD has it"


def hash_of(file: Path) -> str | None:
    """As RECORD has it; None for a file that is gone."""
    if not file.is_file():
        return None
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
