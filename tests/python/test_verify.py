"""The whole verification, as the stage `verify` runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from stages import PYTHON, REPOSITORY, SITE, StagesTestCase

CHECKS = [
    "equal to the lock",
    "nothing overwritten",
    "one environment",
    "requirements met",
    "one CUDA version",
    "libraries found",
    "nothing left out that is asked for",
    "ComfyUI's requirements met",
]


class VerifyTest(StagesTestCase):
    """Stages that fit together, and one thing wrong at a time."""

    def setUp(self) -> None:
        super().setUp()
        self.context = self.stages.parent / f"{self.stages.name}.context"
        self.context.mkdir()
        self.addCleanup(shutil.rmtree, self.context)
        # As in the build, everything lies in one folder.
        borrowed = [REPOSITORY / "smoke/lib/libraries" / name for name in ("elf.py", "optional_libraries.py")]
        for script in (*(REPOSITORY / "layers/verify").glob("*.py"), *borrowed):
            shutil.copy(script, self.context)
        self.write("system", "/usr/bin/python3", Path(sys.executable).resolve().read_bytes())
        self.write("python", "/opt/venv/pyvenv.cfg")
        (self.stages / "python/opt/venv/bin").mkdir()
        (self.stages / "python/opt/venv/bin/python3").symlink_to("/usr/bin/python3")
        self.install("torch", "torch", "2.12.0", {"torch/version.py": "__version__ = '2.12.0+cu130'\n"})
        self.install("packages", "comfyui-frontend-package", "1.27.10", requires="torch")
        self.write("comfyui", "/opt/comfyui/requirements.txt", "comfyui-frontend-package==1.27.10\ntorch\n")
        (self.context / "distributions.txt").write_text("torch==2.12.0\ncomfyui-frontend-package==1.27.10\n")

    def verify(self, *options: str, python: str = PYTHON, cuda: str = "13.0") -> tuple[int, str]:
        """Status and what is printed."""
        files = [file for name in ("distributions.txt", "allowed.json") if (file := self.context / name).exists()]
        done = subprocess.run(
            [sys.executable, "-B", *map(str, (self.context / "verify.py", *options, self.stages, *files))],
            env={"PYTHON": python, "CUDA": cuda},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def failed(self, printed: str) -> list[str]:
        """The checks that failed; all of them have run."""
        lines = [line for line in printed.splitlines() if not line.startswith(" ")]
        self.assertEqual([line[5:].split(": ")[0] for line in lines], CHECKS, printed)
        return [line[5:] for line in lines if line.startswith("FAIL")]

    def test_stages_that_fit_together(self) -> None:
        status, printed = self.verify()
        self.assertEqual((status, self.failed(printed)), (0, []), printed)
        self.assertIn("pass equal to the lock: 2 distributions\n", printed)

    def test_everything_that_is_wrong_is_told(self) -> None:
        (self.context / "distributions.txt").write_text("torch==2.11.0\ncomfyui-frontend-package==1.27.10\n")
        self.write("comfyui", "/opt/comfyui/requirements.txt", "comfyui-frontend-package==1.28.0\n")
        status, printed = self.verify(cuda="12.8")
        self.assertEqual(status, 1)
        expected = ["equal to the lock", "one CUDA version", "ComfyUI's requirements met"]
        self.assertEqual(self.failed(printed), expected)
        self.assertIn("\n  torch: expected 2.11.0, got 2.12.0\n", printed)

    def test_exceptions_of_the_lock(self) -> None:
        self.install("packages", "old-node", "1.0", requires="torch<2")
        with (self.context / "distributions.txt").open("a") as lock:
            lock.write("old-node==1.0\n")
        self.assertEqual(self.failed(self.verify()[1]), ["requirements met"])
        entry = {"distribution": "old-node", "requirement": "torch<2", "reason": "works with 2 as well"}
        (self.context / "allowed.json").write_text(json.dumps([entry]))
        self.assertEqual(self.failed(self.verify()[1]), [])

    def test_an_image_without_comfyui(self) -> None:
        shutil.rmtree(self.stages / "comfyui")
        self.assertEqual(self.verify()[0], 0)

    def test_a_python_without_a_gil_has_a_name_and_a_folder_of_its_own(self) -> None:
        program = "import sys; sys.abiflags = sys.argv[1]; import verify; print(verify.python_name())"
        for flags, name in (("", PYTHON), ("t", f"{PYTHON}t"), ("td", f"{PYTHON}t")):
            command = [sys.executable, "-B", "-c", program, flags]
            said = subprocess.run(command, cwd=self.context, capture_output=True, text=True, check=True).stdout
            self.assertEqual(said.strip(), name)

    def test_another_python(self) -> None:
        status, printed = self.verify(python="3.5")
        self.assertEqual((status, printed), (1, f"this is Python {PYTHON}, the product has 3.5\n"))

    def test_many_problems_are_cut(self) -> None:
        names = "".join(f"package-{number}==1\n" for number in range(100))
        (self.context / "distributions.txt").write_text(names)
        printed = self.verify()[1]
        self.assertIn("\n  and 62 more\n", printed)
        self.assertNotIn(str(self.stages), printed)

    def test_a_file_that_was_put_there_by_hand(self) -> None:
        self.write("torch", f"{SITE}/torch/patch.py", "x")
        self.assertEqual(self.failed(self.verify()[1]), ["one environment"])

    def join(self) -> None:
        """Lays the stages over one another, as the product has them."""
        product = self.stages.parent / f"{self.stages.name}.product"
        self.addCleanup(shutil.rmtree, product, True)
        for stage in sorted(self.stages.iterdir()):
            shutil.copytree(stage, product, symlinks=True, dirs_exist_ok=True)
        # Links of a product are absolute in it, which a folder cannot show.
        python = product / "opt/venv/bin/python3"
        python.unlink()
        python.symlink_to("../../../usr/bin/python3")
        self.stages = product

    def test_a_product(self) -> None:
        self.write("nodes", "/opt/comfyui/custom_nodes/a/a.egg-info/PKG-INFO", "Name: a\n")
        self.join()
        status, printed = self.verify("--product")
        self.assertEqual((status, self.failed(printed)), (0, []), printed)
        self.write("opt", "old-0.1.dist-info/METADATA", "Name: old\n")
        self.write("", f"{SITE}/torch-2.1.dist-info/METADATA", "Name: torch\nVersion: 2.1\n")
        printed = self.verify("--product")[1]
        self.assertEqual(self.failed(printed)[:2], ["equal to the lock", "one environment"])
        self.assertIn("\n  torch is there 2 times: 2.1, 2.12.0\n", printed)
        self.assertIn("\n  /opt/old-0.1.dist-info is outside of ", printed)

    def test_what_the_distribution_and_the_services_environment_have_is_theirs(self) -> None:
        for place in ("/usr/lib/python3/dist-packages", f"/opt/services/lib/python{PYTHON}/site-packages"):
            self.write("system", f"{place}/pip-23.0.dist-info/METADATA", "Name: pip\nVersion: 23.0\n")
        self.write("system", "/usr/local/lib/python3/dist-packages/six-1.dist-info/METADATA", "Name: six\n")
        status, printed = self.verify()
        self.assertEqual((status, self.failed(printed)), (1, ["one environment"]))
        self.assertIn("/usr/local/lib/python3/dist-packages/six-1.dist-info is outside of ", printed)
        self.assertNotIn("pip-23.0.dist-info", printed)

    def test_all_as_json(self) -> None:
        names = "".join(f"package-{number}==1\n" for number in range(100))
        (self.context / "distributions.txt").write_text(names)
        status, printed = self.verify("--json")
        report = json.loads(printed)
        self.assertEqual(status, 1)
        self.assertEqual([check["name"] for check in report["checks"]], CHECKS)
        first, second = report["checks"][:2]
        self.assertEqual((first["note"], len(first["problems"])), ("", 102))
        self.assertEqual((second["note"][-6:], second["problems"]), (" files", []))
        self.assertIn({"name": "torch", "version": "2.12.0"}, report["distributions"])
