"""Check 90 on images whose door has a fault, one at a time."""

from __future__ import annotations

import sys
import unittest
from typing import Any

from support import IMAGE, ServicesTestCase

# The door and the services behind it, in small.
BEHIND = """
import os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT, TOKEN = os.environ["FAULT"], os.environ["STRATA_TOKEN"]


class Service(BaseHTTPRequestHandler):
    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self):
        self.answer(200)

    def log_message(self, *_):
        pass


class Door(Service):
    def do_GET(self):
        given = self.headers.get("Authorization", "")
        known = given == f"Bearer {TOKEN}"
        if FAULT == "open" or (FAULT == "open-path" and self.path == "/healthz"):
            known = True
        if FAULT == "any-token" and given:
            known = True
        if FAULT == "asks-twice":
            known = False
        self.answer(200 if known else 401)


def serve(host, port, kind):
    threading.Thread(target=ThreadingHTTPServer((host, port), kind).serve_forever, daemon=True).start()


for name in ("LLAMA_ARG_PORT", "STRATA_BACKEND_PORT"):
    port = int(os.environ[name])
    inner = port + 10000 if port <= 55535 else port - 10000
    serve("0.0.0.0" if FAULT == "beside" else "127.0.0.1", inner, Service)
    if not (FAULT == "no-door" and name == "STRATA_BACKEND_PORT"):
        serve("0.0.0.0", port, Door)
signal.sigwait({signal.SIGTERM})
"""


class DoorTest(ServicesTestCase):
    """Each test names a fault and says which results are not a pass."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "entrypoint").write_text(f"#!{sys.executable}\n{BEHIND}")

    def expect(self, fault: str, step: str | None, image: dict[str, Any] = IMAGE) -> None:
        """The one step that does not pass."""
        self.assertEqual(set(self.not_passed("90", fault, image)), {step} if step else set())

    def test_a_door_without_a_fault(self) -> None:
        self.expect("", None)
        self.expect("", None, {name: value for name, value in IMAGE.items() if name != "llama"})

    def test_a_door_that_is_open(self) -> None:
        for fault in ("open", "open-path", "any-token"):
            self.expect(fault, "strangers")

    def test_a_service_that_asks_for_its_own_login_as_well(self) -> None:
        self.expect("asks-twice", "token")

    def test_a_service_that_listens_beside_the_door(self) -> None:
        self.expect("beside", "beside")

    def test_no_door_at_all(self) -> None:
        self.expect("no-door", "start")


if __name__ == "__main__":
    unittest.main()
