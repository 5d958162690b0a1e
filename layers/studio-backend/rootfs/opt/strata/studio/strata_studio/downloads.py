"""Downloads of models from the hub into the volume."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

PACKAGE_FOLDER = Path(__file__).parent
# Below the volume's models folder, so that the last step is a rename; ComfyUI lists no such folder.
STAGING = ".downloads"
POLL = 0.5
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}")
UNFINISHED = {"queued", "loading", "verifying"}


class OrderError(Exception):
    """The order cannot be carried out; the message says why. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Order:
    """A file of a repository, and the folder it goes to."""

    repository: str
    file: str
    revision: str
    folder: str
    destination: Path

    @property
    def id(self) -> str:
        """The same for the same order, so that a repeated one finds what is there."""
        text = "\n".join((self.repository, self.file, self.revision, str(self.destination)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Download:
    """An order and how far it is. `status`: queued, loading, verifying, done, failed, cancelled."""

    order: Order
    status: str = "queued"
    loaded: int = 0
    total: int | None = None
    sha256: str | None = None
    commit: str | None = None
    reason: str | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


def make_order(
    repository: str, file: str, revision: str | None, folder: str, folders: dict[str, list[Path]], models: Path
) -> Order:
    """Checks each part, so that nothing is written outside the volume's model folders; raises OrderError."""
    if not REPOSITORY.fullmatch(repository) or ".." in repository:
        raise OrderError(f'repository: expected "owner/name", got "{repository}"')
    path = PurePosixPath(file)
    if path.is_absolute() or not path.name or any(part.startswith(".") for part in path.parts) or "\\" in file:
        raise OrderError(f'file: expected a path inside the repository, got "{file}"')
    if not file.isprintable():
        raise OrderError("file: has characters that cannot be printed")
    if revision is not None and (not REVISION.fullmatch(revision) or ".." in revision):
        raise OrderError(f'revision: expected a branch, tag or commit, got "{revision}"')
    if folder not in folders:
        raise OrderError(f'folder: expected one of {", ".join(sorted(folders))}, got "{folder}"')
    target = folders[folder][0]
    if not target.is_relative_to(models) or ".." in target.parts:
        raise OrderError(f"folder: {target} is not in the volume")
    return Order(repository, file, revision or "main", folder, target / path.name)


def bytes_in(folder: Path) -> int:
    """What has arrived in a staging folder."""
    total = 0
    for path in folder.glob("*.part"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def move_into_place(file: Path, destination: Path) -> None:
    """Renames; where the model folder is a file system of its own, copies under a name that ComfyUI does not list."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(destination)
    except OSError:
        draft = destination.with_name(f"{destination.name}.part")
        shutil.copyfile(file, draft)
        draft.replace(destination)


class Downloads:
    """All orders since the service started. What a service that died had loaded is found again by the same order."""

    def __init__(self, models: Path, at_once: int) -> None:
        self._staging = models / STAGING
        self._slots = asyncio.Semaphore(at_once)
        self._known: dict[str, Download] = {}

    def all(self) -> list[Download]:
        """In the order in which they were asked for."""
        return list(self._known.values())

    def get(self, identity: str) -> Download | None:
        """The download of that id."""
        return self._known.get(identity)

    def start(self, order: Order, overwrite: bool) -> Download:
        """Begins, or goes on with one that failed or was cancelled; raises OrderError for a file that is there."""
        current = self._known.get(order.id)
        if current and current.status in UNFINISHED:
            return current
        if any(other.order.destination == order.destination for other in self.all() if other.status in UNFINISHED):
            raise OrderError(f"another download writes {order.destination.name}", 409)
        if order.destination.exists() and not overwrite:
            raise OrderError(f"{order.folder}/{order.destination.name} is there already", 409)
        download = Download(order)
        self._known[order.id] = download
        download.task = asyncio.create_task(self._run(download))
        return download

    async def cancel(self, download: Download) -> None:
        """Stops it; what was loaded stays for the next try."""
        if download.task and not download.task.done():
            download.task.cancel()
            with suppress(asyncio.CancelledError):
                await download.task

    async def close(self) -> None:
        """Stops all."""
        for download in self.all():
            await self.cancel(download)

    async def _run(self, download: Download) -> None:
        try:
            async with self._slots:
                await self._load(download)
        except asyncio.CancelledError:
            download.status = "cancelled"
            raise
        except (OSError, ValueError) as error:
            download.status, download.reason = "failed", str(error)

    async def _load(self, download: Download) -> None:
        order, staging = download.order, self._staging / download.order.id
        staging.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"{__package__}.fetch"),
            cwd=PACKAGE_FOLDER.parent,
            # Progress bars are for people.
            env={**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        watcher = asyncio.create_task(self._watch(download, staging))
        try:
            assert process.stdin and process.stdout
            text = {"repository": order.repository, "file": order.file, "revision": order.revision}
            process.stdin.write(json.dumps({**text, "staging": str(staging)}).encode())
            process.stdin.close()
            while line := await process.stdout.readline():
                await self._hear(download, staging, json.loads(line))
            await process.wait()
            if download.status in UNFINISHED:
                raise OSError(f"the download ended with exit status {process.returncode}")
        finally:
            watcher.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _hear(self, download: Download, staging: Path, message: dict[str, Any]) -> None:
        """Takes over what fetch.py says, and ends it where the volume has no room."""
        if message["status"] == "fetched":
            await asyncio.to_thread(move_into_place, Path(message["path"]), download.order.destination)
            await asyncio.to_thread(shutil.rmtree, staging, True)
            download.loaded = download.order.destination.stat().st_size
            download.status = "done"
            return
        download.status, download.reason = message["status"], message.get("reason")
        if message["status"] == "loading":
            download.total, download.sha256 = message["total"], message["sha256"]
            download.commit = message["commit"]
            missing = (download.total or 0) - bytes_in(staging)
            if missing > (free := shutil.disk_usage(staging).free):
                raise OSError(f"the volume has {free} bytes free, {missing} are needed")

    async def _watch(self, download: Download, staging: Path) -> None:
        while True:
            if download.status == "loading":
                download.loaded = await asyncio.to_thread(bytes_in, staging)
            await asyncio.sleep(POLL)
