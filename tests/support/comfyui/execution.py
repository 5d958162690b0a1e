"""Runs workflows one after the other, and remembers how they ended."""

from __future__ import annotations

import queue
import threading
import traceback
import uuid
from collections.abc import Callable
from typing import Any

import nodes

Prompt = dict[str, Any]
Tell = Callable[[str, dict[str, Any]], None]


class Executor:
    """`tell` gets what happens, as ComfyUI sends it over its WebSocket."""

    def __init__(self, tell: Tell) -> None:
        self.history: dict[str, Any] = {}
        self.running: list[Any] = []
        self.waiting: queue.Queue[tuple[int, str, Prompt]] = queue.Queue()
        self._tell, self._count = tell, 0
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, prompt: Prompt) -> dict[str, Any]:
        """Queues a workflow."""
        self._count += 1
        number, name = self._count, str(uuid.uuid4())
        self.waiting.put((number, name, prompt))
        self._tell("status", {"status": {"exec_info": {"queue_remaining": self.remaining()}}})
        return {"prompt_id": name, "number": number, "node_errors": {}}

    def remaining(self) -> int:
        """Workflows that have not ended."""
        return self.waiting.qsize() + len(self.running)

    def _work(self) -> None:
        while True:
            number, name, prompt = self.waiting.get()
            self.running = [[number, name, prompt, {}, []]]
            outputs: dict[str, Any] = {}
            status = {"status_str": "success", "completed": True, "messages": []}
            self._tell("execution_start", {"prompt_id": name})
            try:
                for node in prompt:
                    if getattr(nodes.NODE_CLASS_MAPPINGS[prompt[node]["class_type"]], "OUTPUT_NODE", False):
                        self._compute(name, prompt, node, outputs, {})
                self._tell("execution_success", {"prompt_id": name})
            except Exception as error:  # noqa: BLE001 - nodes raise what they like
                details = {"exception_message": str(error), "traceback": traceback.format_exc().splitlines()}
                status = {"status_str": "error", "completed": False, "messages": [["execution_error", details]]}
                self._tell("execution_error", {"prompt_id": name, **details})
            self.history[name] = {"prompt": self.running[0], "outputs": outputs, "status": status}
            self.running = []
            self._tell("executing", {"node": None, "prompt_id": name})
            self._tell("status", {"status": {"exec_info": {"queue_remaining": self.remaining()}}})

    def _compute(self, name: str, prompt: Prompt, node: str, outputs: dict[str, Any], done: dict[str, Any]) -> Any:
        """What a node returns; what it needs is computed first, each node once."""
        if node not in done:
            kind = nodes.NODE_CLASS_MAPPINGS[prompt[node]["class_type"]]
            values = {
                key: self._compute(name, prompt, str(value[0]), outputs, done)[value[1]]
                if isinstance(value, list)
                else value
                for key, value in prompt[node]["inputs"].items()
            }
            self._tell("executing", {"node": node, "prompt_id": name})
            self._tell("progress", {"value": 1, "max": 1, "node": node, "prompt_id": name})
            done[node] = getattr(kind(), kind.FUNCTION)(**values)
            if isinstance(done[node], dict) and "ui" in done[node]:
                outputs[node] = done[node]["ui"]
                self._tell("executed", {"node": node, "output": outputs[node], "prompt_id": name})
        return done[node]
