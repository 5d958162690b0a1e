"""Steps: what happens inside one becomes a result."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import GPU, collecting_check

from lib.check import Check
from lib.evidence import judge_run
from lib.image import read_image
from lib.result import Fail, Inconclusive, Result, Skip, Status, skip_without_gpu


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
        self.assertTrue(0 <= result["seconds"] < 60, result)

    def test_fail_keeps_reason_and_output(self) -> None:
        result = result_of(Fail("broken", "details"))
        self.assertEqual((result["status"], result["reason"], result["output"]), ("fail", "broken", "details"))

    def test_any_other_exception_fails_with_its_trace(self) -> None:
        result = result_of(ZeroDivisionError("no"))
        self.assertEqual((result["status"], result["reason"]), ("fail", "ZeroDivisionError: no"))
        self.assertIn("test_check.py", result["output"])
        self.assertEqual(result_of(OSError("first\nsecond"))["reason"], "OSError: first")
        self.assertEqual(result_of(KeyError())["reason"], "KeyError")

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


class QuestionTest(unittest.TestCase):
    """What checks ask, and what they report beside results."""

    def test_a_gpu_and_what_it_lacks(self) -> None:
        check, _ = collecting_check()
        self.assertFalse(check.is_older_gpu((99, 0)), "where there is none, nothing is left out")
        self.assertRaises(Skip, check.need_gpu)
        check, _ = collecting_check(GPU)
        check.need_gpu()
        older = {lowest: check.is_older_gpu(lowest) for lowest in ((7, 5), (8, 9), (8, 10), (9, 0))}
        self.assertEqual(older, {(7, 5): False, (8, 9): False, (8, 10): True, (9, 0): True})

    def test_a_host_need_not_have_one_unless_that_is_said(self) -> None:
        results: list[Any] = []
        check = Check("99-test", "test", {}, None, lambda _, content: results.append(content))
        with check.step("", "title"):
            check.need_gpu()
        (result,) = results
        self.assertEqual((result["id"], result["status"], check.reported), ("99-test", "skip", 1))

    def test_parts_versions_and_measurements(self) -> None:
        check, reports = collecting_check(image={"llama": {"version": "b1"}, "comfyui": None})
        self.assertEqual([check.has(part) for part in ("llama", "comfyui", "runpod")], [True, False, False])
        check.version("driver", "595.64")
        check.version("torch", None)
        check.measure("startSeconds", 1.23456)
        self.assertEqual(reports, [("version", ["driver", "595.64"]), ("measurement", ["startSeconds", 1.235])])

    def test_a_result_is_the_same_after_json(self) -> None:
        result = Result("10-a", "title", Status.FAIL, 0.5, "why")
        fields = {"id": "10-a", "title": "title", "status": "fail", "seconds": 0.5, "reason": "why"}
        self.assertEqual(result.to_json(), fields)
        self.assertEqual(Result.from_json(fields), result)
        self.assertEqual(Result("a", "b", Status.PASS, 1.23456).to_json()["seconds"], 1.235)


class ImageTest(unittest.TestCase):
    """The image's description."""

    def test_it_is_an_object(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "image.json")
            file.write_text('{"recipe": "starter"}', encoding="utf-8")
            self.assertEqual(read_image(file), {"recipe": "starter"})
            file.write_text('["starter"]', encoding="utf-8")
            with self.assertRaisesRegex(TypeError, "image.json: expected a JSON object, got list"):
                read_image(file)


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
