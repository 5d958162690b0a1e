"""The hub's interface in small: one repository whose files all have the same content, some of them with a fault."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = b"weights!" * (1 << 19)


class Hub(ThreadingHTTPServer):
    """`slow` files stop in the middle, set `stuck` and wait for `go_on`; the hub lies about the hash of `wrong` ones."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stuck, self.go_on = threading.Event(), threading.Event()
        self.starts: list[int] = []

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that answers."""
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


class Handler(BaseHTTPRequestHandler):
    """Heads, ranges and files."""

    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        start, name = self.answer()
        if start is None:
            return
        half = max(start, len(CONTENT) // 2)
        # Who cancels does not read to the end.
        with suppress(OSError):
            self.wfile.write(CONTENT[start:half])
            self.wfile.flush()
            if name.startswith("slow") and not start:
                self.server.stuck.set()
                self.server.go_on.wait(180)
            self.wfile.write(CONTENT[half:])

    def answer(self) -> tuple[int | None, str]:
        """Sends the head; returns where the content begins, None without one, and the file's name."""
        name = self.path.split("/")[-1].split("?")[0]
        if "/resolve/" not in self.path or not name.endswith(".safetensors"):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None, name
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.server.starts.append(start)
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", "f" * 40)
        self.send_header("ETag", f'"{sha256(b"other" if name.startswith("wrong") else CONTENT).hexdigest()}"')
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        return start, name

    def log_message(self, *_: Any) -> None:
        """Says nothing."""
