"""Ends the container when a service gets nowhere, as an event listener of supervisord.

A service that dies within its first moments (`startsecs`) is tried a few times and then given up by supervisord itself
(state FATAL). One that dies later is started again at once, and for ever if it lives for long in between. But more than
MAXIMUM_DEATHS in a row, each within SHORT_LIFE seconds of its start, are a loop: it gets nowhere, and whoever runs the
container (a restart policy, RunPod, a person) has to know. Ten minutes are what Kubernetes wants of a container before it
forgets its deaths.

Two ends are the container's at once: that of the worker for RunPod, which is not started again, and that of a ComfyUI whose
models could not be fetched, as the fetcher has had patience already. In all these cases the reason goes to stderr and,
unless the worker said that it was done, to the file `crash-loop` in `STRATA_STATE`; and supervisord is told to stop.
Protocol: https://supervisord.org/events.html
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import private
from fetch_models import STATUS

MAXIMUM_DEATHS = 5
SHORT_LIFE = 600.0
WORKER, COMFYUI = "worker", "comfyui"
STARTED, FAILED, DIED, GIVEN_UP = (f"PROCESS_STATE_{name}" for name in ("STARTING", "BACKOFF", "EXITED", "FATAL"))


class DeathCounter:
    """Remembers for each service when it was started, and how many short lives it had in a row."""

    def __init__(self, begun: float, maximum: int = MAXIMUM_DEATHS, short: float = SHORT_LIFE) -> None:
        self._maximum = maximum
        self._short = short
        self._started: defaultdict[str, float] = defaultdict(lambda: begun)
        self._deaths: defaultdict[str, int] = defaultdict(int)

    def start(self, service: str, now: float) -> None:
        """It was started at `now` (seconds)."""
        self._started[service] = now

    def is_looping(self, service: str, now: float) -> bool:
        """Counts its death at `now` and says whether that is one too many."""
        is_short = now - self._started[service] < self._short
        self._deaths[service] = self._deaths[service] + 1 if is_short else 0
        return self._deaths[service] > self._maximum


def parse_tokens(line: str) -> dict[str, str]:
    """`a:1 b:2` as a dictionary."""
    return dict(token.split(":", 1) for token in line.split())


def judge(event: str, service: str, counter: DeathCounter, now: float, models_failed: bool = False) -> str | None:
    """The reason to end the container, if `event` is one."""
    if event == STARTED:
        counter.start(service, now)
    if event == GIVEN_UP:
        return f"{service} does not start"
    if event not in (FAILED, DIED):
        return None
    if service == WORKER:
        return "the worker has ended"
    if service == COMFYUI and models_failed:
        return "models that ComfyUI waits for could not be fetched"
    if counter.is_looping(service, now):
        return f"{service} died more than {MAXIMUM_DEATHS} times, each time within {SHORT_LIFE / 60:.0f} minutes"
    return None


def have_models_failed(state: Path) -> bool:
    """Whether the fetcher gave up while ComfyUI waited for it."""
    try:
        status = json.loads((state / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(status["state"] == "failed" and status["comfyuiWaits"])


def end_container(reason: str, expected: bool) -> None:
    """Leaves the reason for supervise.py, unless it is none to worry, and asks supervisord, the parent, to stop."""
    print(f"crash guard: {reason}; the container ends", file=sys.stderr, flush=True)
    if not expected:
        Path(os.environ["STRATA_STATE"], "crash-loop").write_text(f"{reason}\n", encoding="utf-8")
    os.kill(os.getppid(), signal.SIGTERM)


def main() -> None:
    """Answers supervisord's events until it closes the pipe."""
    counter = DeathCounter(time.monotonic())
    state = Path(os.environ["STRATA_STATE"])
    while True:
        sys.stdout.write("READY\n")
        sys.stdout.flush()
        header = sys.stdin.readline()
        if not header:
            return
        headers = parse_tokens(header)
        payload = parse_tokens(sys.stdin.read(int(headers["len"])))
        service = payload["processname"]
        reason = judge(headers["eventname"], service, counter, time.monotonic(), have_models_failed(state))
        if reason:
            end_container(reason, service == WORKER and payload.get("expected") == "1")
        sys.stdout.write("RESULT 2\nOK")
        sys.stdout.flush()


if __name__ == "__main__":
    private.hide_process()
    main()
