"""What the service remembers of a workflow: its events, and that its end is the last of them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import unittest
from typing import Any
from unittest import mock

import support  # noqa: F401 - puts the programs on the path

MISSING = [name for name in ("httpx", "websockets") if not importlib.util.find_spec(name)]
if not MISSING:
    from strata_studio import workflows
    from strata_studio.comfyui import ComfyuiError

STEP = {"type": "step", "step": 1, "steps": 2}
OUTPUT = {"type": "output", "node": "3", "class": "KSampler", "files": [{"url": "/x"}], "values": {}}
DONE, ERROR, CANCELLED = {"type": "done"}, {"type": "error", "message": "x"}, {"type": "cancelled"}


class WorkflowCase(unittest.IsolatedAsyncioTestCase):
    """Skipped where packages of the service are missing."""

    def setUp(self) -> None:
        if MISSING:
            self.skipTest(f"this Python lacks {', '.join(MISSING)}")
        self.workflow = workflows.Workflow("w", {"3": {"class_type": "KSampler"}})

    def kinds(self) -> list[str]:
        """Of the events so far."""
        return [str(event["type"]) for event in self.workflow.events]


class EventsTest(WorkflowCase):
    """One workflow."""

    async def test_nothing_is_added_after_the_end(self) -> None:
        for last in (DONE, ERROR, CANCELLED):
            self.workflow.events.clear()
            await self.workflow.add([STEP, last])
            await self.workflow.add([STEP, DONE])
            self.assertEqual(self.kinds(), ["step", last["type"]])
        self.workflow.events.clear()
        await self.workflow.add([STEP, ERROR, OUTPUT, DONE])
        self.assertEqual(self.kinds(), ["step", "error"], "nor from one message")

    async def test_its_end_comes_with_everything_that_came_out(self) -> None:
        await self.workflow.add([OUTPUT])
        await self.workflow.add([DONE])
        (output,) = self.workflow.events[-1]["outputs"]
        self.assertEqual((output["node"], output["files"]), ("3", [{"url": "/x"}]))

    async def test_a_listener_hears_all_of_it_whenever_it_comes(self) -> None:
        async def listen() -> list[Any]:
            return [event["type"] async for event in self.workflow.listen()]

        await self.workflow.add([STEP])
        async with asyncio.timeout(60):
            early = asyncio.create_task(listen())
            await asyncio.sleep(0)
            await self.workflow.add([OUTPUT])
            await asyncio.sleep(0)
            await self.workflow.add([DONE])
            self.assertEqual(await early, ["step", "output", "done"])
            self.assertEqual(await listen(), ["step", "output", "done"])


class FollowingTest(WorkflowCase):
    """ComfyUI's messages, and what is made of a lost connection."""

    def setUp(self) -> None:
        super().setUp()
        self.comfyui = mock.AsyncMock(headers={})
        self.all = workflows.Workflows(self.comfyui, "http://127.0.0.1:1")
        self.all._known["w"] = self.workflow

    async def hear(self, kind: str, **data: Any) -> None:
        """One message of ComfyUI."""
        await self.all._hear(json.dumps({"type": kind, "data": data}))

    async def test_messages_belong_to_one_workflow(self) -> None:
        await self.hear("executing", node="3", prompt_id="another")
        await self.hear("status")
        await self.all._hear(b"\0\0\0\1a preview")
        self.assertEqual(self.kinds(), [])
        await self.hear("executing", node="3", prompt_id="w")
        self.assertEqual(self.workflow.events, [{"type": "node", "node": "3", "class": "KSampler"}])

    async def catch_up(self, history: dict[str, Any], queue: dict[str, Any]) -> list[str]:
        """What is known of a workflow that had begun."""
        self.workflow.events[:] = [STEP]
        answers = {"/history/w": history, "/queue": queue}
        self.comfyui.get.side_effect = lambda path: answers[path]
        await self.all._catch_up()
        return self.kinds()

    async def test_what_happened_meanwhile(self) -> None:
        self.assertEqual(await self.catch_up({"w": {"outputs": {"3": {}}}}, {}), ["step", "output", "done"])
        for place in ("queue_pending", "queue_running"):
            self.assertEqual(await self.catch_up({}, {place: [[0, "w"]]}), ["step"], place)
        self.assertEqual(await self.catch_up({}, {"queue_running": [[0, "another"]]}), ["step", "error"])
        self.assertIn("restarted", self.workflow.events[-1]["message"])
        # One that is on its way to ComfyUI's queue is not in it yet.
        self.workflow.events.clear()
        self.comfyui.get.reset_mock()
        await self.all._catch_up()
        self.comfyui.get.assert_not_called()
        self.comfyui.get.side_effect = ComfyuiError("not ready")
        self.workflow.events[:] = [STEP]
        self.assertFalse(await self.all._catch_up())
        self.assertEqual(self.kinds(), ["step"])

    async def test_what_ends_between_two_questions_is_not_lost(self) -> None:
        self.workflow.events[:] = [STEP]
        state = {"queue": {"queue_running": [[0, "w"]]}, "history": {}}

        async def get(path: str) -> Any:
            answer = state["queue" if path == "/queue" else "history"]
            # It ends as soon as anything was asked.
            state.update(queue={}, history={"w": {"outputs": {}}})
            return answer

        self.comfyui.get.side_effect = get
        await self.all._catch_up()
        self.assertEqual(self.kinds(), ["step"])
        await self.all._catch_up()
        self.assertEqual(self.kinds(), ["step", "done"])

    async def test_a_comfyui_that_does_not_answer_at_first_is_asked_again(self) -> None:
        from websockets.asyncio.server import serve

        async def stay(socket: Any) -> None:
            await socket.wait_closed()

        answers = iter([ComfyuiError("no answer within 60 s"), {}, ComfyuiError("again"), {}, {"w": {"outputs": {}}}])

        async def get(_: str) -> Any:
            if isinstance(answer := next(answers), Exception):
                raise answer
            return answer

        self.comfyui.get.side_effect = get
        self.workflow.events[:] = [STEP]
        with mock.patch.object(workflows, "RECONNECT", 0.01):
            async with asyncio.timeout(60), serve(stay, "127.0.0.1", 0) as server:
                self.all = workflows.Workflows(self.comfyui, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                self.all._known["w"] = self.workflow
                following = asyncio.create_task(self.all.follow())
                async for _ in self.workflow.listen():
                    pass
                following.cancel()
        self.assertEqual(self.kinds(), ["step", "done"])

    async def test_who_is_not_connected_queues_nothing(self) -> None:
        with mock.patch.object(workflows, "CONNECT_PATIENCE", 0.01), self.assertRaisesRegex(ComfyuiError, "not ready"):
            await self.all.queue({}, {})
        self.comfyui.queue.assert_not_called()

    async def test_a_refused_workflow_is_forgotten_and_an_accepted_one_has_comfyuis_id(self) -> None:
        self.all._connected.set()
        self.comfyui.queue.side_effect = ComfyuiError("no")
        with self.assertRaises(ComfyuiError):
            await self.all.queue({}, {})
        self.assertEqual(list(self.all._known), ["w"])
        self.comfyui.queue.side_effect = None
        self.comfyui.queue.return_value = {"prompt_id": "theirs", "node_errors": {"4": "x"}}
        queued = await self.all.queue({}, {})
        self.assertIs(self.all.get("theirs"), queued)
        self.assertEqual((queued.id, queued.node_errors), ("theirs", {"4": "x"}))
        self.assertEqual(queued.events, [{"type": "queued", "id": "theirs"}])
        self.assertEqual(list(self.all._known), ["w", "theirs"])

    async def test_what_comfyui_says_at_once_comes_after_the_queue(self) -> None:
        self.all._connected.set()

        async def queue(_: Any, identity: str, *__: Any) -> dict[str, Any]:
            await self.hear("execution_start", prompt_id=identity)
            await self.hear("executing", node="3", prompt_id=identity)
            return {"prompt_id": identity}

        self.comfyui.queue.side_effect = queue
        queued = await self.all.queue({}, {})
        self.assertEqual([event["type"] for event in queued.events], ["queued", "started", "node"])

    async def test_only_so_many_that_have_ended_are_remembered(self) -> None:
        self.all._known.clear()
        for number in range(5):
            self.all._known[str(number)] = workflow = workflows.Workflow(str(number), {})
            await workflow.add([STEP] if number == 0 else [DONE])
        with mock.patch.object(workflows, "REMEMBERED", 3):
            self.all._forget()
        self.assertEqual(list(self.all._known), ["0", "3", "4"], "the oldest go, and none that still runs")
        for remembered in (3, 4):
            with mock.patch.object(workflows, "REMEMBERED", remembered):
                self.all._forget()
            self.assertEqual(list(self.all._known), ["0", "3", "4"], "there is room for all of them")

    async def test_it_comes_back_after_a_lost_connection(self) -> None:
        from websockets.asyncio.server import serve

        paths: list[str] = []

        async def send_one(socket: Any) -> None:
            paths.append(socket.request.path)
            data = {"prompt_id": "w", "node": "3", "value": len(paths), "max": 9}
            await socket.send(json.dumps({"type": "progress", "data": data}))

        self.comfyui.get.side_effect = lambda path: {"/queue": {"queue_running": [[0, "w"]]}}.get(path, {})
        with mock.patch.object(workflows, "RECONNECT", 0.01):
            async with asyncio.timeout(60), serve(send_one, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                self.all = workflows.Workflows(self.comfyui, f"http://127.0.0.1:{port}")
                self.all._known["w"] = self.workflow
                following = asyncio.create_task(self.all.follow())
                async for event in self.workflow.listen():
                    if event["step"] == 3:
                        break
                following.cancel()
        self.assertEqual([event["step"] for event in self.workflow.events[:3]], [1, 2, 3])
        self.assertEqual(set(paths), {f"/ws?clientId={self.all._client}"})


if __name__ == "__main__":
    unittest.main()
