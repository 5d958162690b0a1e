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

PACKAGE_FOLDER = Path(__file__).parent
# What brings every model; a stage of its own.
FETCHER = Path("/opt/strata/model-fetch")
# Below the volume's models folder, so that the last step is a rename; ComfyUI lists no such folder.
STAGING = ".downloads"
# Seconds in which a process that is stopped notes down what it has.
PATIENCE = 15
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}")
UNFINISHED = {"queued", "loading", "verifying"}
# What from_hub.py may say.
TOLD = ("total", "sha256", "commit", "loaded", "reason", "status")


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
            *(sys.executable, "-m", f"{__package__}.from_hub"),
            cwd=PACKAGE_FOLDER.parent,
            # Progress bars are for people.
            env={**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": search_path()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdin and process.stdout
            text = {"repository": order.repository, "file": order.file, "revision": order.revision}
            places = {"destination": str(order.destination), "staging": str(staging)}
            process.stdin.write(json.dumps({**text, **places}).encode())
            process.stdin.close()
            while line := await process.stdout.readline():
                message = json.loads(line)
                if message["status"] == "done":
                    await asyncio.to_thread(shutil.rmtree, staging, True)
                for name in TOLD:
                    setattr(download, name, message.get(name, getattr(download, name)))
            await process.wait()
            if download.status in UNFINISHED:
                raise OSError(f"the download ended with exit status {process.returncode}")
        finally:
            await end(process)


def search_path() -> str:
    """Where Python looks for packages, the fetcher among them."""
    return os.pathsep.join(filter(None, [str(FETCHER), os.environ.get("PYTHONPATH", "")]))


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends one that still runs; what has arrived stays for the next try."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
