"""When the container ends because a service keeps dying."""

from __future__ import annotations

import io
import json
import os
import signal
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import support  # noqa: F401 - puts the programs on the path

import crash_guard
from crash_guard import DeathCounter, judge

STARTING, BACKOFF, EXITED, FATAL = (f"PROCESS_STATE_{name}" for name in ("STARTING", "BACKOFF", "EXITED", "FATAL"))
SERVICE = {"processname": "comfyui", "groupname": "comfyui", "expected": "0"}


def event(name: str, payload: dict[str, str]) -> str:
    """As supervisord writes it: a line with the length of what follows, without a line's end."""
    body = " ".join(f"{key}:{value}" for key, value in payload.items())
    return f"ver:3.0 server:supervisor eventname:{name} len:{len(body)}\n{body}"


class CounterTest(unittest.TestCase):
    """What is a loop: more than five lives in a row of less than ten minutes each."""

    def lives(self, *seconds: float, counter: DeathCounter | None = None, service: str = "comfyui") -> list[bool]:
        """What is said at the end of each life of a service that is started again at once."""
        counter = counter or DeathCounter(0)
        now, said = 0.0, []
        for each in seconds:
            counter.start(service, now)
            now += each
            said.append(counter.is_looping(service, now))
        return said

    def test_one_that_gets_nowhere_is_tried_five_times_more(self) -> None:
        # 61 s is more than supervisord's own patience, and was repeated for ever.
        for seconds in (2, 61, 599):
            self.assertEqual(self.lives(*[seconds] * 6), [False] * 5 + [True], seconds)

    def test_one_that_lives_in_between_is_started_again_for_ever(self) -> None:
        self.assertFalse(any(self.lives(*[600] * 1000)))
        self.assertFalse(any(self.lives(*[7200, 5, 5, 5, 5, 5] * 100)))
        self.assertEqual(self.lives(7200, 5, 5, 5, 5, 5, 5), [False] * 6 + [True])

    def test_each_service_is_counted_by_itself(self) -> None:
        counter = DeathCounter(0, maximum=1)
        said = [self.lives(1, counter=counter, service=name) for name in ("a", "b", "a", "b")]
        self.assertEqual(said, [[False], [False], [True], [True]])

    def test_who_was_started_before_anybody_listened_lives_since_then(self) -> None:
        counter = DeathCounter(1000, maximum=0)
        self.assertFalse(counter.is_looping("a", 1600))
        self.assertTrue(counter.is_looping("b", 1599))


class JudgementTest(unittest.TestCase):
    """What an event means."""

    def test_events_that_end_the_container(self) -> None:
        counter = DeathCounter(0)
        self.assertEqual(judge(FATAL, "comfyui", counter, 0), "comfyui does not start")
        self.assertEqual(judge(EXITED, "worker", counter, 0), "the worker has ended")
        said = [judge(EXITED, "comfyui", counter, 0) for _ in range(6)]
        self.assertEqual(said, [None] * 5 + ["comfyui died more than 5 times, each time within 10 minutes"])

    def test_supervisords_own_tries_are_deaths_too_and_a_start_begins_a_life(self) -> None:
        counter = DeathCounter(0, maximum=1)
        self.assertIsNone(judge(BACKOFF, "comfyui", counter, 50))
        self.assertIsNone(judge(STARTING, "comfyui", counter, 51))
        self.assertIsNone(judge(EXITED, "comfyui", counter, 651))
        self.assertIsNone(judge(STARTING, "comfyui", counter, 652))
        self.assertIsNone(judge(EXITED, "comfyui", counter, 713))
        self.assertIsNone(judge(STARTING, "comfyui", counter, 714))
        self.assertIsNotNone(judge(BACKOFF, "comfyui", counter, 720))

    def test_models_that_comfyui_waits_for_and_nobody_has_end_it_at_once(self) -> None:
        for name in (EXITED, BACKOFF):
            reason = judge(name, "comfyui", DeathCounter(0), 3600, models_failed=True)
            self.assertEqual(reason, "models that ComfyUI waits for could not be fetched")
            self.assertIsNone(judge(name, "backend", DeathCounter(0), 3600, models_failed=True))
        self.assertIsNone(judge(STARTING, "comfyui", DeathCounter(0), 3600, models_failed=True))

    def test_tokens_of_a_line(self) -> None:
        self.assertEqual(crash_guard.parse_tokens("ver:3.0 group:a:b\n"), {"ver": "3.0", "group": "a:b"})

    def test_other_events(self) -> None:
        counter = DeathCounter(0, maximum=0)
        for name in (STARTING, "PROCESS_STATE_RUNNING", "PROCESS_STATE_STOPPED", "TICK_5"):
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
        self.assertEqual(
            said, "crash guard: comfyui died more than 5 times, each time within 10 minutes; the container ends\n"
        )
        self.kill.assert_called_once_with(os.getppid(), signal.SIGTERM)
        reason = "comfyui died more than 5 times, each time within 10 minutes\n"
        self.assertEqual((self.state / "crash-loop").read_text(), reason)

    def test_what_the_fetcher_noted(self) -> None:
        died = event(EXITED, SERVICE)
        for state, waits, ends in (("failed", True, True), ("failed", False, False), ("done", True, False)):
            content = {"state": state, "comfyuiWaits": waits, "lines": []}
            (self.state / "models-fetch.json").write_text(json.dumps(content))
            _, said = self.hear(died)
            self.assertEqual("could not be fetched" in said, ends, content)
        (self.state / "models-fetch.json").write_text("{")
        self.assertEqual(self.hear(died)[1], "")

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
