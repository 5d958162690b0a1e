"""Live logs over a websocket, and logs to keep. Server-sent events do not pass Cloudflare's quick tunnels."""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from portal_common.redaction import Redaction

from .log_files import CHUNK, LogFile, LogFiles
from .log_follow import Follower

EVERY = 0.4
# Proxies close what is silent for a minute or two.
HEARTBEAT = 10.0


def log_routes(files: LogFiles, redaction: Redaction) -> APIRouter:
    """`/logs`, `/ws-logs?name=…`, `/download-logs` and `/download-logs?name=…`."""
    router = APIRouter()

    @router.get("/logs")
    def logs() -> list[LogFile]:
        return files.list()

    @router.websocket("/ws-logs")
    async def ws_logs(socket: WebSocket, name: str = "") -> None:
        await socket.accept()
        follower = Follower(files, name, redaction)
        sending = asyncio.create_task(send_news(socket, follower))
        try:
            # Nothing is expected; this is how an end is noticed.
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            follower.close()

    @router.get("/download-logs")
    def download_logs(name: str | None = None) -> StreamingResponse:
        if name is None:
            return attachment(zipped(files), "logs.zip", "application/zip")
        text = files.shown(name)
        if text is None:
            raise HTTPException(404, f"There is no log {name!r}.")
        return attachment(text, f"{name}.log", "text/plain; charset=utf-8")

    return router


async def send_news(socket: WebSocket, follower: Follower) -> None:
    """Until the other side is gone."""
    spoken, missing = time.monotonic(), False
    while True:
        news = await asyncio.to_thread(follower.read)
        if not follower.exists and not missing:
            await socket.send_json({"type": "system", "text": "There is nothing in this log yet."})
        missing = not follower.exists
        if news.lines:
            await socket.send_json({"type": "append", "lines": news.lines})
        if news.unfinished is not None:
            await socket.send_json({"type": "overwrite", "text": news.unfinished})
        if news.lines or news.unfinished is not None:
            spoken = time.monotonic()
        elif time.monotonic() - spoken > HEARTBEAT:
            spoken = time.monotonic()
            await socket.send_json({"type": "heartbeat"})
        await asyncio.sleep(0 if len(news.lines) > 1000 else EVERY)


def attachment(content: Iterator[bytes], name: str, kind: str) -> StreamingResponse:
    """A file to keep."""
    return StreamingResponse(
        content,
        media_type=kind,
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


def zipped(files: LogFiles) -> Iterator[bytes]:
    """All logs in one file."""
    with TemporaryFile() as file:
        pack(files, file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def pack(files: LogFiles, file: IO[bytes]) -> None:
    """Writes the archive."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for log in files.list():
            text = files.shown(log.name)
            if text is not None:
                with archive.open(f"{log.name}.log", "w") as member:
                    for chunk in text:
                        member.write(chunk)
