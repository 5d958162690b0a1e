"""Healthy, starting or not: what `/healthz` says of the parts, where it asks llama-server, and what the health check makes
of the answer.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support import RUNTIME

PACKAGES = ("fastapi", "httpx", "packaging")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


class Handler(BaseHTTPRequestHandler):
    """Answers one path, to who has the key."""

    server: Any

    def do_GET(self) -> None:
        allowed = self.server.key in (None, self.headers.get("Authorization"))
        status = 401 if not allowed else self.server.status if self.path == self.server.path else 404
        body = self.server.body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_: Any) -> None:
        pass


class UnixServer(ThreadingHTTPServer):
    """The same on a file."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)


class Ipv6Server(ThreadingHTTPServer):
    """The same on `::1`."""

    address_family = socket.AF_INET6


@contextmanager
def serving(
    path: str,
    status: int = 200,
    body: str = "{}",
    key: str | None = None,
    kind: Any = ThreadingHTTPServer,
    at: Any = None,
) -> Iterator[Any]:
    """A server for one path; stops when the block ends."""
    with kind(at or ("127.0.0.1", 0), Handler) as server:
        server.path, server.status, server.body, server.key = path, status, body, key
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class LlamaAddressTest(unittest.TestCase):
    """Where llama-server listens, by its own variables."""

    def url(self, **given: str) -> str:
        address = importlib.import_module("strata_backend.llama_address").llama_address
        return str(address({f"LLAMA_ARG_{name}": value for name, value in given.items()}).url)

    def test_addresses(self) -> None:
        for given, url in (
            ({}, "http://127.0.0.1:8080"),
            ({"HOST": "0.0.0.0", "PORT": "9000"}, "http://127.0.0.1:9000"),
            ({"HOST": "::"}, "http://[::1]:8080"),
            ({"HOST": "192.0.2.7"}, "http://192.0.2.7:8080"),
            ({"HOST": "2001:db8::7"}, "http://[2001:db8::7]:8080"),
            ({"HOST": "192.0.2.7, 127.0.0.1"}, "http://127.0.0.1:8080"),
            ({"API_PREFIX": "/llm"}, "http://127.0.0.1:8080/llm"),
            ({"SSL_KEY_FILE": "/k", "SSL_CERT_FILE": "/c"}, "https://127.0.0.1:8080"),
            ({"SSL_KEY_FILE": "/k"}, "http://127.0.0.1:8080"),
            ({"HOST": "/run/llama.sock", "API_PREFIX": "/llm"}, "http://localhost/llm"),
        ):
            self.assertEqual(self.url(**given), url, given)

    def test_vertex_ai_chooses_the_port(self) -> None:
        address = importlib.import_module("strata_backend.llama_address").llama_address
        given = {"LLAMA_ARG_PORT": "8081", "AIP_HTTP_PORT": "7080"}
        self.assertEqual(address(given).url, "http://127.0.0.1:8081")
        self.assertEqual(address({**given, "AIP_MODE": "PREDICTION"}).url, "http://127.0.0.1:7080")


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class LlamaHealthTest(unittest.TestCase):
    """Real questions to servers that listen in all these ways."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def health(self, **given: str) -> tuple[bool, str | None]:
        settings = importlib.import_module("strata_backend.settings")
        client_class = importlib.import_module("strata_backend.llama").LlamaClient

        async def ask() -> Any:
            client = client_class(settings.load_settings(given))
            try:
                return await client.health()
            finally:
                await client.close()

        part = asyncio.run(ask())
        return part.ready, part.reason

    def test_behind_a_prefix_even_health_asks_for_a_key(self) -> None:
        # llama-server leaves `/health` open, and compares with the whole path (middleware_validate_api_key).
        (self.root / "keys").write_text("\nfrom-file\nanother\n")
        with serving("/llm/health", key="Bearer from-file") as server:
            given = {"LLAMA_ARG_PORT": str(server.server_port), "LLAMA_ARG_API_PREFIX": "/llm"}
            self.assertFalse(self.health(**given)[0])
            self.assertTrue(self.health(**given, LLAMA_ARG_API_KEY_FILE=str(self.root / "keys"))[0])
            self.assertTrue(self.health(**given, LLAMA_API_KEY="from-file,other")[0])

    def test_a_unix_socket(self) -> None:
        file = str(self.root / "llama.sock")
        with serving("/health", kind=UnixServer, at=file):
            self.assertEqual(self.health(LLAMA_ARG_HOST=file), (True, None))

    @unittest.skipUnless(socket.has_ipv6 and Path("/proc/net/if_inet6").exists(), "no IPv6 here")
    def test_ipv6(self) -> None:
        with serving("/health", kind=Ipv6Server, at=("::1", 0)) as server:
            self.assertEqual(self.health(LLAMA_ARG_HOST="::", LLAMA_ARG_PORT=str(server.server_port)), (True, None))

    def test_tls_with_a_certificate_for_another_name(self) -> None:
        key, certificate = self.root / "key.pem", self.root / "cert.pem"
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=llm.example.org"]
        try:
            subprocess.run(
                [*request, "-keyout", key, "-out", certificate, "-days", "2"],
                capture_output=True,
                check=True,
                timeout=60,
            )
        except OSError:
            self.skipTest("there is no openssl")
        with serving("/health") as server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            given = {"LLAMA_ARG_SSL_KEY_FILE": str(key), "LLAMA_ARG_SSL_CERT_FILE": str(certificate)}
            self.assertEqual(self.health(**given, LLAMA_ARG_PORT=str(server.server_port)), (True, None))


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class JudgementTest(unittest.TestCase):
    """The parts together."""

    def judge(self, fetch: dict[str, Any] | None, **ready: bool) -> Any:
        app = importlib.import_module("strata_backend.app")
        models = importlib.import_module("strata_backend.models")
        parts = {
            name: models.Part(ready=is_ready, reason=None if is_ready else "x") for name, is_ready in ready.items()
        }
        return app.judge(parts, models.ModelFetch(**fetch, lines=[]) if fetch else None)

    def test_starting_is_a_comfyui_that_waits_for_models_that_come(self) -> None:
        for state, waits, ready, status in (
            ("fetching", True, {"comfyui": False}, "starting"),
            ("fetching", True, {"comfyui": True}, "ok"),
            ("fetching", False, {"comfyui": False}, "unavailable"),
            ("failed", True, {"comfyui": False}, "unavailable"),
            ("done", True, {"comfyui": False}, "unavailable"),
            ("fetching", True, {"comfyui": False, "llama": False}, "unavailable"),
            ("failed", False, {"comfyui": True}, "ok"),
        ):
            health = self.judge({"state": state, "comfyuiWaits": waits}, **ready)
            self.assertEqual((health.status, health.models), (status, state), (state, waits, ready))
        self.assertEqual(self.judge(None, comfyui=False).models, None)
        self.assertIn(
            "being fetched",
            self.judge({"state": "fetching", "comfyuiWaits": True}, comfyui=False).parts["comfyui"].reason,
        )

    def test_notes_that_cannot_be_read_are_none(self) -> None:
        read = importlib.import_module("strata_backend.fetching").read_fetching
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "models-fetch.json")
            self.assertIsNone(read(None))
            self.assertIsNone(read(file))
            for text in ("{", '{"state": "x", "comfyuiWaits": true, "lines": []}'):
                file.write_text(text)
                self.assertIsNone(read(file))
            file.write_text('{"state": "done", "comfyuiWaits": true, "lines": ["a"]}')
            self.assertEqual(read(file).lines, ["a"])


class HealthcheckTest(unittest.TestCase):
    """The program that a container engine runs."""

    def check(self, port: str) -> int:
        variables = {"PATH": os.environ["PATH"], "STRATA_BACKEND_PORT": port}
        done = subprocess.run(
            [sys.executable, RUNTIME / "healthcheck"], env=variables, capture_output=True, check=False
        )
        return done.returncode

    def test_answers(self) -> None:
        for status, body, expected in (
            (200, {"status": "ok"}, 0),
            (503, {"status": "starting"}, 0),
            (503, {"status": "unavailable"}, 1),
            (500, ["starting"], 1),
        ):
            with serving("/healthz", status, json.dumps(body)) as server:
                self.assertEqual(self.check(str(server.server_port)), expected, body)
        with serving("/healthz", 502, "starting") as server:
            self.assertEqual(self.check(str(server.server_port)), 1)

    def test_kubernetes_address_is_no_port(self) -> None:
        address = "tcp://10.0.0.1:8000"
        variables = {"PATH": os.environ["PATH"], "STRATA_BACKEND_PORT": address}
        done = subprocess.run(
            [sys.executable, RUNTIME / "healthcheck"], env=variables, capture_output=True, text=True, check=False
        )
        self.assertNotIn(address, done.stdout)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
