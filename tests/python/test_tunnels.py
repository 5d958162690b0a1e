"""Tunnels: the manager with a stand-in of cloudflared that takes and writes what the real one does."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import socket
import tempfile
import time
import unittest
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MISSING = [name for name in ("fastapi", "httpx", "pynvml", "yaml") if find_spec(name) is None]
if not MISSING:
    import httpx

    import portal_instance
    from tunnel_manager.app import create_app
    from tunnel_manager.cloudflared import Said, understand
    from tunnel_manager.manager import Manager, TunnelProblem, target_port
    from tunnel_manager.pace import Pace
    from tunnel_manager.settings import Patience, Settings, wanted

    QUICK = Patience(
        between_starts=0.1, for_address=20, for_end=5, retries=(0.1, 0.1), when_limited=(1.0, 2.0), for_door=0.1
    )
REFUSED = json.dumps(
    {
        "error": "invalid character 'e' looking for beginning of value",
        "level": "error",
        "message": "Error unmarshaling QuickTunnel response: error code: 1015",
        "status_code": "429 Too Many Requests",
    }
)


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class LinesTest(unittest.TestCase):
    """Lines as cloudflared wrote them here."""

    def test_what_lines_mean(self) -> None:
        def entry(message: str, **more: Any) -> str:
            return json.dumps({"level": "info", "message": message, "time": "2026-11-29T22:27:24Z", **more})

        address = "|  https://calm-stone-river.trycloudflare.com                                                |"
        self.assertEqual(understand(entry(address)).address, "https://calm-stone-river.trycloudflare.com")
        # The disclaimer has addresses as well, in no box.
        self.assertIsNone(understand(entry("Thank you … (https://www.cloudflare.com/website-terms/), and …")).address)
        connected = Said(connection=0, connected=True)
        self.assertEqual(understand(entry("Registered tunnel connection", connIndex=0)), connected)
        lost = understand(entry("Unregistered tunnel connection", connIndex=2))
        self.assertEqual((lost.connection, lost.lost), (2, True))
        refused = understand(REFUSED)
        self.assertEqual((refused.limited, refused.problem), (True, "429 Too Many Requests"))
        broken = understand(entry("Unable to establish connection", level="error", error="i/o timeout", connIndex=0))
        self.assertEqual((broken.problem, broken.limited), ("i/o timeout", False))
        self.assertEqual(
            understand("Provided Tunnel token is not valid.").problem, "Provided Tunnel token is not valid."
        )
        for line in ("", "See 'cloudflared tunnel run --help'.", entry("Initial protocol http2"), "7", "null"):
            self.assertIsNone(understand(line).address, line)
        self.assertEqual(understand("See 'cloudflared tunnel run --help'."), Said())

    def test_ports_in_every_spelling_and_nothing_else(self) -> None:
        for text in ("8188", "localhost:8188", "http://localhost:8188", "https:/127.0.0.1:8188/", "http://[::1]:8188"):
            self.assertEqual(target_port(text), 8188, text)
        for text in ("http://192.0.2.1:8188", "localhost", "8188/x", "evil.example:80", "81881881", ""):
            with self.assertRaises(TunnelProblem):
                target_port(text)

    def test_which_tunnels_are_opened_at_the_start(self) -> None:
        self.assertEqual(wanted(""), frozenset())
        self.assertIsNone(wanted("all"))
        self.assertEqual(wanted("8188, 1111 x"), {8188, 1111})

    def test_the_token_comes_from_its_variable_or_a_file(self) -> None:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("from-file\n")
            file.flush()
            given = {"CF_TUNNEL_TOKEN_FILE": file.name}
            self.assertEqual(Settings.load(given).token, "from-file")
            self.assertEqual(Settings.load({**given, "CF_TUNNEL_TOKEN": "own"}).token, "own")
            self.assertNotIn("in-no-traceback", repr(Settings.load({"CF_TUNNEL_TOKEN": "in-no-traceback"})))
        self.assertIsNone(Settings.load({"CF_TUNNEL_TOKEN_FILE": "/nowhere"}).token)


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class PaceTest(unittest.IsolatedAsyncioTestCase):
    """The limit is the address's."""

    async def test_starts_keep_their_distance_and_a_refusal_holds_for_all(self) -> None:
        pace = Pace(Patience(between_starts=0.1, when_limited=(0.3, 0.6)))
        began = time.monotonic()
        await asyncio.gather(pace.turn(), pace.turn(), pace.turn())
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        pace.refused()
        self.assertAlmostEqual(pace.wait(), 0.3, delta=0.05)
        pace.refused()
        pace.refused()
        self.assertAlmostEqual(pace.wait(), 0.6, delta=0.05)
        pace.granted()
        pace.refused()
        self.assertAlmostEqual(pace.wait(), 0.3, delta=0.05)


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class TunnelsTest(unittest.IsolatedAsyncioTestCase):
    """The manager and its programs."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        portal_instance.prepare(self.folder, 1, 2)
        # Its log.
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        self.settings = portal_instance.tunnel_settings(self.folder, QUICK, TUNNEL_URL="http://evil", LD_PRELOAD="/x")

    def manager(self, **changed: Any) -> Any:
        """One that ends with the test."""
        found = Manager(replace(self.settings, **changed))
        self.addAsyncCleanup(found.end)
        found.begin()
        return found

    def cloudflare(self, behaviour: str) -> None:
        """What Cloudflare does from now on."""
        (self.folder / "cloudflare/behaviour").write_text(behaviour)

    def starts(self) -> list[dict[str, Any]]:
        """With what cloudflared was started."""
        file = self.folder / "cloudflare/started.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def until(self, manager: Any, state: str, port: int = 8188) -> Any:
        """The tunnel, once it is in this state."""
        found = None
        for _ in range(600):
            found = await manager.find(port)
            if found.state == state:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {state}: {found}")

    async def test_a_tunnel_leads_to_the_doors_socket_and_knows_no_secret(self) -> None:
        manager = self.manager()
        self.assertEqual((await manager.find(8188)).state, "stopped")
        self.assertEqual((await manager.order(8188, "start")).state, "waiting")
        found = await self.until(manager, "running")
        self.assertRegex(found.url, r"^https://[a-z]+-[a-z]+-[a-z]+\.trycloudflare\.com$")
        self.assertEqual(found.labels, ["ComfyUI"])
        (start,) = self.starts()
        self.assertNotIn("--no-tls-verify", start["arguments"])
        self.assertEqual(start["arguments"][start["arguments"].index("--protocol") + 1], "http2")
        rules = Path(start["config"]).read_text()
        self.assertEqual(rules, f'ingress:\n- service: "unix:{self.folder}/tunnel/8188.sock"\n')
        # No token of others, none of the variables that it reads itself.
        self.assertEqual(set(start["environment"]) - {"PWD", "LC_CTYPE", "PYTHONPATH"}, {"HOME", "PATH"})

    async def test_stop_and_start_anew(self) -> None:
        manager = self.manager()
        await manager.order(8188, "start")
        first = await self.until(manager, "running")
        await manager.order(8188, "start")
        self.assertEqual((await manager.find(8188)).url, first.url)
        await manager.order(8188, "refresh")
        second = await self.until(manager, "running")
        self.assertEqual(len(self.starts()), 2)
        stopped = await manager.order(8188, "stop")
        self.assertEqual((stopped.state, stopped.url), ("stopped", None))
        self.assertNotEqual(first.url, second.url)

    async def test_refusals_are_said_and_waited_out(self) -> None:
        self.cloudflare("limited")
        manager = self.manager()
        await manager.order(8188, "start")
        found = await self.until(manager, "retrying")
        self.assertIn("429 Too Many Requests", found.detail)
        self.assertGreater(found.until, time.time())
        # The other one waits as well, and says why.
        await manager.order(1111, "start")
        await asyncio.sleep(0)
        other = await manager.find(1111)
        self.assertEqual((other.state, other.detail), ("waiting", found.detail))
        before = len(self.starts())
        self.cloudflare("ok")
        await self.until(manager, "running")
        await self.until(manager, "running", 1111)
        times = [start["time"] for start in self.starts()]
        self.assertGreaterEqual(times[before] - times[before - 1], 0.8)

    async def test_a_network_that_is_not_there_is_given_up_after_some_tries(self) -> None:
        self.cloudflare("offline")
        manager = self.manager()
        await manager.order(8188, "start")
        found = await self.until(manager, "failed")
        self.assertIn("no such host", found.detail)
        self.assertEqual(len(self.starts()), 1 + len(QUICK.retries))
        # Whoever asks again gets new tries.
        self.cloudflare("ok")
        await manager.order(8188, "start")
        await self.until(manager, "running")

    async def test_an_answer_that_does_not_come_is_not_waited_for(self) -> None:
        self.cloudflare("silent")
        patience = replace(QUICK, for_address=2.0, retries=())
        manager = self.manager(patience=patience)
        await manager.order(8188, "start")
        self.assertIn("no address within 2 seconds", (await self.until(manager, "failed")).detail)

    async def test_an_address_is_shown_only_once_it_leads_here(self) -> None:
        self.cloudflare("blocked")
        manager = self.manager()
        await manager.order(8188, "start")
        found = await self.until(manager, "connecting")
        for _ in range(100):
            if found.detail:
                break
            await asyncio.sleep(0.05)
            found = await manager.find(8188)
        self.assertIsNone(found.url)
        self.assertIn("i/o timeout", found.detail)

    async def test_one_that_dies_is_started_again(self) -> None:
        self.cloudflare("dies")
        manager = self.manager()
        await manager.order(8188, "start")
        for _ in range(400):
            if len(self.starts()) > 1:
                break
            await asyncio.sleep(0.05)
        self.assertGreater(len(self.starts()), 1)

    async def test_only_what_is_behind_the_login_gets_a_tunnel(self) -> None:
        manager = self.manager()
        for port in (18188, 22, 11112):
            with self.assertRaises(TunnelProblem) as caught:
                await manager.order(port, "start")
            self.assertEqual(caught.exception.status, 404)
        self.assertEqual(self.starts(), [])

    async def test_without_cloudflared_it_says_so(self) -> None:
        manager = self.manager(program=None, token="x", at_start=None)
        told = await manager.tell()
        self.assertEqual((told.available, told.reason is not None), (False, True))
        with self.assertRaises(TunnelProblem) as caught:
            await manager.order(8188, "start")
        self.assertIn("built without cloudflared", caught.exception.text)

    async def test_tunnels_at_the_start_wait_for_the_door_and_nothing_waits_for_them(self) -> None:
        door = self.folder / "entrances.json"
        kept = door.read_text()
        door.unlink()
        began = time.monotonic()
        manager = self.manager(at_start=frozenset({8188}))
        self.assertLess(time.monotonic() - began, 0.5)
        await asyncio.sleep(0.3)
        self.assertEqual(self.starts(), [])
        door.write_text(kept)
        await asyncio.sleep(0.3)
        await self.until(manager, "running")
        self.assertEqual((await manager.find(1111)).state, "stopped")

    async def test_no_process_is_left_behind(self) -> None:
        manager = self.manager()
        await manager.order(8188, "start")
        await self.until(manager, "running")
        process = manager._quick[8188]._task
        await manager.end()
        self.assertTrue(process.done())
        left = [
            entry
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if str(self.folder / "cloudflare").encode() in read(entry) and int(entry.parent.name) != os.getpid()
        ]
        self.assertEqual(left, [])

    async def test_a_named_tunnel_has_its_token_in_the_environment_and_tells_its_names(self) -> None:
        ingress = [
            {"hostname": "ai.example.org", "service": f"unix:{self.folder}/tunnel/8188.sock"},
            {"hostname": "open.example.org", "service": "http://localhost:18188"},
            {"service": "http_status:404"},
        ]
        token = base64.b64encode(json.dumps({"a": "x", "t": "y", "s": "z", "ingress": ingress}).encode()).decode()
        manager = self.manager(token=token, metrics_port=free_port())
        routes: Any = []
        for _ in range(400):
            named = (await manager.tell()).named
            routes = named.routes if named else []
            if routes:
                break
            await asyncio.sleep(0.05)
        self.assertEqual([route.url for route in routes], ["https://ai.example.org/", "https://open.example.org/"])
        self.assertEqual([route.port for route in routes], [8188, 18188])
        # Whoever knows that name needs no login.
        self.assertEqual([route.unprotected for route in routes], [False, True])
        (start,) = self.starts()
        self.assertIn("TUNNEL_TOKEN", start["environment"])
        self.assertNotIn(token, json.dumps(start["arguments"]))

    async def test_a_token_that_is_none_is_not_tried_again(self) -> None:
        manager = self.manager(token="nonsense")
        for _ in range(400):
            named = (await manager.tell()).named
            if named and named.state == "failed":
                break
            await asyncio.sleep(0.05)
        assert named
        self.assertEqual((named.state, len(self.starts())), ("failed", 1))
        self.assertIn("token is not valid", named.detail)

    async def test_older_names_of_routes(self) -> None:
        app = create_app(self.settings)
        transport = httpx.ASGITransport(app)
        base = "http://localhost:11112"
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=base) as client:
            self.assertEqual((await client.get("/get-quick-tunnel-if-exists/http://localhost:8188")).status_code, 404)
            opened = await client.get("/get-quick-tunnel/http://localhost:8188", timeout=30)
            self.assertEqual(opened.status_code, 200, opened.text)
            all_of_them = (await client.get("/get-all-quick-tunnels")).json()
            self.assertEqual([tunnel["url"] for tunnel in all_of_them], [opened.json()["url"]])
            self.assertEqual((await client.get("/get-named-tunnels")).json(), [])
            self.assertEqual((await client.get("/get-named-tunnel/8188")).status_code, 404)
            self.assertEqual((await client.get("/get-direct-url/8188")).json(), {"url": "https://localhost:8188/"})
            self.assertEqual((await client.get("/get-quick-tunnel/http://evil.example")).status_code, 422)
            self.assertEqual((await client.post("/tunnels/18188/start")).status_code, 404)
            self.assertEqual((await client.post("/stop-quick-tunnel/8188")).json()["state"], "stopped")


def free_port() -> int:
    """One that nobody listens on, nor will by chance."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) != 0:
                return port


def read(file: Path) -> bytes:
    """A file of /proc, whose process may have ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    unittest.main()
