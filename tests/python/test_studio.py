"""The service's decisions: who may pass, what is there, what may be loaded, what a message means. No server."""

from __future__ import annotations

import asyncio
import hmac
import json
import tempfile
import unittest
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

from support import fill

from strata_models.manifest import Model
from strata_models.place import Records, place
from strata_studio import downloads, inventory, progress
from strata_studio.gate import TokenGate, offered_tokens

HEADER = b"authorization"
PROTOCOLS = b"sec-websocket-protocol"


class GateTest(unittest.TestCase):
    """The token."""

    def pass_through(self, path: str, headers: list[tuple[bytes, bytes]], kind: str = "http") -> list[Any]:
        """What the gate sends; `passed` where it hands the request on."""
        sent: list[Any] = []

        async def app(*_: Any) -> None:
            sent.append("passed")

        async def receive() -> Any:
            return {"type": f"{kind}.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        gate = TokenGate(app, "right")
        asyncio.run(gate({"type": kind, "path": path, "headers": headers}, receive, send))
        return sent

    def test_what_passes(self) -> None:
        self.assertEqual(self.pass_through("/healthz", []), ["passed"])
        self.assertEqual(self.pass_through("/x", [], "lifespan"), ["passed"])
        for headers in (
            [(HEADER, b"Bearer right")],
            [(HEADER, b"bearer  right")],
            [(PROTOCOLS, b"strata.token, right")],
        ):
            self.assertEqual(self.pass_through("/x", headers), ["passed"], headers)

    def test_what_does_not(self) -> None:
        for path in ("/x", "/healthz/", "/healthz/../x", "//healthz", "/HEALTHZ", ""):
            self.assertEqual(self.pass_through(path, [])[0]["status"], 401, path)
        for value in (
            b"Bearer wrong",
            b"Bearer",
            b"Bearer ",
            b"Basic right",
            b"right",
            b"Bearer right2",
            b"Bearer \xff",
        ):
            self.assertEqual(self.pass_through("/x", [(HEADER, value)])[0]["status"], 401, value)
        for value in (b"right", b"strata.token", b"other, right"):
            self.assertEqual(self.pass_through("/x", [(PROTOCOLS, value)])[0]["status"], 401, value)

    def test_how_long_a_refusal_takes_does_not_tell_how_much_was_right(self) -> None:
        for offered, sent in {b"right": ["passed"], b"righ?": [401], b"?": [401]}.items():
            with mock.patch("hmac.compare_digest", side_effect=hmac.compare_digest) as compare:
                found = self.pass_through("/x", [(HEADER, b"Bearer " + offered)])
            self.assertEqual([each if each == "passed" else each["status"] for each in found[:1]], sent)
            compare.assert_called_once_with(offered, b"right")

    def test_a_browser_sends_any_token_in_base64url(self) -> None:
        # What `openssl rand -base64 32` makes has characters that a protocol must not have: RFC 6455 wants a token of
        # RFC 2616, and browsers throw SyntaxError.
        token = b"pL7/+v3q2bM=,0"
        for offered in (b"strata.token, base64url.cEw3Lyt2M3EyYk09LDA", b"base64url.cEw3Lyt2M3EyYk09LDA,strata.token"):
            self.assertIn(token, offered_tokens([(PROTOCOLS, offered)]), offered)
            self.assertNotRegex(offered.decode(), r"[/=]")
        self.assertEqual(offered_tokens([(PROTOCOLS, b"base64url.cEw3Lyt2M3EyYk09LDA")]), [], "without the other")
        for broken in (b"base64url.", b"base64url.!!", b"base64url.a"):
            for found in offered_tokens([(PROTOCOLS, b"strata.token, " + broken)]):
                self.assertIn(found, (broken, b""))

    def test_a_socket_is_closed_before_it_opens(self) -> None:
        self.assertEqual(self.pass_through("/x", [], "websocket"), [{"type": "websocket.close", "code": 1008}])

    def test_every_token_counts(self) -> None:
        headers = [(HEADER, b"Bearer a"), (HEADER, b"Bearer b"), (b"cookie", b"Bearer c")]
        self.assertEqual(offered_tokens(headers), [b"a", b"b"])


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))


class InventoryTest(InFolder):
    """Nodes and models."""

    def test_classes_belong_to_the_folder_they_came_from(self) -> None:
        found = inventory.classes_by_folder(
            {
                "B": {"python_module": "custom_nodes.pack.v2"},
                "A": {"python_module": "custom_nodes.pack.v2"},
                "Own": {"python_module": "nodes"},
                "Extra": {"python_module": "comfy_extras.nodes_x"},
                "Odd": None,
            }
        )
        self.assertEqual(found, {"pack.v2": ["A", "B"]})

    def nodes(self, classes: dict[str, list[str]] | None, **failures: Any) -> dict[str, inventory.Node]:
        fill(
            self.root,
            "image/Good/x",
            "image/single.py",
            "image/Bad/x",
            "image/Off.disabled/x",
            "volume/good/x",
            "volume/mine/x",
        )
        for node in ("image/Good", "volume/good"):
            origin = {"repository": "r", "commit": "c", "version": None}
            (self.root / node / "strata-node.json").write_text(json.dumps(origin))
        listed = [
            {"folder": "Good", "repository": "r", "group": "g"},
            {"folder": "Bad", "repository": "r", "knownFailure": "needs a GPU"},
            {"folder": "Gone", "repository": "r"},
            {"folder": "Off.disabled", "repository": "r"},
        ]
        folders = {"image": self.root / "image", "volume": self.root / "volume"}
        found = inventory.describe_nodes(listed, folders, ["good"], classes, failures)
        return {f"{node.source}/{node.folder}": node for node in found}

    def test_what_is_no_node(self) -> None:
        fill(self.root, "A/x", "b.py", "c.txt", "D.disabled/x", ".git/x", ".e.py", "__pycache__/x")
        self.assertEqual(inventory.list_nodes(self.root), ["A", "b.py"])
        self.assertEqual(inventory.list_nodes(self.root / "none"), [])

    def test_every_node_has_a_status(self) -> None:
        failure = {str(self.root / "image/Bad"): {"reason": "boom", "traceback": "t"}}
        nodes = self.nodes({"Good": ["A"], "single": ["S"]}, **failure)
        self.assertEqual(
            {name: node.status for name, node in nodes.items()},
            {
                "image/Bad": "failed",
                "image/Gone": "failed",
                "image/Good": "loaded",
                "image/Off.disabled": "disabled",
                "image/single.py": "loaded",
                "volume/good": "hidden",
                "volume/mine": "loaded",
            },
        )
        self.assertEqual(nodes["image/Good"].classes, ["A"])
        self.assertEqual(nodes["image/single.py"].classes, ["S"])
        bad = nodes["image/Bad"]
        self.assertEqual((bad.reason, bad.traceback, bad.known_failure), ("boom", "t", "needs a GPU"))
        good = nodes["image/Good"]
        self.assertEqual((good.repository, good.commit, good.version, good.group), ("r", "c", None, "g"))
        self.assertEqual(nodes["volume/good"].commit, None)

    def test_without_comfyui_nothing_is_known_about_them(self) -> None:
        self.assertEqual(self.nodes(None)["image/Good"].status, "unknown")

    def test_failures_that_were_noted(self) -> None:
        file = self.root / "failed.jsonl"
        self.assertEqual(inventory.read_failures(file), {})
        file.write_text('{"path": "/a", "reason": "x"}\n{"path": "/b", "rea')
        self.assertEqual(list(inventory.read_failures(file)), ["/a"])

    def test_downloads_go_to_the_volume_and_to_the_folder_of_that_name(self) -> None:
        models = self.root / "models"
        reported = [
            {
                "name": "diffusion_models",
                "folders": ["/old/diffusion_models", f"{models}/unet", f"{models}/diffusion_models"],
            },
            {"name": "vae", "folders": [f"{models}/vae"]},
        ]
        folders = inventory.model_folders(models, reported)
        self.assertEqual(folders["diffusion_models"][0], models / "diffusion_models")
        fill(models, "vae/x", ".downloads/x", "configs/x", "file")
        self.assertEqual(inventory.model_folders(models, None), {"vae": [models / "vae"]})
        self.assertEqual(inventory.model_folders(self.root / "none", None), {})

    def test_model_files(self) -> None:
        fill(self.root, "a.safetensors", "sub/b.ckpt", "put_vae_here", ".hidden/c", ".d")
        self.assertEqual([model.name for model in inventory.list_models(self.root)], ["a.safetensors", "sub/b.ckpt"])


class OrderTest(InFolder):
    """What may be loaded, and where to."""

    def make(self, **changes: Any) -> downloads.Order:
        models = Path("/workspace/models")
        order: dict[str, Any] = {
            "repository": "owner/name",
            "file": "sub/model.safetensors",
            "revision": None,
            "folder": "vae",
            "folders": {"vae": [models / "vae"], "old": [Path("/old/vae")], "up": [models / "../custom_nodes"]},
            "models": models,
        }
        return downloads.make_order(**{**order, **changes})

    def test_a_good_order(self) -> None:
        order = self.make()
        self.assertEqual(order.destination, Path("/workspace/models/vae/model.safetensors"))
        self.assertEqual(order.revision, "main")
        self.assertEqual(order.id, self.make().id)
        self.assertNotEqual(order.id, self.make(revision="v2").id)
        self.make(revision="refs/pr/1")

    def test_orders_that_leave_the_volume_or_the_hub(self) -> None:
        wrong = {
            "repository": ("name", "a/b/c", "../b", "a/..", "a/b?x", "https://x/y", "a /b", "-a/b"),
            "file": ("", ".", "/a", "../a", "a/../b", "a/..", ".env", "a/.git", "a\\b", "a\nb", "a\0"),
            "revision": ("", "../x", "a/../b", "a b", "/x", "a?b", "x" * 300),
            "folder": ("none", "../vae", "old", "up"),
        }
        for field, values in wrong.items():
            for value in values:
                with self.subTest(field=field, value=value), self.assertRaises(downloads.OrderError) as caught:
                    self.make(**{field: value})
                self.assertIn(field, str(caught.exception))

    def test_a_file_arrives_whole_also_in_another_file_system(self) -> None:
        model, records = (
            Model("model", "vae", "https://hub/model", 0, sha256().hexdigest()),
            Records(self.root / "known"),
        )
        for across in (False, True):
            fill(self.root, "loaded.part")
            target = self.root / "vae/model"
            real = Path.replace

            def replace(path: Path, other: Path, across: bool = across, real: Any = real) -> Path:
                if across and path.parent != other.parent:
                    raise OSError(18, "Invalid cross-device link")
                return Path(real(path, other))

            with mock.patch.object(Path, "replace", replace):
                place(model, self.root / "loaded.part", target, records)
            self.assertEqual([path.name for path in target.parent.iterdir()], ["model"])


class ProgressTest(unittest.TestCase):
    """ComfyUI's messages."""

    def event(self, kind: str, **data: Any) -> Any:
        events = progress.events_of(kind, data, {"3": {"class_type": "KSampler"}})
        return events[0] if events else None

    def test_messages(self) -> None:
        self.assertEqual(self.event("execution_start"), {"type": "started"})
        self.assertEqual(self.event("executing", node="3"), {"type": "node", "node": "3", "class": "KSampler"})
        self.assertEqual(self.event("executing", node="3.0.1")["class"], "KSampler")
        step = self.event("progress", node="3", value=2, max=20)
        self.assertEqual((step["type"], step["step"], step["steps"]), ("step", 2, 20))
        self.assertEqual(self.event("execution_cached", nodes=["3"])["nodes"], [{"node": "3", "class": "KSampler"}])
        self.assertIsNone(self.event("execution_cached", nodes=[]))
        self.assertEqual(self.event("executing", node=None), {"type": "done"})
        self.assertEqual(self.event("execution_interrupted"), {"type": "cancelled"})
        for kind in ("status", "progress_state", "crystools.monitor"):
            self.assertIsNone(self.event(kind, node="3"))

    def test_files_and_values(self) -> None:
        images = [{"filename": "a b.png", "subfolder": "x/y", "type": "temp"}]
        output = self.event("executed", node="3", output={"images": images, "text": ["t"], "animated": [True]})
        (file,) = output["files"]
        self.assertEqual(file["url"], "/comfyui/files?filename=a+b.png&subfolder=x%2Fy&type=temp")
        self.assertEqual(output["values"], {"text": ["t"], "animated": [True]})
        self.assertEqual(self.event("executed", node="3", output=None)["files"], [])

    def test_the_end_in_the_history(self) -> None:
        failed = {"node_id": "3", "node_type": "KSampler", "exception_message": "x\n", "traceback": ["a", "b"]}
        entry = {"outputs": {"3": {}}, "status": {"messages": [["execution_start", {}], ["execution_error", failed]]}}
        events = progress.events_of_history(entry, {})
        self.assertEqual([event["type"] for event in events], ["output", "error"])
        self.assertEqual((events[1]["message"], events[1]["traceback"]), ("x", "ab"))
        self.assertEqual((events[1]["node"], events[1]["class"]), ("3", "KSampler"))
        # An older ComfyUI leaves the class out; the workflow knows it.
        (error,) = progress.events_of("execution_error", {"node_id": "3"}, {"3": {"class_type": "KSampler"}})
        self.assertEqual((error["class"], error["message"], error["traceback"]), ("KSampler", "", ""))
        self.assertEqual(progress.events_of_history({}, {}), [{"type": "done"}])

    def test_a_summary(self) -> None:
        queued, output = {"type": "queued"}, self.event("executed", node="3", output={})
        for events, status in (
            ([], "queued"),
            ([queued], "queued"),
            ([queued, output], "running"),
            ([queued, output, {"type": "done"}], "done"),
        ):
            self.assertEqual(progress.summarise(events)["status"], status)
            self.assertIsNone(progress.summarise(events)["error"])
        error = {"type": "error", "message": "out of memory"}
        self.assertEqual(progress.summarise([queued, error]), {"status": "error", "outputs": [], "error": error})
        self.assertEqual(len(progress.summarise([output])["outputs"]), 1)
        json.dumps(progress.summarise([output]))


if __name__ == "__main__":
    unittest.main()
