"""S3-compatible storage in small: takes whole files from those who sign with the right key."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

KEY_ID, SECRET = "AKIDEXAMPLE", "the+secret/of-the-bucket"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass(frozen=True)
class Stored:
    """A file, and what was said about it."""

    content: bytes
    media_type: str | None


class BucketServer(ThreadingHTTPServer):
    """`files` by bucket and key. `is_closed`: takes nothing. `drips`: its answers never end, a byte now and then."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.files: dict[str, Stored] = {}
        self.is_closed = False
        self.drips = False


class Handler(BaseHTTPRequestHandler):
    """A question to the storage. Signatures are not computed anew: botocore makes them."""

    server: BucketServer
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        signed = re.fullmatch(
            rf"AWS4-HMAC-SHA256 Credential={KEY_ID}/\S+, SignedHeaders=\S+, Signature=[0-9a-f]{{64}}",
            self.headers.get("Authorization", ""),
        )
        if not signed or self.server.is_closed:
            self.answer(403, DENIED)
            return
        self.server.files[unquote(urlsplit(self.path).path)] = Stored(content, self.headers.get("Content-Type"))
        self.answer(200)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        stored = self.server.files.get(unquote(parts.path))
        if "X-Amz-Signature=" not in parts.query:
            self.answer(403, DENIED)
        elif stored:
            self.answer(200, stored.content)
        else:
            self.answer(404)

    def answer(self, status: int, body: bytes = b"") -> None:
        """With a body, if there is one."""
        with suppress(OSError):
            if self.server.drips:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
            while self.server.drips:
                self.wfile.write(b".")
                time.sleep(0.1)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running_bucket() -> Iterator[BucketServer]:
    """Stops when the block ends."""
    with BucketServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
