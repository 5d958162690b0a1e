"""Check 25, check 95 and the judgement of the host, against a driver made for it: whole runs on one broken host each."""

from __future__ import annotations

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from fake_driver import COMPILER, FakeHost
from support import GPU, IMAGE, SMOKE, Finished, Playground, collecting_check, load

from lib.gpu import Sight
from lib.host import driver_too_old, find_trouble, foreign_library, too_little, wants_driver
from lib.result import Fail, Inconclusive

STEPS = ["library", "version", "capability", "memory", "kernel"]
SEEN = Sight(devices=["/dev/nvidia0"], kernel="595.64", gpu=GPU)
# Where memory is made and given back, in a driver that can do it.
GIBIBYTE = 2**30


@unittest.skipUnless(COMPILER, "needs gcc")
class HostTestCase(unittest.TestCase):
    """Each test breaks the host or its driver and says what the run makes of it."""

    def setUp(self) -> None:
        self.playground = Playground()
        self.addCleanup(self.playground.close)
        self.host = FakeHost(self.playground.path)

    def run_checks(self, *arguments: str, **environment: str) -> Finished:
        """A run of check 25, or of what the arguments name."""
        chosen = (
            arguments if "--folder" in arguments else (*arguments, "--folder", str(SMOKE / "checks"), "--checks", "25")
        )
        return self.playground.run(*chosen, environment=self.host.environment | environment)

    def wrong(self, *arguments: str, **environment: str) -> dict[str, tuple[str, str]]:
        """Status and reason by step of what did not pass."""
        checks = self.run_checks(*arguments, **environment).checks()
        return {
            name.removeprefix("25-driver."): (check["status"], check["reason"])
            for name, check in checks.items()
            if check["status"] != "pass"
        }


class DriverTest(HostTestCase):
    """Check 25."""

    def test_a_driver_that_works(self) -> None:
        run = self.run_checks("--gpu")
        self.assertEqual((run.status, list(run.checks())), (0, [f"25-driver.{step}" for step in STEPS]), run.printed)
        assert run.evidence is not None
        expected = {"name": "Fake GPU 0", "computeCapability": "8.9", "driver": "595.64", "memoryBytes": 24 * GIBIBYTE}
        self.assertEqual(run.evidence["gpu"], expected)
        self.assertEqual(run.evidence["versions"]["driver"], "595.64")
        self.assertRegex(run.checks()["25-driver.library"]["reason"], r"libcuda\.so\.595\.64 with /dev/nvidia0$")

    def test_without_a_gpu_everything_is_skipped(self) -> None:
        self.host.remove_device()
        self.host.remove_driver()
        self.assertEqual(self.wrong(), {step: ("skip", "no GPU") for step in STEPS})

    def test_memory_that_forgets(self) -> None:
        reason = "1 of 16777216 numbers are not what was written"
        # The kernel overwrites what it was given.
        self.assertEqual(self.wrong("--gpu", FAULT="memory"), {"memory": ("fail", reason)})

    def test_a_gpu_without_memory(self) -> None:
        reason = "cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)"
        wrong = self.wrong("--gpu", FAULT="no-memory")
        self.assertEqual(wrong, {"memory": ("fail", reason), "kernel": ("fail", reason)})

    def test_a_kernel_that_does_not_run(self) -> None:
        for fault, reason in {
            "no-kernel-image": "cuLaunchKernel: unknown error (209)",
            "kernel-dies": "cuCtxSynchronize: unknown error (700)",
        }.items():
            self.assertEqual(self.wrong("--gpu", FAULT=fault), {"kernel": ("fail", reason)})

    def test_a_driver_without_its_compiler_says_nothing_about_the_image(self) -> None:
        (name,), ((status, reason),) = zip(*self.wrong("--gpu", FAULT="no-compiler").items(), strict=True)
        self.assertEqual((name, status), ("kernel", "inconclusive"))
        self.assertIn("CUDA_ERROR_JIT_COMPILER_NOT_FOUND", reason)

    def test_a_library_of_the_image_that_hides_the_drivers(self) -> None:
        self.host.set_kernel("580.95.05")
        wrong = self.wrong("--gpu", FAKE_DRIVER="580.95.05")
        self.assertEqual(wrong.keys(), {"library", "memory", "kernel"})
        status, reason = wrong["library"]
        self.assertEqual(status, "fail")
        self.assertRegex(reason, r"libcuda\.so\.595\.64 hides the host's driver, which is 580\.95\.05$")

    def test_a_stub_of_the_toolkit(self) -> None:
        wrong = self.wrong("--gpu", FAKE_INIT="34")
        self.assertEqual(wrong["library"], ("fail", "cuInit: CUDA_ERROR_STUB_LIBRARY (34)"))
        self.assertEqual(wrong["capability"], ("inconclusive", "libcuda shows no GPU"))
        self.assertEqual(wrong["kernel"], ("inconclusive", "libcuda does not work"))

    def test_a_library_that_cannot_be_loaded_here(self) -> None:
        self.host.break_driver()
        status, reason = self.wrong("--gpu")["library"]
        self.assertEqual(status, "fail")
        self.assertRegex(reason, r"libcuda\.so\.1: invalid ELF header")

    def test_a_driver_that_crashes_or_shows_nothing(self) -> None:
        self.assertEqual(
            self.wrong("--gpu", FAULT="crashes")["library"], ("fail", "asking the driver ended with SIGABRT")
        )
        self.assertEqual(self.wrong("--gpu", FAKE_GPUS="0")["library"], ("fail", "the driver shows no GPU"))

    def test_a_card_of_another_generation(self) -> None:
        # Where there has to be a GPU, no check runs on such a host (TroubleTest).
        reason = "the host's Fake GPU 0 has compute capability 7.5, the image is made for 8.9"
        self.assertEqual(self.wrong(FAKE_CAPABILITY="75"), {"capability": ("inconclusive", reason)})

    def test_a_driver_without_its_management_library(self) -> None:
        (self.host.libraries / "libnvidia-ml.so.1").unlink()
        run = self.run_checks("--gpu")
        assert run.evidence is not None
        self.assertEqual((run.status, run.evidence["gpu"]["driver"]), (0, "595.64"))


class TroubleTest(HostTestCase):
    """What the host decides is never held against the image, and no check runs there."""

    def trouble(self, **environment: str) -> str:
        """Why the run was not made."""
        run = self.run_checks("--gpu", **environment)
        assert run.evidence is not None
        self.assertEqual((run.status, run.evidence["verdict"]), (1, "inconclusive"), run.printed)
        self.assertEqual(list(run.checks()), ["00-host"])
        return str(run.checks()["00-host"]["reason"])

    def test_no_device(self) -> None:
        self.host.remove_device()
        self.assertRegex(self.trouble(), "the host gives the container no GPU")

    def test_no_driver(self) -> None:
        self.host.remove_driver()
        self.assertRegex(self.trouble(), "a GPU, but no driver")

    def test_an_image_that_does_not_ask_for_the_driver_is_to_blame(self) -> None:
        self.host.remove_driver()
        run = self.run_checks("--gpu", NVIDIA_DRIVER_CAPABILITIES="graphics")
        self.assertEqual(run.checks()["25-driver.library"]["status"], "fail")

    def test_an_old_driver(self) -> None:
        self.host.set_kernel("570.124.06")
        reason = self.trouble(FAKE_DRIVER="570.124.06")
        self.assertEqual(reason, "the host's driver is 570.124.06, the image needs 580.65.06 or newer")

    def test_another_card(self) -> None:
        reason = self.trouble(FAKE_CAPABILITY="75")
        self.assertEqual(reason, "the host's Fake GPU 0 has compute capability 7.5, the image is made for 8.9")

    def test_too_little_memory_for_the_images_own_workflow(self) -> None:
        free = {"FAKE_FREE": str(16 << 30)}
        run = self.run_checks("--gpu", "--gpu-memory", str(17 << 30), "--ram", "1", **free)
        assert run.evidence is not None
        self.assertEqual(run.evidence["verdict"], "inconclusive")
        reason = "the host has a card with 16.0 GiB free; the image's own workflow needs a card of 17.0 GiB"
        self.assertIn(reason, str(run.checks()["00-host"]["reason"]))
        # What is exactly enough is enough, and without a GPU nobody computes it.
        for options in (["--gpu", "--gpu-memory", str(16 << 30)], ["--gpu-memory", str(17 << 30)]):
            self.assertNotIn("00-host", self.run_checks(*options, **free).checks())

    def test_errors_that_only_the_host_can_mend(self) -> None:
        self.assertRegex(self.trouble(FAKE_INIT="802"), "fabric manager is not ready .*SYSTEM_NOT_READY")
        self.assertRegex(self.trouble(FAKE_INIT="46"), "another program has the GPU")

    def test_without_the_option_a_host_without_a_gpu_is_none(self) -> None:
        self.host.remove_device()
        self.assertEqual(self.run_checks().checks().keys(), {f"25-driver.{step}" for step in STEPS})

    def test_a_skip_for_want_of_a_gpu_is_a_failure_where_there_has_to_be_one(self) -> None:
        self.playground.write(
            "20_gpu.py",
            """
            def run(check):
                with check.step("compute", "computes"):
                    check.need_gpu()
            """,
        )
        folder = ("--folder", str(self.playground.path))
        # The device is there, and the image does not get at it.
        run = self.run_checks("--gpu", *folder, FAKE_INIT="100")
        self.assertEqual(run.checks()["20-gpu.compute"]["reason"], "no GPU, but this host has to have one")
        self.assertEqual(run.status, 1)
        run = self.run_checks(*folder, FAKE_INIT="100")
        self.assertEqual(run.checks()["20-gpu.compute"]["status"], "skip")


class MemoryTest(HostTestCase):
    """Check 95, after everything else."""

    def test_it_runs_last_and_alone(self) -> None:
        left, ended = self.playground.path / "left", self.playground.path / "ended"
        self.playground.write(
            "10_slow.py",
            f"""
            import subprocess, time
            from pathlib import Path
            def run(check):
                left = subprocess.Popen(["sleep", "60"], start_new_session=True)
                Path("{left}").write_text(str(left.pid))
                time.sleep(0.5)
                with check.step("", "slow"):
                    Path("{ended}").touch()
            """,
        )
        self.playground.write(
            "05_last.py",
            f"""
            from pathlib import Path
            from lib.process import read_processes
            LAST = True
            def run(check):
                with check.step("", "last"):
                    assert Path("{ended}").exists(), "it did not wait"
                    found = read_processes().get(int(Path("{left}").read_text()))
                    assert found is None or found[1] == "Z", "what was left is still there"
            """,
        )
        run = self.run_checks("--folder", str(self.playground.path))
        self.assertEqual((run.status, list(run.checks())), (0, ["05-last", "10-slow"]), run.printed)

    def result(
        self, free: list[int | None], before: int | None = 20 * GIBIBYTE, patience: float = 60
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The result and the measurements of check 95 where the free memory is `free`, one look after the other."""
        module = load("95")
        module.PATIENCE, module.POLL = patience, 0.1
        looks = [Sight(free_bytes=found) for found in free]
        module.find_gpu = mock.Mock(side_effect=[*looks, *[looks[-1]] * 20])
        check, reports = collecting_check(GPU)
        check.free_bytes = before
        module.run(check)
        results = [content for kind, content in reports if kind == "result"]
        return results[0], {content[0]: content[1] for kind, content in reports if kind == "measurement"}

    def test_memory_that_comes_back(self) -> None:
        result, measured = self.result([4 * GIBIBYTE, 20 * GIBIBYTE - 1000])
        self.assertEqual((result["status"], measured), ("pass", {"gpuMemoryLeftBytes": 1000}))
        # Somebody else's memory that was freed meanwhile is no fault.
        self.assertEqual(self.result([21 * GIBIBYTE])[1], {"gpuMemoryLeftBytes": 0})

    def test_memory_that_stays_in_use(self) -> None:
        result, measured = self.result([19 * GIBIBYTE], patience=0.2)
        self.assertEqual((result["status"], result["reason"]), ("fail", "1024 MiB of GPU memory are still in use"))
        self.assertEqual(measured, {"gpuMemoryLeftBytes": GIBIBYTE})

    def test_a_driver_that_does_not_say(self) -> None:
        self.assertEqual(self.result([None])[0]["status"], "inconclusive")
        self.assertEqual(self.result([GIBIBYTE], before=None)[0]["status"], "inconclusive")

    def test_a_whole_run(self) -> None:
        arguments = ("--gpu", "--folder", str(SMOKE / "checks"), "--checks", "95")
        run = self.run_checks(*arguments)
        self.assertEqual(run.checks()["95-memory"]["status"], "pass", run.printed)
        self.host.remove_device()
        self.host.remove_driver()
        self.assertEqual(self.run_checks(*arguments[1:]).checks()["95-memory"]["reason"], "no GPU")


class RoomTest(unittest.TestCase):
    """Whether card and machine have what the image's own workflow needs."""

    def test_what_nobody_tells_is_not_held_against_a_host(self) -> None:
        with TemporaryDirectory() as folder:
            self.assertIsNone(too_little(Sight(), 1 << 60, 1 << 60, Path(folder)))

    def test_card_and_machine_are_named_together(self) -> None:
        with TemporaryDirectory() as folder:
            (Path(folder) / "proc").mkdir()
            (Path(folder) / "proc/meminfo").write_text("MemTotal:       8388608 kB\nMemFree: 1 kB\n", encoding="utf-8")
            sight = Sight(free_bytes=3 << 30)
            self.assertEqual(
                too_little(sight, 17 << 30, 35 << 30, Path(folder)),
                "the host has a card with 3.0 GiB free and 8.0 GiB of memory; "
                "the image's own workflow needs a card of 17.0 GiB and 35.0 GiB of memory",
            )
            self.assertIsNone(too_little(sight, 3 << 30, 8 << 30, Path(folder)))
            self.assertIn("has 8.0 GiB of memory;", too_little(sight, 1, (8 << 30) + 1, Path(folder)) or "")


class JudgementTest(unittest.TestCase):
    """Rules that need no library."""

    def test_versions_are_compared_as_numbers(self) -> None:
        for found, is_old in {
            "580.65.06": False,
            "580.105": False,
            "1000.1": False,
            "580.9.1": True,
            "95.0": True,
        }.items():
            sight = Sight(devices=["/dev/nvidia0"], gpu=GPU | {"driver": found})
            self.assertEqual(driver_too_old(sight, IMAGE) is not None, is_old, found)
        self.assertIsNone(driver_too_old(Sight(), IMAGE))
        self.assertIsNone(driver_too_old(SEEN, {}))

    def test_an_image_for_no_gpu_at_all(self) -> None:
        self.assertRegex(find_trouble(SEEN, IMAGE | {"computeCapabilities": []}, {}) or "", "made for none$")

    def test_what_an_image_asks_the_engine_for(self) -> None:
        self.assertTrue(wants_driver({}))
        self.assertTrue(wants_driver({"NVIDIA_DRIVER_CAPABILITIES": "all"}))
        self.assertTrue(wants_driver({"NVIDIA_DRIVER_CAPABILITIES": "utility, compute"}))
        self.assertFalse(wants_driver({"NVIDIA_DRIVER_CAPABILITIES": "utility,graphics"}))

    def test_where_the_kernel_says_nothing_no_library_is_foreign(self) -> None:
        # As in Windows' subsystem, where it is called libcuda.so.1.1.
        sight = Sight(devices=["/dev/dxg"], library="/usr/lib/wsl/drivers/libcuda.so.1.1")
        self.assertIsNone(foreign_library(sight))
        self.assertIsNone(foreign_library(Sight(kernel="595.64", library="/usr/lib/libcuda.so.1")))
        self.assertIsNotNone(foreign_library(Sight(kernel="595.64", library="/usr/lib/libcuda.so.580.65.06")))

    def test_a_driver_of_unknown_version(self) -> None:
        module = load("25")
        check, _ = collecting_check(GPU)
        with self.assertRaisesRegex(Inconclusive, "does not say which version"):
            module.judge_version(check, Sight(devices=["/dev/dxg"], gpu=GPU | {"driver": "unknown"}))

    def test_every_wrong_number_is_counted(self) -> None:
        module = load("25")
        array = module.array
        with self.assertRaisesRegex(Fail, "2 of 3 numbers are not squares"):
            module.expect_equal(array("I", [0, 2, 5]), array("I", [0, 1, 4]), "squares")


if __name__ == "__main__":
    unittest.main()
