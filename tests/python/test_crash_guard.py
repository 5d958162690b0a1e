"""When the container ends because a service keeps dying."""

from __future__ import annotations

import io
import os
import signal
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import support  # noqa: F401 - puts the programs on the path

import crash_guard
from crash_guard import CrashCounter, judge

EXITED, FATAL = "PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL"
SERVICE = {"processname": "comfyui", "groupname": "comfyui", "expected": "0"}


def event(name: str, payload: dict[str, str]) -> str:
    """As supervisord writes it: a line with the length of what follows, without a line's end."""
    body = " ".join(f"{key}:{value}" for key, value in payload.items())
    return f"ver:3.0 server:supervisor eventname:{name} len:{len(body)}\n{body}"


class CounterTest(unittest.TestCase):
    """How often is too often: more than five times within two minutes."""

    def test_five_deaths_go_on_and_the_sixth_ends_it(self) -> None:
        counter = CrashCounter()
        self.assertEqual([counter.is_looping("llama", now) for now in (0, 24, 48, 72, 96, 120)], [False] * 5 + [True])

    def test_deaths_before_the_window_do_not_count(self) -> None:
        counter = CrashCounter()
        deaths = [counter.is_looping("llama", now) for now in (0, 24, 48, 72, 96, 120.1, 143.9)]
        self.assertEqual(deaths, [False] * 6 + [True])
        # A service that dies now and then is started again for ever.
        self.assertFalse(any(counter.is_looping("comfyui", now) for now in range(0, 3000, 30)))

    def test_each_service_is_counted_by_itself(self) -> None:
        counter = CrashCounter(maximum=1)
        self.assertEqual([counter.is_looping(name, 0) for name in ("a", "b", "a", "b")], [False, False, True, True])


class JudgementTest(unittest.TestCase):
    """What an event means."""

    def test_events_that_end_the_container(self) -> None:
        counter = CrashCounter()
        self.assertEqual(judge(FATAL, "comfyui", counter, 0), "comfyui does not start")
        self.assertEqual(judge(EXITED, "worker", counter, 0), "the worker has ended")
        said = [judge(EXITED, "comfyui", counter, 0) for _ in range(6)]
        self.assertEqual(said, [None] * 5 + ["comfyui died more than 5 times within 120 s"])

    def test_tokens_of_a_line(self) -> None:
        self.assertEqual(crash_guard.parse_tokens("ver:3.0 group:a:b\n"), {"ver": "3.0", "group": "a:b"})

    def test_other_events(self) -> None:
        counter = CrashCounter(maximum=0)
        for name in ("PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING", "PROCESS_STATE_STOPPED", "TICK_5"):
            self.assertIsNone(judge(name, "worker", counter, 0), name)


class ListenerTest(unittest.TestCase):
    """The program, as supervisord speaks with it."""

    def setUp(self) -> None:
        self.state = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ, STRATA_STATE=str(self.state)))
        self.kill = self.enterContext(mock.patch("os.kill"))

    def hear(self, *events: str) -> tuple[str, str]:
        """What it answers and what it says."""
        out, said = io.StringIO(), io.StringIO()
        with mock.patch("sys.stdin", io.StringIO("".join(events))), redirect_stdout(out), redirect_stderr(said):
            crash_guard.main()
        return out.getvalue(), said.getvalue()

    def test_deaths_are_counted_over_many_events(self) -> None:
        died = event(EXITED, SERVICE)
        answers, said = self.hear(*[died] * 5)
        self.assertEqual((answers, said), ("READY\nRESULT 2\nOK" * 5 + "READY\n", ""))
        self.kill.assert_not_called()
        _, said = self.hear(*[died] * 6)
        self.assertEqual(said, "crash guard: comfyui died more than 5 times within 120 s; the container ends\n")
        self.kill.assert_called_once_with(os.getppid(), signal.SIGTERM)
        reason = "comfyui died more than 5 times within 120 s\n"
        self.assertEqual((self.state / "crash-loop").read_text(), reason)

    def test_a_worker_that_said_it_was_done_leaves_no_reason(self) -> None:
        for expected, is_left in {"1": False, "0": True}.items():
            self.hear(event(EXITED, {"processname": "worker", "expected": expected}))
            self.kill.assert_called_with(os.getppid(), signal.SIGTERM)
            self.assertEqual((self.state / "crash-loop").exists(), is_left)
        # An end that supervisord expects says nothing about another service.
        (self.state / "crash-loop").unlink()
        self.hear(event(FATAL, SERVICE | {"expected": "1"}))
        self.assertTrue((self.state / "crash-loop").exists())


if __name__ == "__main__":
    unittest.main()
