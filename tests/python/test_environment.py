"""The environment against its lock, on stages made for it."""

from __future__ import annotations

from stages import SITE, StagesTestCase, load

environment = load("environment")
one_environment = load("one_environment")
cuda_version = load("cuda_version")


class LockTest(StagesTestCase):
    """What is installed is what the lock says."""

    def compare(self, lock: str) -> list[str]:
        return self.problems(lambda: environment.check_lock(self.installed(), environment.read_expected(lock)))

    def test_names_are_compared_as_indexes_do(self) -> None:
        self.install("torch", "Typing_Extensions", "4.1")
        self.assertEqual(self.compare("typing-extensions==4.1\n"), [])

    def test_every_difference_is_named(self) -> None:
        for stage, name, version in [
            ("a", "moved", "2.0"),
            ("a", "stranger", "1"),
            ("a", "numpy", "2.4"),
            ("b", "numpy", "1.26"),
        ]:
            self.install(stage, name, version)
        self.assertEqual(
            self.compare("moved==1.0\nabsent==3\nnumpy==1.26\n"),
            [
                "absent 3 is missing",
                "moved: expected 1.0, got 2.0",
                "numpy is there 2 times: 2.4, 1.26",
                "stranger 1 is not in the lock",
            ],
        )

    def test_metadata_that_says_nothing(self) -> None:
        self.write("a", f"{SITE}/broken-1.0.dist-info/METADATA")
        self.assertEqual(self.problems(self.installed), [f"{SITE}/broken-1.0.dist-info has no name"])


class FilesTest(StagesTestCase):
    """Files are as their wheels brought them."""

    def check(self) -> list[str]:
        return self.problems(lambda: environment.check_files(self.installed()))

    def test_files_as_they_were_brought(self) -> None:
        self.install("a", "one", files={"one/__init__.py": "x", "shared/__init__.py": "", "../../../bin/one": "#!"})
        self.install("b", "two", files={"shared/__init__.py": "", "with, comma.txt": "y"})
        self.assertEqual(self.check(), [])

    def test_two_packages_with_another_idea_of_one_file(self) -> None:
        self.install("a", "opencv-python", files={"cv2/__init__.py": "a", "cv2/data.py": "a"})
        self.install("b", "opencv-contrib-python", files={"cv2/__init__.py": "b", "cv2/data.py": "b"})
        problem = f"{SITE}/cv2/__init__.py and 1 more: of opencv-python and of opencv-contrib-python, and not the same"
        self.assertEqual(self.check(), [problem])

    def test_a_file_that_was_overwritten_or_removed(self) -> None:
        self.install("a", "torch", files={"torch/__init__.py": "good", "torch/gone.py": "gone"})
        self.write("a", f"{SITE}/torch/__init__.py", "something else")
        (self.stages / f"a{SITE}/torch/gone.py").unlink()
        self.assertEqual(
            self.check(),
            [
                f"{SITE}/torch/__init__.py: of torch and not as large as its wheel's",
                f"{SITE}/torch/gone.py: of torch and gone",
            ],
        )


class OneEnvironmentTest(StagesTestCase):
    """Nothing lies beside the environment."""

    def check(self) -> list[str]:
        return self.problems(
            lambda: one_environment.check_one_environment(self.tree(), "/opt/venv", SITE, self.installed())
        )

    def test_what_belongs_there(self) -> None:
        script = "../../../bin/tool"
        self.install("a", "tool", files={script: "#!/opt/venv/bin/python\n", "tool/_vendor/x-1.dist-info/METADATA": ""})
        self.write("a", f"{SITE}/tool/__pycache__/tool.cpython-311.pyc")
        self.write("system", "/opt/venv/bin/activate", "#!/bin/sh\n")
        self.assertEqual(self.check(), [])

    def test_a_package_in_another_python(self) -> None:
        self.install("a", "tool")
        other = "/usr/local/lib/python3.11/dist-packages/requests-2.0.dist-info"
        self.write("system", f"{other}/METADATA", "Name: requests\nVersion: 2.0\n")
        self.assertEqual(self.check(), [f"{other} is outside of {SITE}"])

    def test_a_file_that_nobody_brought(self) -> None:
        self.install("a", "tool")
        self.write("b", f"{SITE}/sitecustomize.py")
        self.write("b", f"{SITE}/tool/patch.py")
        self.assertEqual(self.check(), [f"{SITE}/sitecustomize.py and 1 more: in no distribution"])

    def test_a_program_that_another_python_runs(self) -> None:
        self.install("a", "tool", files={"../../../bin/tool": "#!/usr/bin/env python3\n"})
        self.assertEqual(self.check(), ["/opt/venv/bin/tool: run by /usr/bin/env python3"])


class CudaVersionTest(StagesTestCase):
    """One CUDA version for all."""

    def check(self, expected: str = "13.0") -> list[str]:
        return self.problems(lambda: cuda_version.check_cuda_version(self.tree(), SITE, self.installed(), expected))

    def test_torch_and_its_companions(self) -> None:
        for package, local in {"torch": "+cu130", "torchvision": "+cu130", "torchaudio": "+cu128"}.items():
            self.write("torch", f"{SITE}/{package}/version.py", f"__version__ = '2.11.0{local}'\n")
        self.assertEqual(self.check(), ["torchaudio is built for CUDA 12.8, not 13.0"])
        self.assertEqual(len(self.check("12.8")), 2)

    def test_a_build_for_the_cpu_alone(self) -> None:
        self.write("torch", f"{SITE}/torch/version.py", "__version__ = '2.12.0+cpu'\n")
        self.assertEqual(self.check(), ["torch is built for CUDA None, not 13.0"])

    def test_packages_that_name_their_cuda(self) -> None:
        for name, version in {
            "nvidia-cudnn-cu12": "9",
            "nvidia-cudnn-cu13": "9",
            "cupy-cuda12x": "13.6.0",
            "flash-attn": "2.8.3+cu128torch2.10",
            "focus": "1.0",
        }.items():
            self.install("a", name, version)
        self.assertEqual(
            self.check(),
            [
                "cupy-cuda12x is for CUDA 12, not 13",
                "flash-attn 2.8.3+cu128torch2.10 is built for CUDA 12.8, not 13.0",
                "nvidia-cudnn-cu12 is for CUDA 12, not 13",
            ],
        )
