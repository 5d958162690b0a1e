"""The service on a real process manager and a small ComfyUI: the container's parts as its entrypoint starts them.

Needs the packages of the image's service, which the machine that runs the tests may lack.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import fill

from container import IMAGE, PATIENCE, TOKEN, Container
from hub import CONTENT, running_hub

PACKAGES = ("bcrypt", "fastapi", "uvicorn", "httpx", "websockets", "huggingface_hub", "supervisor", "packaging")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class ServiceTest(unittest.TestCase):
    """One container for all tests."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.hub = cls.enterClassContext(running_hub())
        cls.container = Container(Path(folder), HF_ENDPOINT=cls.hub.url, HF_TOKEN="hf_secret", NO_PROXY="127.0.0.1")
        cls.addClassCleanup(cls.container.close)
        cls.container.wait_until(cls.container.is_healthy)

    def ask(self, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Of the container."""
        return self.container.ask(path, body, **more)

    def run_workflow(self, workflow: dict[str, Any]) -> list[dict[str, Any]]:
        """All its events."""
        status, answer = self.ask("/comfyui/workflows", {"workflow": workflow})
        self.assertEqual(status, 202, answer)
        return asyncio.run(self.listen(answer["id"]))

    async def listen(self, identity: str, subprotocol: bool = False) -> list[dict[str, Any]]:
        """The events of a workflow."""
        from websockets.asyncio.client import connect

        how: dict[str, Any] = {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}}
        if subprotocol:
            how = {"subprotocols": ["strata.token", TOKEN]}
        url = f"ws://127.0.0.1:{self.container.port}/comfyui/workflows/{identity}/progress"
        async with asyncio.timeout(PATIENCE), connect(url, proxy=None, **how) as socket:
            return [json.loads(message) async for message in socket]

    def test_only_health_is_open(self) -> None:
        self.assertEqual(self.ask("/healthz", token=None)[1]["parts"]["comfyui"]["ready"], True)
        for path in ("/system", "/comfyui/nodes", "/docs", "/openapi.json", "/nothing"):
            self.assertEqual(self.ask(path, token=None)[0], 401, path)
            self.assertEqual(self.ask(path, token=f"{TOKEN}x")[0], 401, path)
        self.assertEqual(self.ask("/openapi.json")[0], 200)

    def test_a_socket_needs_the_token(self) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus

        async def attempt() -> int:
            url = f"ws://127.0.0.1:{self.container.port}/comfyui/workflows/x/progress?token=x"
            try:
                async with connect(url, proxy=None):
                    return 101
            except InvalidStatus as error:
                return int(error.response.status_code)

        self.assertEqual(asyncio.run(attempt()), 403)

    def test_what_comfyui_was_given(self) -> None:
        seen = json.loads((self.container.volume / "seen.json").read_text())
        self.assertEqual(seen["nodes"], ["mine"])
        self.assertIn("--cpu", seen["argv"])
        self.assertNotIn("STRATA_TOKEN", seen["environment"])
        self.assertNotIn("PYTHONNOUSERSITE", seen["environment"])
        printed = self.container.printed()
        self.assertIn("use token=<hidden>", printed)
        self.assertNotIn(TOKEN, printed)
        self.assertNotIn("$2b$", printed)
        self.assertIn("Not loaded from", printed)
        self.assertNotIn("spawned: 'worker'", printed, "nobody wants RunPod's jobs")

    def test_nodes(self) -> None:
        status, answer = self.ask("/comfyui/nodes")
        self.assertEqual((status, answer["classes"]), (200, 10))
        nodes = {(node["source"], node["folder"]): node for node in answer["nodes"]}
        self.assertEqual(nodes["image", "ComfyUI-KJNodes"]["classes"], ["Resize"])
        self.assertEqual(nodes["image", "ComfyUI-KJNodes"]["commit"], "d" * 40)
        broken = nodes["image", "Broken"]
        self.assertEqual((broken["status"], broken["reason"], broken["knownFailure"]), ("failed", "boom", "old"))
        self.assertIn("Traceback", broken["traceback"])
        self.assertEqual(nodes["volume", "comfyui-kjnodes"]["status"], "hidden")
        self.assertEqual(nodes["volume", "mine"]["classes"], ["Mine"])

    def test_system(self) -> None:
        status, answer = self.ask("/system")
        self.assertEqual(status, 200)
        self.assertEqual(answer["image"], IMAGE)
        self.assertEqual(answer["comfyui"]["reportedVersion"], "0.3.64")
        self.assertFalse(answer["volume"]["persistent"])

    def test_a_workflow(self) -> None:
        events = self.run_workflow(
            {
                "1": {"class_type": "Slow", "inputs": {"steps": 2}},
                "2": {"class_type": "Save", "inputs": {"name": "a.png"}},
            }
        )
        self.assertEqual(
            [event["type"] for event in events],
            ["queued", "started", "node", "step", "step", "node", "output", "done"],
        )
        self.assertEqual((events[3]["step"], events[3]["steps"], events[3]["class"]), (1, 2, "Slow"))
        (output,) = events[-1]["outputs"]
        self.assertEqual(output["values"], {"text": ["seen"]})
        status, content = self.ask(output["files"][0]["url"])
        self.assertEqual((status, content), (200, "picture"))
        status, answer = self.ask(f"/comfyui/workflows/{events[0]['id']}")
        self.assertEqual((answer["status"], answer["outputs"]), ("done", [output]))
        again = asyncio.run(self.listen(events[0]["id"], subprotocol=True))
        self.assertEqual(again, events)

    def test_a_workflow_that_fails(self) -> None:
        events = self.run_workflow({"7": {"class_type": "Fail", "inputs": {}}})
        error = events[-1]
        self.assertEqual((error["type"], error["node"], error["class"]), ("error", "7", "Fail"))
        self.assertEqual((error["message"], error["traceback"]), ("CUDA out of memory", "  File x\n"))

    def test_workflows_that_are_refused(self) -> None:
        status, answer = self.ask("/comfyui/workflows", {"workflow": {"1": {"class_type": "No", "inputs": {}}}})
        self.assertEqual((status, answer["error"]["type"]), (400, "invalid_prompt"))
        status, answer = self.ask("/comfyui/workflows", {"workflow": {"nodes": [], "links": []}})
        self.assertEqual(status, 422)
        self.assertIn("Export (API)", answer["detail"])
        self.assertEqual(self.ask("/comfyui/workflows/none")[0], 404)

    def test_files_outside(self) -> None:
        self.assertEqual(self.ask("/comfyui/files?filename=../seen.json")[0], 403)
        self.assertEqual(self.ask("/comfyui/files?filename=none.png")[0], 404)
        self.assertEqual(self.ask("/comfyui/files?filename=a&type=input")[0], 422)

    def order(self, file: str, **more: Any) -> tuple[int, Any]:
        """Asks for a file of the hub."""
        content = {"repository": "owner/name", "file": file, "folder": "diffusion_models", **more}
        return self.ask("/comfyui/models/download", content)

    def wait_for(self, identity: str, *wanted: str) -> Any:
        """The download when it is in one of the states."""
        found: list[Any] = []

        def arrived() -> bool:
            found[:] = [self.ask(f"/comfyui/models/downloads/{identity}")[1]]
            return found[0]["status"] in wanted

        self.container.wait_until(arrived)
        return found[0]

    def test_a_download_that_is_cancelled_and_goes_on(self) -> None:
        status, answer = self.order("split/slow.safetensors")
        self.assertEqual(status, 202, answer)
        self.assertTrue(self.hub.stuck.wait(PATIENCE))
        self.assertEqual(self.order("split/slow.safetensors")[1]["id"], answer["id"])
        self.container.wait_until(lambda: self.wait_for(answer["id"], "loading")["loaded"] > 0)
        self.assertEqual(
            self.ask(f"/comfyui/models/downloads/{answer['id']}", method="DELETE")[1]["status"], "cancelled"
        )
        self.hub.go_on.set()
        target = self.container.volume / "models/diffusion_models/slow.safetensors"
        self.assertFalse(target.exists())
        self.order("split/slow.safetensors")
        done = self.wait_for(answer["id"], "done", "failed")
        self.assertEqual((done["status"], done["reason"]), ("done", None))
        self.assertEqual(target.read_bytes(), CONTENT)
        self.assertGreater(max(self.hub.starts), 0)
        self.assertEqual(self.order("split/slow.safetensors")[0], 409)
        folders = {folder["folder"]: folder for folder in self.ask("/comfyui/models")[1]}
        listed = {model["name"]: model["bytes"] for model in folders["diffusion_models"]["models"]}
        self.assertEqual(listed["slow.safetensors"], len(CONTENT))
        self.assertNotIn("hf_secret", self.container.printed())

    def test_downloads_that_fail(self) -> None:
        folder = self.container.volume / "models/diffusion_models"
        fill(folder, "mine.safetensors")
        before = {path.name for path in folder.iterdir()}
        _, answer = self.order("wrong.safetensors")
        self.assertIn("sha256", self.wait_for(answer["id"], "done", "failed")["reason"])
        _, answer = self.order("none.txt")
        self.assertIn("no such file", self.wait_for(answer["id"], "done", "failed")["reason"])
        self.assertEqual({path.name for path in folder.iterdir()}, before)

    def test_orders_that_are_refused(self) -> None:
        for file in ("../x.safetensors", "/etc/passwd", "a/.hidden"):
            self.assertEqual(self.order(file)[0], 422, file)
        for name, value in {"repository": "../../x", "revision": "../x", "folder": "../custom_nodes"}.items():
            self.assertEqual(self.order("x.safetensors", **{name: value})[0], 422, value)

    def test_restart(self) -> None:
        status, answer = self.ask(
            "/comfyui/workflows", {"workflow": {"1": {"class_type": "Slow", "inputs": {"steps": 900}}}}
        )
        self.assertEqual(status, 202)
        before = (self.container.volume / "seen.json").stat().st_mtime_ns
        status, restarted = self.ask("/comfyui/restart", {})
        self.assertEqual(status, 200, restarted)
        self.assertGreater((self.container.volume / "seen.json").stat().st_mtime_ns, before)
        self.assertTrue(self.container.is_healthy())
        self.assertIn("restarted", asyncio.run(self.listen(answer["id"]))[-1]["message"])
        (self.container.volume / "input/die").touch()
        status, failed = self.ask("/comfyui/restart", {})
        (self.container.volume / "input/die").unlink()
        self.assertEqual(status, 502)
        self.assertIn("ended while it started", failed["detail"])
        self.container.wait_until(self.container.is_healthy)


if __name__ == "__main__":
    unittest.main()
