"""An image with the door, started by its entrypoint: ComfyUI in small, the image's service, the real Caddy.

Needs Caddy, which tests/integration/door.test.ts builds, and the packages of the image's service.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from container import OPENER, PATIENCE, TOKEN, Container
from door_process import find_caddy

PACKAGES = ("bcrypt", "fastapi", "uvicorn", "httpx", "websockets", "huggingface_hub", "supervisor", "packaging")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
CADDY = find_caddy()
WHY = (
    f"this Python lacks {', '.join(MISSING)}"
    if MISSING
    else "there is no Caddy: tests/integration/door.test.ts builds it"
)


@unittest.skipIf(MISSING or CADDY is None, WHY)
class DoorImageTest(unittest.TestCase):
    """One container for all tests."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.container = Container(Path(folder), door=CADDY, NO_PROXY="127.0.0.1", WEB_PASSWORD="pass word")
        cls.addClassCleanup(cls.container.close)
        cls.container.wait_until(lambda: cls.container.healthcheck() == 0)

    def ask(self, port: int, path: str = "/", token: str | None = None) -> tuple[int, str]:
        """Status and content."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
            with OPENER.open(request, timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def test_each_public_port_asks_for_the_login_and_then_for_nothing_more(self) -> None:
        for port, path in ((self.container.port, "/system"), (self.container.comfyui_port, "/system_stats")):
            self.assertEqual(self.ask(port, path)[0], 401)
            self.assertEqual(self.ask(port, "/healthz")[0], 401)
            self.assertEqual(self.ask(port, path, "wrong")[0], 401)
            status, content = self.ask(port, path, TOKEN)
            self.assertEqual(status, 200, f"{port}: ComfyUI-Login and the service's own token are the door's business")
            json.loads(content)

    def test_the_services_listen_on_loopback_alone(self) -> None:
        seen = json.loads((self.container.volume / "seen.json").read_text())
        listens = [argument for argument in seen["argv"] if argument.startswith("--listen=")]
        self.assertEqual(listens, ["--listen=127.0.0.1"])
        public = {self.container.port, self.container.comfyui_port}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, port = address.split(":")
            inner = {(number + 10_000 if number + 10_000 <= 65535 else number - 10_000) for number in public}
            if state == "0A" and int(port, 16) in inner:
                self.assertEqual(host, "0100007F", f"port {int(port, 16)}")

    def test_comfyui_has_nothing_of_the_login(self) -> None:
        environment = json.loads((self.container.volume / "seen.json").read_text())["environment"]
        for secret in (TOKEN, "pass word"):
            self.assertNotIn(secret, json.dumps(environment))
            self.assertNotIn(secret, self.container.printed())

    def test_the_session_outlives_a_restart(self) -> None:
        folder = self.container.volume / "user/strata-door"
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.assertTrue((folder / "session-key").exists())


@unittest.skipIf(MISSING or CADDY is None, WHY)
class DoorStartTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_made_token_is_told_by_its_file_and_the_door_dies_with_the_container(self) -> None:
        container = Container(self.folder, door=CADDY, STRATA_TOKEN="")
        self.addCleanup(container.close)
        container.wait_until(lambda: container.healthcheck() == 0)
        token = (container.volume / "user/strata-token").read_text().strip()
        self.assertEqual(container.ask("/system", token=token)[0], 200)
        self.assertIn(f"is the token in {container.volume}/user/strata-token", container.printed())
        self.assertNotIn(token, container.printed())
        container.process.send_signal(signal.SIGTERM)
        self.assertEqual(container.process.wait(15), 0)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", container.port), 1).close()

    def test_another_entrypoint_starts_nothing(self) -> None:
        container = Container(self.folder, door=CADDY, STRATA_COMFYUI_ARGS="--listen")
        self.addCleanup(container.close)
        self.assertEqual(container.process.wait(PATIENCE), 2)
        self.assertIn("beside the door", container.printed())
        around = [self.folder / "opt/strata/runtime/entrypoint"]
        environment = container.environment | {"STRATA_COMFYUI_ARGS": ""}
        done = subprocess.run(around, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("STRATA_DOOR", done.stdout + done.stderr)
        self.assertFalse((container.volume / "seen.json").exists(), "ComfyUI never ran")


if __name__ == "__main__":
    unittest.main()
