"""What a workflow left: its files, inline or in the storage, and its values."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import mimetypes
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
from strata_backend.llama import describe as describe_error

from strata_studio.comfyui import ComfyuiClient, ComfyuiError
from strata_studio.progress import Event, events_of_history

from .failure import JobFailure
from .store import Store, StoreError
from .waiting import in_thread

# What RunPod takes as an answer, https://docs.runpod.io/serverless/endpoints/operation-reference, without its own part.
ENVELOPE = 100_000
ASYNC_LIMIT, SYNC_LIMIT = 10_000_000 - ENVELOPE, 20_000_000 - ENVELOPE
KINDS = {"image": "images", "video": "videos", "audio": "audio"}
# What Python does not know, or on some machines alone.
MEDIA_TYPES = {
    ".avif": "image/avif",
    ".exr": "image/x-exr",
    ".webp": "image/webp",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/opus",
    ".wav": "audio/wav",
    ".glb": "model/gltf-binary",
}
Content = dict[str, Any]


@dataclass(frozen=True)
class ResultFile:
    """A file that a node wrote. `folder` is ComfyUI's `type`: output or temp."""

    node: str
    filename: str
    subfolder: str
    folder: str

    @property
    def name(self) -> str:
        """Below its folder."""
        return str(PurePosixPath(self.subfolder, self.filename))

    @property
    def media_type(self) -> str:
        """By the ending of its name."""
        suffix = PurePosixPath(self.filename).suffix.lower()
        return MEDIA_TYPES.get(suffix) or mimetypes.guess_type(self.filename)[0] or "application/octet-stream"

    @property
    def kind(self) -> str:
        """The part of the answer that it belongs to."""
        return KINDS.get(self.media_type.split("/", 1)[0], "files")

    @property
    def parameters(self) -> dict[str, str]:
        """What ComfyUI's `/view` asks for."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.folder}


@dataclass(frozen=True)
class Results:
    """In the order of ComfyUI's history. `left_out`: temporary files that nobody asked for."""

    files: list[ResultFile]
    values: dict[str, Any]
    left_out: list[ResultFile]


def read_results(entry: Mapping[str, Any], workflow: Mapping[str, Any], temporary: bool) -> Results:
    """From an entry of ComfyUI's history."""
    outputs = [event for event in events_of_history(entry, workflow) if event["type"] == "output"]
    found = named_files(outputs)
    wanted = {"output", "temp"} if temporary else {"output"}
    values = {output["node"]: output["values"] for output in outputs if output["values"]}
    return Results(
        [file for file in found if file.folder in wanted],
        values,
        [file for file in found if file.folder == "temp" and not temporary],
    )


def named_files(events: Iterable[Event]) -> list[ResultFile]:
    """The files that events name, each once: two keys of one node may name one."""
    return list(
        dict.fromkeys(
            ResultFile(event["node"], file["filename"], file["subfolder"], file["type"])
            for event in events
            if event["type"] == "output"
            for file in event["files"]
        )
    )


def limit_for(job: str, configured: int | None) -> int:
    """Bytes of an answer. RunPod's ids tell how the job was sent."""
    return configured or (SYNC_LIMIT if job.startswith("sync-") else ASYNC_LIMIT)


class Gone(Exception):
    """A file is not there, although ComfyUI names it: its cache remembers it."""


@asynccontextmanager
async def opened(client: ComfyuiClient, file: ResultFile) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[bytes]]]:
    """A file's answer, closed at the end; raises Gone, ComfyuiError."""
    response, content = await client.view(file.parameters)
    try:
        if response.status_code == httpx.codes.NOT_FOUND:
            raise Gone(file.name)
        if not response.is_success:
            raise ComfyuiError(f"ComfyUI answered {response.status_code} for {file.name}")
        yield response, content
    except httpx.HTTPError as error:
        raise ComfyuiError(f"ComfyUI broke off {file.name}: {describe_error(error)}") from error
    finally:
        await response.aclose()


def describe(file: ResultFile, content: Content) -> Content:
    """An entry of the answer."""
    return {"filename": file.name, "node": file.node, "media_type": file.media_type, **content}


async def inline(client: ComfyuiClient, results: Results, limit: int) -> list[Content]:
    """Every file as base64; raises JobFailure where they are too large, before they are loaded; Gone."""
    sizes = {}
    for file in results.files:
        async with opened(client, file) as (response, _):
            sizes[file] = int(response.headers.get("Content-Length", 0))
    values = len(json.dumps(results.values))
    total = values + sum(4 * ((size + 2) // 3) + 300 for size in sizes.values())
    if total > limit:
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
        shown = ", ".join(f"{file.name} {size / 1e6:.1f} MB" for file, size in largest)
        raise JobFailure(
            f"The results have {total / 1e6:.1f} MB as text, more than the {limit / 1e6:.1f} MB that RunPod takes in an"
            f" answer ({shown}). Give the endpoint a storage (BUCKET_NAME and the like), send the job with /runsync,"
            " which takes 20 MB where /run takes 10, or have the workflow write less."
        )
    entries = []
    for file in results.files:
        async with opened(client, file) as (_, content):
            data = b"".join([chunk async for chunk in content])
        text = base64.b64encode(data).decode()
        digest = hashlib.sha256(data).hexdigest()
        entries.append(describe(file, {"type": "base64", "data": text, "bytes": len(data), "sha256": digest}))
    return entries


async def stored(client: ComfyuiClient, results: Results, store: Store, job: str) -> list[Content]:
    """Every file as an address in the storage; raises JobFailure, Gone."""
    entries = []
    with tempfile.TemporaryDirectory(prefix="strata-results.") as folder:
        for file in results.files:
            path = Path(folder, "file")
            try:
                digest = await write(client, file, path)
            except OSError as error:
                place = Path(folder).parent
                raise JobFailure(
                    f"{file.name} cannot be kept in {place} until it is stored: {error.strerror}."
                ) from error
            try:
                url = await in_thread(store.put, path, store.key(job, file.name), file.media_type)
            except StoreError as error:
                raise JobFailure(str(error)) from error
            told = {"type": "s3_url", "data": url, "bytes": path.stat().st_size, "sha256": digest}
            entries.append(describe(file, told))
    return entries


async def write(client: ComfyuiClient, file: ResultFile, path: Path) -> str:
    """Copies a file of ComfyUI's; returns its sha256. Raises OSError, Gone."""
    digest = hashlib.sha256()
    with await asyncio.to_thread(path.open, "wb") as stream:
        async with opened(client, file) as (_, content):
            async for chunk in content:
                digest.update(chunk)
                await asyncio.to_thread(stream.write, chunk)
    return digest.hexdigest()


def arrange(results: Results, entries: Iterable[Content]) -> Content:
    """The answer: files by kind, values by node, and what a person should know."""
    answer: Content = {"images": [], "videos": [], "audio": [], "files": []}
    for file, entry in zip(results.files, entries, strict=True):
        answer[file.kind].append(entry)
    if results.values:
        answer["values"] = results.values
    if results.left_out:
        names = ", ".join(file.name for file in results.left_out)
        answer["warnings"] = [f'left out, as they are temporary (options: {{"temporary": true}}): {names}']
    elif not results.files and not results.values:
        answer["warnings"] = ["the workflow ended without results"]
    return answer
