"""Loads one file from the hub and prints how it goes, one JSON object a line.

Runs as a process of its own (`python -m strata_studio.fetch`, the order as JSON on stdin), which is ended to stop it.
huggingface_hub finds the file and its hash; the bytes are read here, because its own download begins anew after each
interruption (since 2.0), and models are large. The hub's token comes from the environment (HF_TOKEN).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.utils import build_hf_headers

SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK = 1 << 20
TRIES = 5
PATIENCE = 30.0


class FetchError(Exception):
    """The message says what is wrong, in one line."""


def tell(**content: Any) -> None:
    """One line for the process that waits for it."""
    print(json.dumps(content), flush=True)


def sha256_of(file: Path) -> str:
    """The file's hash."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(order: dict[str, str]) -> None:
    """Leaves the file below `order["staging"]`; raises FetchError and whatever huggingface_hub raises."""
    repository, file = order["repository"], order["file"]
    metadata = get_hf_file_metadata(hf_hub_url(repository, file, revision=order["revision"]))
    # The entity tag of large files is their hash; small ones have git's.
    expected = metadata.etag if metadata.etag and SHA256.fullmatch(metadata.etag) else None
    tell(status="loading", total=metadata.size, sha256=expected, commit=metadata.commit_hash)
    # Another version has another entity tag, so what is there is the beginning of this one.
    name = hashlib.sha256(f"{metadata.commit_hash} {metadata.etag}".encode()).hexdigest()
    loaded = Path(order["staging"], f"{name}.part")
    url = hf_hub_url(repository, file, revision=metadata.commit_hash or order["revision"])
    with httpx.Client(headers=build_hf_headers(), timeout=PATIENCE, follow_redirects=True) as client:
        load(client, url, loaded, metadata.size)
    if expected:
        tell(status="verifying")
        found = sha256_of(loaded)
        if found != expected:
            # Else the next try would find it complete.
            loaded.unlink()
            raise FetchError(f"the sha256 is {found}, the hub says {expected}")
    tell(status="fetched", path=str(loaded))


def load(client: httpx.Client, url: str, file: Path, size: int | None) -> None:
    """Appends to `file` what it still lacks; a lost connection is taken up again. Raises FetchError, httpx's errors."""
    for attempt in range(TRIES):
        file.touch()
        if file.stat().st_size == size:
            return
        try:
            append(client, url, file)
            if size is None or file.stat().st_size == size:
                return
        except httpx.TransportError:
            if attempt == TRIES - 1:
                raise
            time.sleep(attempt)
    raise FetchError(f"{file.stat().st_size} bytes arrived, {size} were announced")


def append(client: httpx.Client, url: str, file: Path) -> None:
    """One try: the rest of the file, or all of it from a server that does not know ranges."""
    start = file.stat().st_size
    # Compressed on the way, its bytes could not be counted.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        partial = response.status_code == httpx.codes.PARTIAL_CONTENT
        with file.open("ab" if partial else "wb") as stream:
            for chunk in response.iter_raw(CHUNK):
                stream.write(chunk)


def explain(error: Exception) -> str:
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
    token = os.environ.get("HF_TOKEN")
    return text.replace(token, "<hidden>") if token else text


def main() -> int:
    """Reads the order from stdin."""
    try:
        fetch(json.load(sys.stdin))
    except Exception as error:  # noqa: BLE001 - the hub's client raises its own, httpx's and the system's errors
        tell(status="failed", reason=explain(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
