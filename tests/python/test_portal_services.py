"""Services over a real supervisord's socket."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import unittest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MISSING = [name for name in ("fastapi", "httpx", "pynvml", "supervisor", "yaml") if find_spec(name) is None]
if not MISSING:
    from starlette.testclient import TestClient

    import portal_instance
    from portal.app import create_app
    from portal.services import Supervisor

# Those whose ways are of interest; the rest would only take time.
PROGRAMS = {
    "caddy": "sleep 1000",
    "comfyui": "sleep 1000",
    "tensorboard": f"{sys.executable} -c exit(3)",
    "absent": "/nowhere/program",
}


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class ServicesTest(unittest.TestCase):
    """One process manager for all."""

    client: Any

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        portal_instance.prepare(cls.folder, 1, 2)
        configuration = cls.folder / "supervisord.conf"
        text = portal_instance.CONFIGURATION.format(folder=cls.folder)
        for name, command in PROGRAMS.items():
            text += portal_instance.PROGRAM.format(
                name=name, command=command, folder=cls.folder, restart="false", startsecs=0
            )
        configuration.write_text(text)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        settings = portal_instance.portal_settings(cls.folder, 2)
        cls.client = TestClient(create_app(settings), base_url="http://127.0.0.1:11111")
        cls.wait_for("comfyui", "RUNNING")

    @classmethod
    def wait_for(cls, name: str, state: str) -> dict[str, Any]:
        """The service, once it is in this state."""
        found: Any = None
        for _ in range(200):
            answer = cls.client.get("/supervisor/processes")
            if answer.status_code == 200:
                found = next(service for service in answer.json() if service["name"] == name)
                if found["state"] == state:
                    return found
            time.sleep(0.1)
        raise AssertionError(f"{name} is not {state}: {found}")

    def order(self, name: str, action: str) -> Any:
        """As the page gives it."""
        return self.client.post(f"/supervisor/process/{name}/{action}")

    def test_states_are_told_with_what_is_wrong(self) -> None:
        running = self.wait_for("comfyui", "RUNNING")
        self.assertGreater(running["pid"], 1)
        self.assertLess(abs(running["started"] - time.time()), 60)
        self.assertTrue(running["stoppable"])
        ended = self.wait_for("tensorboard", "EXITED")
        self.assertEqual((ended["exit_status"], ended["started"], ended["pid"]), (3, None, None))
        self.assertIn("can't find command", self.wait_for("absent", "FATAL")["description"])

    def test_a_restart_is_another_process(self) -> None:
        before = self.wait_for("comfyui", "RUNNING")["pid"]
        self.assertEqual(self.order("comfyui", "restart").status_code, 200)
        after = self.wait_for("comfyui", "RUNNING")["pid"]
        self.assertNotEqual(before, after)

    def test_stop_and_start_and_either_of_them_twice(self) -> None:
        for action, state in (("stop", "STOPPED"), ("stop", "STOPPED"), ("restart", "RUNNING"), ("start", "RUNNING")):
            answer = self.order("comfyui", action)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.wait_for("comfyui", state)

    def test_what_the_page_needs_cannot_be_stopped_whatever_the_spelling(self) -> None:
        before = self.wait_for("caddy", "RUNNING")["pid"]
        for name, status in (("caddy", 403), ("caddy:caddy", 404), ("caddy:*", 404), ("all", 404), ("CADDY", 404)):
            for action in ("stop", "restart"):
                self.assertEqual(self.order(name, action).status_code, status, name)
        self.assertEqual(self.order("caddy", "start").status_code, 200)
        self.assertEqual(self.wait_for("caddy", "RUNNING")["pid"], before)
        named = Supervisor(self.folder / "supervisor.sock", frozenset({"comfyui"}))
        self.assertFalse(next(service for service in named.services() if service.name == "comfyui").stoppable)

    def test_orders_that_make_no_sense(self) -> None:
        self.assertEqual(self.order("nothing", "start").status_code, 404)
        self.assertEqual(self.order("comfyui", "shutdown").status_code, 422)
        self.assertEqual(self.client.get("/supervisor/process/comfyui/stop").status_code, 405)
        refused = self.order("absent", "start")
        self.assertEqual(refused.status_code, 409)
        self.assertIn("NO_FILE", refused.json()["detail"])

    def test_without_a_process_manager_it_is_said(self) -> None:
        settings = portal_instance.portal_settings(self.folder / "elsewhere", 2)
        answer = TestClient(create_app(settings), base_url="http://localhost").get("/supervisor/processes")
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.json()["detail"], "The process manager does not answer.")


if __name__ == "__main__":
    unittest.main()
