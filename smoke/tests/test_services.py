"""Checks 50 and 60 on services that go wrong, one way at a time."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from support import IMAGE, collecting_check, load

from lib import services as library
from lib.process import adopt_orphans, kill_descendants

FAKE = Path(__file__).with_name("fake_services.py")


class ServicesTest(unittest.TestCase):
    """Each test names a fault of tests/fake_services.py and says which results are not a pass."""

    def setUp(self) -> None:
        adopt_orphans()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(kill_descendants, os.getpid())
        self.folder = Path(folder.name)
        for name in ("entrypoint", "llama-server", "healthcheck"):
            script = self.folder / name
            script.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
            script.chmod(0o755)
        patch = mock.patch.object(library, "ENTRYPOINT", self.folder / "entrypoint")
        patch.start()
        self.addCleanup(patch.stop)

    def run_check(self, number: str, fault: str) -> dict[str, dict[str, Any]]:
        """The results of a real check on services with a fault, deadlines shortened."""
        module = load(number)
        module.START_DEADLINE = 3.0
        for name, value in {"RESTART_DEADLINE": 1.0, "STOP_DEADLINE": 1.0, "GRACE": 0.3}.items():
            if hasattr(module, name):
                setattr(module, name, value)
        if hasattr(module, "HEALTHCHECK"):
            module.HEALTHCHECK = self.folder / "healthcheck"
        check, reports = collecting_check()
        environment = {"FAULT": fault, "FAKE_IMAGE": json.dumps(IMAGE), "LLAMA_ARG_MODEL": "counting.gguf"}
        with mock.patch.dict(os.environ, environment):
            module.run(check)
        return {content["id"].split(".")[1]: content for kind, content in reports if kind == "result"}

    def not_passed(self, number: str, fault: str) -> dict[str, str]:
        """Reason by step of what did not pass."""
        results = self.run_check(number, fault)
        return {name: result["reason"] for name, result in results.items() if result["status"] != "pass"}

    def test_services_without_a_fault(self) -> None:
        self.assertEqual(self.not_passed("50", ""), {})
        self.assertEqual(self.not_passed("60", ""), {})

    def test_an_entrypoint_that_ends(self) -> None:
        self.assertEqual(self.not_passed("50", "ends"), {"start": "the entrypoint ended with exit status 3"})

    def test_services_that_do_not_become_healthy(self) -> None:
        self.assertEqual(self.not_passed("50", "sick"), {"start": "not healthy within 3 s"})

    def test_wrong_tokens(self) -> None:
        wrong = self.not_passed("50", "wrong")
        self.assertEqual(set(wrong), {"completion", "chat", "restart"})
        self.assertEqual(wrong["chat"], "expected 'three four five', got ' three four six'")

    def test_a_server_that_does_not_come_back(self) -> None:
        self.assertEqual(self.not_passed("50", "stays-dead"), {"restart": "not back within 1 s"})

    def test_another_torch(self) -> None:
        wrong = self.not_passed("50", "other-torch")
        self.assertEqual(wrong, {"system": "torch: expected 2.12.0, got 2.11.0"})

    def test_a_failing_health_check(self) -> None:
        self.assertEqual(self.not_passed("50", "healthcheck"), {"healthcheck": "exit status 1"})

    def test_services_that_ignore_sigterm(self) -> None:
        self.assertEqual(self.not_passed("60", "deaf")["stop"], "still running 1 s after SIGTERM")

    def test_an_exit_status(self) -> None:
        self.assertEqual(self.not_passed("60", "status"), {"stop": "exit status 4"})

    def test_a_process_that_is_left(self) -> None:
        self.assertRegex(self.not_passed("60", "leftover")["nothing-left"], r"still there: .*sleep \(\d+\)")


if __name__ == "__main__":
    unittest.main()
