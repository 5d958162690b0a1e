"""Whole runs: whatever a check does, the evidence is written and tells the truth."""

from __future__ import annotations

import signal
import subprocess
import time
import unittest

from support import Playground

from lib.process import read_processes

PASS = """
    def run(check):
        with check.step("fine", "it is fine"):
            check.version("thing", "1.2")
            check.measure("startSeconds", 0.12345)
"""


class RunTest(unittest.TestCase):
    """Each test writes checks and looks at the evidence."""

    def setUp(self) -> None:
        self.playground = Playground()
        self.addCleanup(self.playground.close)

    def test_a_good_run(self) -> None:
        self.playground.write("10_good.py", PASS)
        run = self.playground.run()
        self.assertEqual(run.status, 0, run.printed)
        assert run.evidence is not None
        self.assertEqual(run.evidence["verdict"], "pass")
        self.assertEqual(run.evidence["versions"], {"thing": "1.2"})
        self.assertEqual(run.evidence["measurements"], {"startSeconds": 0.123})
        self.assertRegex(run.printed, r"pass 10-good\.fine  0\.0 s\n")
        self.assertIn("pass: 1 passed, 0 failed, 0 skipped", run.printed)

    def test_results_are_in_order_and_independent(self) -> None:
        slow = "import time\n\ndef run(check):\n    time.sleep({})\n    raise OSError('disk')\n"
        self.playground.write("20_slow.py", slow.format(0.3))
        self.playground.write("10_slower.py", slow.format(0.6))
        self.playground.write("30_good.py", PASS)
        run = self.playground.run()
        self.assertEqual(run.status, 1)
        self.assertEqual(list(run.checks()), ["10-slower", "20-slow", "30-good.fine"])
        self.assertEqual(run.checks()["20-slow"]["reason"], "OSError: disk")

    def test_only_the_checks_that_were_asked_for(self) -> None:
        self.playground.write("10_good.py", PASS)
        self.playground.write("20_bad.py", "def run(check): raise OSError('disk')\n")
        self.assertEqual(self.playground.run("--checks", "10").status, 0)
        run = self.playground.run("--checks", "10,99")
        self.assertEqual(run.status, 1)
        self.assertIn("no check 99; there are 10, 20", run.checks()["00-run"]["reason"])

    def test_a_check_that_cannot_be_loaded(self) -> None:
        self.playground.write("10_broken.py", "import nothing_of_that_name\n")
        check = self.playground.run().checks()["10-broken"]
        self.assertIn("nothing_of_that_name", check["reason"])

    def test_a_check_without_results_or_that_exits(self) -> None:
        self.playground.write("10_silent.py", "def run(check): pass\n")
        self.playground.write("20_exits.py", "def run(check): raise SystemExit(0)\n")
        self.playground.write("30_vanishes.py", "import os\n\ndef run(check): os._exit(0)\n")
        checks = self.playground.run().checks()
        self.assertEqual(checks["10-silent"]["reason"], "the check reported nothing")
        self.assertEqual(checks["20-exits"]["status"], "fail")
        self.assertEqual(checks["30-vanishes"]["reason"], "its process ended with exit status 0")

    def test_a_crash_costs_one_result_and_its_lane_goes_on(self) -> None:
        crash = "import os\nVENV = True\n\ndef run(check):\n    print('last words')\n    os.kill(os.getpid(), 11)\n"
        self.playground.write("10_crash.py", crash)
        self.playground.write("20_good.py", "VENV = True\n" + "\n".join(line[4:] for line in PASS.splitlines()))
        checks = self.playground.run().checks()
        self.assertEqual(checks["10-crash"]["reason"], "its process ended with SIGSEGV")
        self.assertIn("last words", checks["10-crash"]["output"])
        self.assertEqual(checks["20-good.fine"]["status"], "pass")

    def test_a_check_that_hangs_is_ended_with_its_children(self) -> None:
        pid = self.playground.path / "pid"
        self.playground.write(
            "10_hangs.py",
            f"""
            import subprocess, sys
            DEADLINE = 10

            def run(check):
                with check.step("before", "before"):
                    pass
                print("waiting")
                # A session of its own and a parent that dies: it has to be found all the same.
                script = "setsid sleep 900 & echo $! > {pid}"
                subprocess.run(["sh", "-c", script])
                subprocess.run(["sleep", "900"])
            """,
        )
        started = time.monotonic()
        checks = self.playground.run().checks()
        self.assertLess(time.monotonic() - started, 300)
        self.assertEqual(checks["10-hangs.before"]["status"], "pass")
        self.assertEqual(checks["10-hangs"]["reason"], "no end within 10 s")
        self.assertIn("waiting", checks["10-hangs"]["output"])
        # Gone, or dead and not yet collected by whoever is its parent now.
        _, state, _ = read_processes().get(int(pid.read_text()), (0, "Z", ""))
        self.assertEqual(state, "Z")

    def test_a_gpu_check_on_a_host_without_one(self) -> None:
        self.playground.write("10_good.py", PASS)
        self.playground.write(
            "20_gpu.py",
            """
            def run(check):
                with check.step("compute", "computes"):
                    check.gpu = None
                    check.need_gpu()
            """,
        )
        run = self.playground.run()
        self.assertEqual((run.status, run.checks()["20-gpu.compute"]["status"]), (0, "skip"))

    def test_nothing_but_skips_proves_nothing(self) -> None:
        self.playground.write(
            "10_skips.py",
            """
            from lib.result import Skip

            def run(check):
                with check.step("one", "one"):
                    raise Skip("not here")
            """,
        )
        run = self.playground.run()
        assert run.evidence is not None
        self.assertEqual((run.status, run.evidence["verdict"]), (1, "inconclusive"))

    def test_secrets_stay_out(self) -> None:
        self.playground.write(
            "10_talks.py",
            """
            import os
            from lib.result import Fail

            def run(check):
                print("the token is", os.environ["HF_TOKEN"])
                with check.step("one", "one"):
                    raise Fail("used " + os.environ["HF_TOKEN"], "Authorization: Bearer abcdefgh12345678")
            """,
        )
        run = self.playground.run(environment={"HF_TOKEN": "correct-horse-battery"})
        self.assertEqual(run.checks()["10-talks.one"]["reason"], "used [redacted]")
        for text in (run.printed, self.playground.out.read_text()):
            self.assertNotIn("correct-horse", text)
            self.assertNotIn("abcdefgh12345678", text)

    def test_long_output_is_cut_at_the_front(self) -> None:
        talks = "def run(check):\n    print('x' * 100_000)\n    raise OSError('the end')\n"
        self.playground.write("10_talks.py", talks)
        output = self.playground.run().checks()["10-talks"]["output"]
        self.assertEqual(len(output), 4000)
        self.assertIn("the end", output)

    def test_an_image_without_description(self) -> None:
        self.playground.image.unlink()
        self.playground.write("10_good.py", PASS)
        run = self.playground.run()
        self.assertEqual(run.status, 1)
        self.assertIn("FileNotFoundError", run.checks()["00-run"]["reason"])

    def test_a_missing_python(self) -> None:
        self.playground.write("10_good.py", "VENV = True\n" + "\n".join(line[4:] for line in PASS.splitlines()))
        run = self.playground.run("--venv-python", "/nowhere/python")
        self.assertIn("could not be started", run.checks()["10-good"]["reason"])

    def test_evidence_that_cannot_be_written_is_printed(self) -> None:
        self.playground.write("10_good.py", PASS)
        run = self.playground.run("--out", "/proc/nowhere/evidence.json")
        self.assertEqual(run.status, 1)
        self.assertIn("cannot be written", run.printed)
        self.assertIn('"verdict": "pass"', run.printed)

    def test_an_interrupted_run_leaves_evidence(self) -> None:
        begun = self.playground.path / "begun"
        hangs = f"import pathlib, time\n\ndef run(check):\n    pathlib.Path('{begun}').touch()\n    time.sleep(900)\n"
        self.playground.write("10_hangs.py", hangs)
        process = subprocess.Popen(self.playground.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(2400):
            if begun.exists():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(120), 1)
        self.assertIn("SIGTERM", self.playground.out.read_text())


if __name__ == "__main__":
    unittest.main()
