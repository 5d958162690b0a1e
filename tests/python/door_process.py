"""The door as it runs in an image: its program with the real Caddy, before services that tell what reached them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from support import DOOR

from container import free_port

TOKEN = "a-token-for-the-tests-of-the-door"
PASSWORD = "correct horse"
PATIENCE = 60.0


def find_caddy() -> str | None:
    """What the integration test built, and names in this variable."""
    return os.environ.get("STRATA_TEST_CADDY")


class Backend:
    """A service that notes each request that reaches it, and answers with it. `/ws` echoes, `/slow` is a stream."""

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", self.port))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                await self._one(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = head.strip().split("\r\n")
        headers = [tuple(part.split(": ", 1)) for part in rest if ": " in part]
        sizes = [int(value) for name, value in headers if name.lower() == "content-length"]
        body = await reader.readexactly(sizes[0]) if sizes else b""
        self.seen.append({"line": line, "headers": headers, "body": body.decode("latin-1")})
        if " /ws" in line:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            while part := await reader.read(100):
                writer.write(part)
                await writer.drain()
        elif " /slow" in line:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                writer.write(b"3\r\nx\n\n\r\n")
                await writer.drain()
                await asyncio.sleep(1)
            writer.write(b"0\r\n\r\n")
        elif " /busy" in line:
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
        else:
            content = json.dumps(self.seen[-1]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nX-Reached: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        await writer.drain()


class Door:
    """The program, in a folder of its own. `self.port` is before the backend, `self.empty` before nothing."""

    def __init__(self, root: Path, backend: Backend, **environment: str) -> None:
        self.root = root
        code = root / "opt/strata/door"
        shutil.copytree(DOOR, code, ignore=shutil.ignore_patterns("__pycache__"))
        # The image's places are fixed; here they lie below a temporary folder.
        for file in code.rglob("*.py"):
            text = file.read_text().replace('"/opt/', f'"{root}/opt/').replace('"/etc/', f'"{root}/etc/')
            file.write_text(text.replace("PATIENCE = 25.0", "PATIENCE = 1.0"))
        (root / "opt/caddy/bin").mkdir(parents=True)
        (root / "etc").mkdir(exist_ok=True)
        (root / "opt/caddy/bin/caddy").symlink_to(find_caddy() or "none")
        self.port, self.empty = free_port(), free_port()
        applications = {
            "App": {"hostname": "localhost", "external_port": self.port, "internal_port": backend.port},
            "Empty": {"hostname": "localhost", "external_port": self.empty, "internal_port": free_port()},
        }
        (root / "etc/portal.yaml").write_text(json.dumps({"applications": applications}))
        self.run, self.state = root / "run", root / "state"
        self._log = (root / "log").open("wb")
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
        given = {"STRATA_DOOR_RUN": str(self.run), "STRATA_DOOR_STATE": str(self.state), "PYTHONDONTWRITEBYTECODE": "1"}
        given |= {"STRATA_TOKEN": TOKEN, "WEB_PASSWORD": PASSWORD}
        self.process = subprocess.Popen(
            [sys.executable, str(code)],
            env=kept
            | given
            | {name: value for name, value in environment.items() if "EXCLUDE" not in name}
            | ({"AUTH_EXCLUDE": str(self.port)} if "AUTH_EXCLUDE" in environment else {}),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.log())

    def log(self) -> str:
        """All that it said."""
        return (self.root / "log").read_text(errors="replace")

    def caddy(self) -> int:
        """Caddy's process."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def close(self) -> None:
        """Ends both."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self._log.close()

    def raw(self, data: bytes, where: str | int | None = None, tls: bool = False, timeout: float = 20.0) -> bytes:
        """Sends bytes to a port or to a socket's file, and reads until the other side has nothing more to say."""
        with self.connect(where, tls, timeout) as connection:
            connection.sendall(data)
            return read_answer(connection)

    def connect(self, where: str | int | None = None, tls: bool = False, timeout: float = 20.0) -> socket.socket:
        """A connection, of TLS without a look at the certificate where `tls` says so."""
        if isinstance(where, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(timeout)
            connection.connect(where)
            return connection
        connection = socket.create_connection(("127.0.0.1", where or self.port), timeout)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context.wrap_socket(connection)
        return connection

    def ask(self, line: str = "GET /", *headers: str, body: str = "", **more: Any) -> tuple[int, dict[str, str], str]:
        """Status, headers and content of an answer; `line` without the version."""
        size = [f"Content-Length: {len(body)}"] if body else []
        head = "\r\n".join([f"{line} HTTP/1.1", "Host: box", "Connection: close", *size, *headers])
        return parse(self.raw(f"{head}\r\n\r\n{body}".encode("latin-1"), **more))


def read_answer(connection: socket.socket) -> bytes:
    """Everything, or what came until nothing more did."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except (TimeoutError, ConnectionError, ssl.SSLError):
        pass
    return data


def parse(data: bytes) -> tuple[int, dict[str, str], str]:
    """Of an answer; the status is 0 where there is none."""
    head, _, content = data.decode("latin-1").partition("\r\n\r\n")
    line, *rest = head.split("\r\n")
    headers = {part.split(":", 1)[0].lower(): part.split(":", 1)[1].strip() for part in rest if ":" in part}
    words = line.split(" ")
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0, headers, content
