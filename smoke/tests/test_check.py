"""Steps: what happens inside one becomes a result."""

from __future__ import annotations

import unittest
from typing import Any

from support import collecting_check

from lib.evidence import judge_run
from lib.result import Fail, Inconclusive, Skip, Status, skip_without_gpu


def result_of(error: BaseException | None, require_gpu: bool = False) -> dict[str, Any]:
    """The one result of a step that raises `error`."""
    check, reports = collecting_check(require_gpu=require_gpu)
    with check.step("step", "title") as step:
        step.note = "seen"
        if error:
            raise error
    ((kind, result),) = reports
    assert kind == "result"
    assert step.passed is (result["status"] == "pass")
    return dict(result)


class StepTest(unittest.TestCase):
    """Each way to end a step."""

    def test_a_step_that_ends_passes(self) -> None:
        result = result_of(None)
        self.assertEqual((result["id"], result["status"], result["reason"]), ("99-test.step", "pass", "seen"))

    def test_fail_keeps_reason_and_output(self) -> None:
        result = result_of(Fail("broken", "details"))
        self.assertEqual((result["status"], result["reason"], result["output"]), ("fail", "broken", "details"))

    def test_any_other_exception_fails_with_its_trace(self) -> None:
        result = result_of(ZeroDivisionError("no"))
        self.assertEqual((result["status"], result["reason"]), ("fail", "ZeroDivisionError: no"))
        self.assertIn("test_check.py", result["output"])

    def test_exit_is_a_failure(self) -> None:
        self.assertEqual(result_of(SystemExit(0))["status"], "fail")

    def test_skip_is_not_a_pass(self) -> None:
        self.assertEqual(result_of(Skip("not here"))["status"], "skip")

    def test_a_missing_gpu_is_a_failure_where_one_has_to_be(self) -> None:
        self.assertEqual(result_of(skip_without_gpu())["status"], "skip")
        result = result_of(skip_without_gpu(), require_gpu=True)
        self.assertEqual((result["status"], result["reason"]), ("fail", "no GPU, but this host has to have one"))
        self.assertEqual(result_of(Skip("not here"), require_gpu=True)["status"], "skip")

    def test_inconclusive(self) -> None:
        self.assertEqual(result_of(Inconclusive("cannot know"))["status"], "inconclusive")

    def test_an_interrupt_goes_through(self) -> None:
        with self.assertRaises(KeyboardInterrupt):
            result_of(KeyboardInterrupt())


class VerdictTest(unittest.TestCase):
    """The same table as in lib/evidence/evidence.ts."""

    def test_verdicts(self) -> None:
        passed, failed, skipped, unknown = Status.PASS, Status.FAIL, Status.SKIP, Status.INCONCLUSIVE
        self.assertEqual(judge_run([passed, skipped]), passed)
        self.assertEqual(judge_run([passed, failed, unknown]), failed)
        self.assertEqual(judge_run([passed, unknown]), unknown)
        self.assertEqual(judge_run([skipped]), unknown)
        self.assertEqual(judge_run([]), unknown)


if __name__ == "__main__":
    unittest.main()
