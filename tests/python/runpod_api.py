"""RunPod's side of a serverless worker in small: the addresses that its SDK asks and reports to.

What they are called and say was read from the SDK, runpod 1.12.0 (modules/rp_job.py, rp_http.py, rp_ping.py).
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

API_KEY = "rpa-the-key-of-this-worker"
# RunPod holds the question open for longer when there is nothing to say.
HOLD = 0.3


class RunpodApi(ThreadingHTTPServer):
    """Hands out jobs and keeps everything that comes back. `log`: (job, answer) in the order of arrival."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.to_stop: queue.Queue[str] = queue.Queue()
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.pings: list[str] = []
        self.keys: set[str | None] = set()

    def environment(self) -> dict[str, str]:
        """What RunPod sets in a worker's container."""
        base = f"http://127.0.0.1:{self.server_address[1]}/v2/endpoint"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=test",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=test",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
            "RUNPOD_ENDPOINT_ID": "endpoint",
            "RUNPOD_POD_ID": "worker-1",
            "RUNPOD_AI_API_KEY": API_KEY,
            "RUNPOD_PING_INTERVAL": "1000",
            # They ask a public address and the machine's own GPUs.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def answers(self, job: str) -> list[dict[str, Any]]:
        """What was reported about a job so far, updates first."""
        return [content for identity, content in list(self.log) if identity == job]

    def wait_for(self, job: str, seconds: float = 180.0) -> dict[str, Any]:
        """The answer that ends a job."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            for content in self.answers(job):
                if content.get("status") != "IN_PROGRESS":
                    return content
            time.sleep(0.05)
        raise AssertionError(f"no answer to {job} within {seconds} s")


class Handler(BaseHTTPRequestHandler):
    """One question of the SDK."""

    server: RunpodApi

    def do_GET(self) -> None:
        self.server.keys.add(self.headers.get("Authorization"))
        what = urlsplit(self.path).path.split("/")[3]
        if what == "ping":
            self.server.pings.append(self.path)
            self.answer(200, {})
            return
        with suppress(queue.Empty):
            if what == "job-take":
                self.answer(200, self.server.jobs.get(timeout=HOLD))
            else:
                self.answer(200, {"jobsToStop": [self.server.to_stop.get(timeout=HOLD)]})
            return
        self.answer(204)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, _, _, what, worker, job = urlsplit(self.path).path.split("/")
        assert (what, worker) == ("job-done", "worker-1"), self.path
        self.server.log.append((job, content))
        self.answer(200, {})

    def answer(self, status: int, content: Any = None) -> None:
        """With JSON, if there is something to say."""
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running_api() -> Iterator[RunpodApi]:
    """Stops when the block ends."""
    with RunpodApi() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
