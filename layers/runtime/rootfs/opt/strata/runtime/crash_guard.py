"""Ends the container when a service keeps dying, as an event listener of supervisord.

A service that does not stay up for a second is given up by supervisord itself (state FATAL). One that dies later is
started again at once, so its deaths are counted here: more than MAXIMUM_EXITS within WINDOW seconds is a crash loop
too. The worker for RunPod is not started again: its end is the container's. In all these cases the reason goes to
stderr and, unless the worker said that it was done, to the file `crash-loop` in `STRATA_STATE`; and supervisord is told
to stop. Protocol: https://supervisord.org/events.html
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import defaultdict, deque
from pathlib import Path

MAXIMUM_EXITS = 5
WINDOW = 120.0
WORKER = "worker"


class CrashCounter:
    """Remembers when each service died."""

    def __init__(self, maximum: int = MAXIMUM_EXITS, window: float = WINDOW) -> None:
        self._maximum = maximum
        self._window = window
        self._exits: defaultdict[str, deque[float]] = defaultdict(deque)

    def is_looping(self, service: str, now: float) -> bool:
        """Counts one more death of `service` at `now` (seconds) and says whether that is too many."""
        exits = self._exits[service]
        exits.append(now)
        while exits[0] < now - self._window:
            exits.popleft()
        return len(exits) > self._maximum


def parse_tokens(line: str) -> dict[str, str]:
    """`a:1 b:2` as a dictionary."""
    return dict(token.split(":", 1) for token in line.split())


def judge(event: str, service: str, counter: CrashCounter, now: float) -> str | None:
    """The reason to end the container, if `event` is one."""
    if event == "PROCESS_STATE_FATAL":
        return f"{service} does not start"
    if event == "PROCESS_STATE_EXITED" and service == WORKER:
        return "the worker has ended"
    if event == "PROCESS_STATE_EXITED" and counter.is_looping(service, now):
        return f"{service} died more than {MAXIMUM_EXITS} times within {WINDOW:.0f} s"
    return None


def end_container(reason: str, expected: bool) -> None:
    """Leaves the reason for supervise.py, unless it is none to worry, and asks supervisord, the parent, to stop."""
    print(f"crash guard: {reason}; the container ends", file=sys.stderr, flush=True)
    if not expected:
        Path(os.environ["STRATA_STATE"], "crash-loop").write_text(f"{reason}\n", encoding="utf-8")
    os.kill(os.getppid(), signal.SIGTERM)


def main() -> None:
    """Answers supervisord's events until it closes the pipe."""
    counter = CrashCounter()
    while True:
        sys.stdout.write("READY\n")
        sys.stdout.flush()
        header = sys.stdin.readline()
        if not header:
            return
        headers = parse_tokens(header)
        payload = parse_tokens(sys.stdin.read(int(headers["len"])))
        reason = judge(headers["eventname"], payload["processname"], counter, time.monotonic())
        if reason:
            end_container(reason, payload["processname"] == WORKER and payload.get("expected") == "1")
        sys.stdout.write("RESULT 2\nOK")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
