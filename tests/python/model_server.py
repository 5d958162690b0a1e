"""A host of models with faults: cuts connections, lies about bytes, is busy, redirects, is slow, wants a token."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHUNK = 1 << 16
LARGE = 1 << 23
PAGE = b"not the file"


@dataclass
class File:
    """A file and how it is served; what is counted down is a fault that goes away."""

    content: bytes = b""
    # Served from here instead, without reading it into memory.
    source: Path | None = None
    # Answers before the file is given: a status and headers each.
    first: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    # So many answers end after so many bytes.
    cuts: int = 0
    cut_after: int = 0
    # So many answers give other bytes than the file has.
    wrong: int = 0
    # Seconds before each chunk.
    delay: float = 0
    ranges: bool = True
    # Bytes that are announced in place of the real number.
    announced: int | None = None
    redirect: str | None = None
    linked: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    type: str | None = None

    @property
    def size(self) -> int:
        """The real number of bytes."""
        return self.source.stat().st_size if self.source else len(self.content)

    @property
    def sha256(self) -> str:
        """The real hash."""
        if self.source:
            with self.source.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Request:
    """What somebody asked, and how many bytes of the file they were given."""

    path: str
    range: str | None
    authorization: str | None
    agent: str
    given: int = 0


class Server(ThreadingHTTPServer):
    """Files by path, and the requests for them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, File] = {}
        self.requests: list[Request] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Who is killed hangs up."""

    def given(self, path: str) -> int:
        """Bytes of a file that were handed out, those of the first look aside."""
        with self.lock:
            return sum(each.given for each in self.requests if each.path == path and each.given > 1)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that answers."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """One answer for each connection, as storage behind a redirect often gives."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """What comes after the head, nobody reads."""
        self.do_GET()

    def do_GET(self) -> None:
        self.close_connection = True
        path = self.path.split("?")[0]
        headers = self.headers
        request = Request(path, headers.get("Range"), headers.get("Authorization"), headers.get("User-Agent", ""))
        with self.server.lock:
            self.server.requests.append(request)
            file = self.server.files.get(path)
            answer = file.first.pop(0) if file and file.first else None
        with suppress(OSError):
            if file is None:
                self.empty(404, {})
            elif answer:
                self.empty(*answer)
            elif file.token and headers.get("Authorization") != f"Bearer {file.token}":
                self.empty(401, {})
            elif file.redirect:
                self.empty(302, {"Location": file.redirect, **file.linked})
            else:
                self.give(file, request)

    def empty(self, status: int, headers: dict[str, str]) -> None:
        """An answer without the file; what it has in its place must not get into the file."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(PAGE)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(PAGE)

    def give(self, file: File, request: Request) -> None:
        """The file or a part of it."""
        size = file.size
        start, end = 0, size - 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        is_part = bool(wanted) and file.ranges
        if wanted and is_part:
            start, end = int(wanted[1]), min(int(wanted[2] or end), end)
        announced = size if file.announced is None else file.announced
        self.send_response(206 if is_part else 200)
        self.send_header("Content-Length", str(end - start + 1 if is_part else announced))
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{end}/{announced}")
        if file.type:
            self.send_header("Content-Type", file.type)
        self.end_headers()
        stop = end + 1
        is_look = end == start
        with self.server.lock:
            if file.cuts and not is_look:
                file.cuts -= 1
                stop = min(stop, start + file.cut_after)
            is_wrong = file.wrong > 0 and not is_look
            file.wrong -= is_wrong
        self.send(file, request, (start, stop), is_wrong)

    def send(self, file: File, request: Request, part: tuple[int, int], is_wrong: bool) -> None:
        """Bytes of a part, until somebody hangs up; `request` says meanwhile how many."""
        start, stop = part
        at = start
        with suppress(OSError), open(file.source or os.devnull, "rb") as stream:
            while at < stop:
                time.sleep(file.delay)
                length = min(CHUNK, stop - at)
                if file.source:
                    at += os.sendfile(self.connection.fileno(), stream.fileno(), at, min(LARGE, stop - at))
                else:
                    self.wfile.write(bytes(length) if is_wrong else file.content[at : at + length])
                    at += length
                request.given = at - start

    def log_message(self, *_: Any) -> None:
        pass
