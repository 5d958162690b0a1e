"""Check 15: environments that are wrong in one way each."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import load

from lib.result import Fail

checks = load("15")


class EnvironmentTest(unittest.TestCase):
    """The judgements, on values made for them."""

    def test_another_processor(self) -> None:
        self.assertEqual(checks.judge_machine("x86_64"), "x86_64")
        self.assertRaisesRegex(Fail, "runs on aarch64", checks.judge_machine, "aarch64")

    def test_root(self) -> None:
        self.assertEqual(checks.judge_user(1000), "user 1000")
        self.assertRaisesRegex(Fail, "runs as root", checks.judge_user, 0)

    def test_a_gpu_that_is_hidden(self) -> None:
        good = {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
        self.assertEqual(checks.judge_gpu(good, False), "NVIDIA_DRIVER_CAPABILITIES=compute,utility")
        for name, value in {
            "NVIDIA_VISIBLE_DEVICES": "void",
            "CUDA_VISIBLE_DEVICES": "-1",
            "NVIDIA_DRIVER_CAPABILITIES": "utility",
        }.items():
            self.assertRaisesRegex(Fail, name, checks.judge_gpu, good | {name: value}, False)
        # Engines that know CDI say `void` themselves.
        checks.judge_gpu(good | {"NVIDIA_VISIBLE_DEVICES": "void"}, True)

    def test_a_demand_that_is_higher_than_what_is_needed(self) -> None:
        demand = "cuda>=13.2 brand=unknown,driver>=570,driver<571"
        self.assertEqual(checks.judge_demand({}, "13.0"), "CUDA 13.0")
        self.assertEqual(checks.judge_demand({"NVIDIA_REQUIRE_CUDA": demand}, "13.2"), "CUDA 13.2")
        with self.assertRaisesRegex(
            Fail, "NVIDIA_REQUIRE_CUDA demands a driver for CUDA 13.2, the image has CUDA 13.0"
        ):
            checks.judge_demand({"NVIDIA_REQUIRE_CUDA": demand}, "13.0")
        checks.judge_demand({"NVIDIA_REQUIRE_CUDA": "cuda>=13.2 cuda>=12.8"}, "13.0")


class PythonTest(unittest.TestCase):
    """One Python."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.venv, self.other = Path(folder.name, "venv"), Path(folder.name, "other")
        self.prefix = str(self.venv)
        self.python = self.program(self.venv / "bin/python", "echo $PREFIX")
        self.program(self.venv / "bin/python3", "")
        for name, value in {"VENV": self.venv, "VENV_PYTHON": self.python}.items():
            patch = mock.patch.object(checks, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.environment = {"VIRTUAL_ENV": str(self.venv), "PATH": f"{self.venv}/bin:{self.other}"}

    def program(self, path: Path, line: str) -> Path:
        """A shell script."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    def judge(self, **more: str) -> str:
        """The judgement, with another environment."""
        with mock.patch.dict("os.environ", {"PREFIX": self.prefix}):
            return str(checks.judge_python(self.environment | more))

    def test_one_python(self) -> None:
        self.assertEqual(self.judge(), str(self.venv))

    def test_no_environment_is_named(self) -> None:
        del self.environment["VIRTUAL_ENV"]
        self.assertRaisesRegex(Fail, "VIRTUAL_ENV is not set: uv would install beside", self.judge)
        self.assertRaisesRegex(Fail, "VIRTUAL_ENV is /opt/conda", self.judge, VIRTUAL_ENV="/opt/conda")

    def test_another_python_comes_first(self) -> None:
        self.program(self.other / "python3", "")
        self.assertRaisesRegex(Fail, "python3 is .*/other/python3", self.judge, PATH=f"{self.other}:{self.venv}/bin")

    def test_a_pip_of_the_system(self) -> None:
        self.program(self.other / "pip", "")
        self.assertRaisesRegex(Fail, "pip is .*/other/pip, not that of", self.judge)
        self.program(self.venv / "bin/pip", "")
        self.judge()

    def test_a_pip_of_the_image_that_adds_to_the_environment(self) -> None:
        self.program(self.other / "pip", "")
        self.program(self.other / "python3", "")
        with mock.patch.object(checks, "PROGRAMS", self.other):
            self.judge()
            # It is pip alone.
            self.assertRaisesRegex(Fail, "python3 is", self.judge, PATH=f"{self.other}:{self.venv}/bin")

    def test_packages_from_elsewhere(self) -> None:
        self.assertRaisesRegex(Fail, "PYTHONPATH=/extra leads to other packages", self.judge, PYTHONPATH="/extra")

    def test_an_environment_that_belongs_elsewhere(self) -> None:
        self.prefix = "/usr"
        self.assertRaisesRegex(Fail, "belongs to /usr", self.judge)


if __name__ == "__main__":
    unittest.main()
