"""Carries out one order of a file of the hub and prints how it goes, one JSON object a line.

Runs as a process of its own (`python -m strata_studio.from_hub`, the order as JSON on stdin), which SIGTERM stops.
huggingface_hub finds the file and its hash; `strata_models` (the stage model-fetch) brings it, as it brings every model.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

from strata_models.access import SECRETS, Access, read_token
from strata_models.fetch import Settings, end_on_sigterm, fetch_all
from strata_models.manifest import Model
from strata_models.problem import Problem

SHA256 = re.compile(r"[0-9a-f]{64}")
# Somebody waits for an answer; the same order again goes on where it stopped.
TRIES = 5
INTERVAL = 0.5


def tell(**content: Any) -> None:
    """One line for the process that waits for it."""
    print(json.dumps(content), flush=True)


class Messages:
    """What the fetcher reports, for the service; what is for people goes to the container's log."""

    def __init__(self) -> None:
        self._told = 0.0

    def say(self, text: str) -> None:
        """A line of the log."""
        print(f"strata: {text}", file=sys.stderr, flush=True)

    def begin(self, model: Model, place: str) -> None:
        """There is one model alone."""

    def waiting(self) -> None:
        """For an older process of the same order."""

    def arrived(self, count: int) -> None:
        """Twice a second at most. After wrong bytes it begins anew."""
        if time.monotonic() - self._told >= INTERVAL:
            self._told = time.monotonic()
            tell(status="loading", loaded=count)

    def verifying(self) -> None:
        """All bytes are there."""
        tell(status="verifying")


def find(order: dict[str, str], token: str | None) -> Model:
    """Where the file is and which bytes it has; raises Problem and whatever huggingface_hub raises."""
    repository, file = order["repository"], order["file"]
    metadata = get_hf_file_metadata(hf_hub_url(repository, file, revision=order["revision"]), token=token)
    # The entity tag of large files is their hash; small ones have git's.
    sha256 = metadata.etag if metadata.etag and SHA256.fullmatch(metadata.etag) else None
    tell(status="loading", total=metadata.size, sha256=sha256, commit=metadata.commit_hash)
    if metadata.size is None:
        raise Problem("the hub does not say how large it is")
    url = hf_hub_url(repository, file, revision=metadata.commit_hash or order["revision"])
    name = Path(order["destination"]).name
    return Model(name, ".", url, metadata.size, sha256, promise="the hub says", remedy="order it once more")


def fetch(order: dict[str, str], token: str | None) -> None:
    """Leaves the file where the order says; raises Problem, OSError and whatever huggingface_hub raises."""
    model = find(order, token)
    settings = Settings(Path(order["destination"]).parent, Path(order["staging"]), tries=TRIES)
    for problem in fetch_all([model], settings, Access({**os.environ, "HF_TOKEN": token or ""}), Messages()):
        raise Problem(problem)
    tell(status="done", loaded=model.size)


def explain(error: Exception, token: str | None) -> str:
    """What went wrong, in one line and with the remedy where there is one."""
    kind = type(error).__name__
    first = next(iter(str(error).strip().splitlines()), "") or kind
    remedy = {
        "GatedRepoError": "its owner gives access on the hub; then set HF_TOKEN",
        "RepositoryNotFoundError": "there is no such repository, or HF_TOKEN may not read it",
        "RevisionNotFoundError": "there is no such revision",
        "EntryNotFoundError": "there is no such file in the repository",
        "RemoteEntryNotFoundError": "there is no such file in the repository",
        "LocalEntryNotFoundError": "the hub cannot be reached",
    }.get(kind)
    text = f"{remedy} ({first})" if remedy else first
    return text.replace(token, "<hidden>") if token else text


def main() -> int:
    """Reads the order from stdin."""
    end_on_sigterm()
    # As the fetcher finds it, or where the hub's own tools have left one.
    token = read_token("HF_TOKEN", os.environ, SECRETS) or get_token()
    try:
        fetch(json.load(sys.stdin), token)
    except Exception as error:  # noqa: BLE001 - the hub's client raises its own, httpx's and the system's errors
        tell(status="failed", reason=explain(error, token))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
