"""The provisioning script: success, failure, hanging, unreachable, a second boot; and what is fetched at all."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from support import INSTANCE

from strata_instance import fetching, provisioning


@contextmanager
def serving(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A host with files; its address, and what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(self.path + (" with login" if self.headers.get("Authorization") else ""))
            status, body = answers.get(path, (404, b""))
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class ProvisioningCase(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.places = provisioning.Places(
            *(self.root / name for name in ("state.json", "log", "script", "running", "complete", "failed"))
        )
        self.enterContext(mock.patch.object(fetching, "PAUSE", 0.01))
        self.enterContext(mock.patch.object(provisioning, "GRACE", 0.5))
        self.enterContext(mock.patch.object(provisioning, "say"))
        null = self.enterContext(open(os.devnull, "wb"))
        self.enterContext(mock.patch.object(provisioning, "CONTAINER_LOG", null.fileno()))
        self.enterContext(mock.patch.object(provisioning.signal, "signal"))

    def boot(self, address: str, **variables: str) -> int:
        given = {"PROVISIONING_SCRIPT": address, "WORKSPACE": str(self.root), **variables}
        with mock.patch.dict(os.environ, given):
            provisioning.announce([], self.places)
            self.announced = self.state()["state"]
            return provisioning.main([], self.places)

    def state(self) -> dict[str, str]:
        content: dict[str, str] = json.loads(self.places.state.read_text())
        return content

    def marks(self) -> list[str]:
        return [name for name in ("running", "complete", "failed") if (self.root / name).exists()]


class Provisioning(ProvisioningCase):
    def test_success_once(self) -> None:
        script = b"#!/bin/bash\r\necho said; echo warned >&2\r\npwd >> here\r\necho $PATH >path\r\n"
        with serving({"/a/setup.sh": (200, script)}) as (host, asked):
            self.assertEqual(self.boot(f"{host}/a/setup.sh?token=secret"), 0)
            self.assertEqual(self.boot(f"{host}/a/setup.sh?token=secret"), 0)
        self.assertEqual(len(asked), 1, "the second boot asks nobody")
        self.assertEqual((self.root / "here").read_text(), f"{self.root}\n")
        self.assertTrue((self.root / "path").read_text().startswith("/venv/main/bin:"))
        self.assertRegex(self.places.log.read_text(), "said\nwarned\n.*has succeeded")
        self.assertEqual(self.marks(), ["complete"])
        state = self.state()
        self.assertEqual((state["state"], state["script"]), ("complete", f"{host}/a/setup.sh"))
        self.assertRegex(
            f"{state['started']} {state['ended']}", r"^\d{4}-\d\d-\d\dT[\d:]{8}Z \d{4}-\d\d-\d\dT[\d:]{8}Z$"
        )
        self.assertEqual(self.announced, "complete")
        self.assertNotIn("secret", self.places.state.read_text() + self.places.log.read_text())

    def test_failure_and_the_next_boot_tries_again(self) -> None:
        with serving({"/s": (200, b"echo no; [ -e again ] || { touch again; exit 7; }")}) as (host, _):
            self.assertEqual(self.boot(f"{host}/s"), 7)
            self.assertEqual(self.marks(), ["failed"])
            self.assertEqual((self.state()["state"], self.state()["detail"]), ("failed", "the script ended with 7"))
            self.assertEqual(self.boot(f"{host}/s"), 0)
        self.assertEqual(self.announced, "running")
        self.assertEqual(self.marks(), ["complete"])

    def test_hanging(self) -> None:
        script = b"trap '' TERM; (trap '' TERM; sleep 60) & echo $! >child; sleep 60; sleep 60"
        with serving({"/s": (200, script)}) as (host, _):
            begun = time.monotonic()
            self.assertNotEqual(self.boot(f"{host}/s", PROVISIONING_TIMEOUT="0.5"), 0)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(self.state()["state"], "timed-out")
        self.assertEqual(self.marks(), ["failed"])
        child = Path("/proc", (self.root / "child").read_text().strip(), "stat")
        last = time.monotonic() + 2
        while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < last:
            time.sleep(0.05)
        self.assertTrue(not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")

    def test_what_it_leaves_in_the_background_does_not_hold_the_boot(self) -> None:
        with serving({"/s": (200, b"sleep 30 & echo $! >child; echo done")}) as (host, _):
            begun = time.monotonic()
            self.assertEqual(self.boot(f"{host}/s"), 0)
        self.assertLess(time.monotonic() - begun, 5)
        child = int((self.root / "child").read_text())
        os.kill(child, 9)

    def test_unreachable(self) -> None:
        with serving({"/page": (200, b"<!DOCTYPE html><p>Sign in"), "/empty": (200, b" \n"), "/sick": (503, b"")}) as (
            host,
            asked,
        ):
            for path, why in (
                ("/none", "answers 404"),
                ("/page", "web page"),
                ("/empty", "is empty"),
                ("/sick", "answers 503"),
            ):
                with self.subTest(path):
                    asked.clear()
                    self.assertEqual(self.boot(host + path), 1)
                    self.assertIn(why, self.state()["detail"])
                    self.assertEqual(self.marks(), ["failed"])
                    self.assertEqual(len(asked), 3 if path == "/sick" else 1)
        for address in (
            f"{host}/gone",
            "/etc/passwd",
            "file:///etc/passwd",
            "ftp://localhost/x",
            "http://[",
            "nonsense",
        ):
            with self.subTest(address):
                self.assertEqual(self.boot(address), 1)
                self.assertIn("cannot be fetched", self.state()["detail"])

    def test_none(self) -> None:
        self.places.running.touch()
        self.assertEqual(self.boot(""), 0)
        self.assertEqual((self.state()["state"], self.marks()), ("none", []))

    def test_a_limit_that_is_none(self) -> None:
        with mock.patch.dict(os.environ, {"PROVISIONING_TIMEOUT": "soon"}):
            self.assertEqual(provisioning.limit(), provisioning.LIMIT)

    def test_the_boots_end_is_the_scripts(self) -> None:
        program = (
            f"import sys; sys.path.insert(0, {str(INSTANCE)!r})\n"
            "from pathlib import Path\nfrom strata_instance import provisioning\n"
            f"root = Path({str(self.root)!r})\n"
            "places = provisioning.Places(*(root / n for n in ('state.json', 'log', 'script', 'r', 'c', 'f')))\n"
            "sys.exit(provisioning.main([], places))"
        )
        with serving({"/s": (200, b"echo $$ >child.new; mv child.new child; sleep 60; sleep 60")}) as (host, _):
            variables = {**os.environ, "PROVISIONING_SCRIPT": f"{host}/s", "WORKSPACE": str(self.root)}
            process = subprocess.Popen([sys.executable, "-c", program], env=variables, stderr=subprocess.DEVNULL)
            last = time.monotonic() + 10
            while not (self.root / "child").exists() and time.monotonic() < last:
                time.sleep(0.02)
            process.terminate()
            process.wait(5)
        with self.assertRaises(ProcessLookupError):
            for _ in range(40):
                os.kill(int((self.root / "child").read_text()), 0)
                time.sleep(0.05)


class Fetching(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(mock.patch.object(fetching, "PAUSE", 0.01))

    def test_a_redirect_leads_to_no_file_of_this_machine(self) -> None:
        answers = {"/a": (302, b"/b"), "/b": (200, b"script"), "/file": (302, b"file:///etc/hostname")}
        with serving(answers) as (host, _):
            self.assertEqual(fetching.fetch(f"{host}/a"), b"script")
            with self.assertRaises(fetching.Unfetched):
                fetching.fetch(f"{host}/file")

    def test_a_name_and_a_password_are_sent_and_never_shown(self) -> None:
        with serving({"/a": (200, b"x")}) as (host, asked):
            address = host.replace("://", "://me:pass@") + "/a?token=t"
            fetching.fetch(address)
        self.assertEqual(asked, ["/a?token=t with login"])
        self.assertEqual(fetching.shown(address), f"{host}/a")

    def test_no_more_than_a_limit(self) -> None:
        with serving({"/a": (200, b"x" * 1000)}) as (host, _), self.assertRaisesRegex(fetching.Unfetched, "more than"):
            fetching.fetch(f"{host}/a", most=999)

    def test_an_own_boot_script_is_kept_whole_or_not_at_all(self) -> None:
        kept = Path(self.enterContext(tempfile.TemporaryDirectory())) / "boot_custom.sh"
        with serving({"/a": (200, b"echo hi")}) as (host, _), mock.patch.object(fetching, "say"):
            with mock.patch.dict(os.environ, {"BOOT_SCRIPT": f"{host}/none"}):
                self.assertEqual(fetching.main(["BOOT_SCRIPT", str(kept)]), 1)
            self.assertEqual(list(kept.parent.iterdir()), [])
            with mock.patch.dict(os.environ, {"BOOT_SCRIPT": f"{host}/a"}):
                self.assertEqual(fetching.main(["BOOT_SCRIPT", str(kept)]), 0)
        self.assertEqual(kept.read_text(), "echo hi")
        self.assertTrue(os.access(kept, os.X_OK))


if __name__ == "__main__":
    unittest.main()
