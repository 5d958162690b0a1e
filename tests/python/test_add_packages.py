"""pip for people: where `docker exec CONTAINER pip install …` puts packages, and as whom."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from support import RUNTIME, fill

import add_packages

IMAGE = {"torch": "2.10.0"}
PYTHON = ".".join(platform.python_version_tuple()[:2])


class SettingsTest(unittest.TestCase):
    """What pip is told."""

    def settings(self, *arguments: str, **variables: str) -> dict[str, str]:
        return add_packages.settings(variables, IMAGE, Path("/data"), list(arguments))

    def test_packages_go_where_comfyui_looks(self) -> None:
        found = self.settings("install", "x")
        self.assertEqual(found["PYTHONUSERBASE"], f"/data/python/{PYTHON}-torch2.10.0")
        self.assertEqual(found["PIP_USER"], "1")
        self.assertNotIn("PIP_NO_INPUT", found)
        self.assertEqual(self.settings("install", "x", PYTHONUSERBASE="/mine").get("PYTHONUSERBASE"), None)

    def test_other_commands_and_other_places(self) -> None:
        for arguments in (
            ("list",),
            ("install", "--target", "/t", "x"),
            ("install", "--prefix=/t", "x"),
            ("install", "--no-user", "x"),
        ):
            self.assertNotIn("PIP_USER", self.settings(*arguments), arguments)

    def test_the_services_that_run(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            self.assertIsNone(add_packages.running([root]))
            fill(root, "strata.aaaaaa/comfyui.json", "other/comfyui.json")
            os.utime(root / "strata.aaaaaa/comfyui.json", (1, 1))
            fill(root, "home/.strata.bbbbbb/comfyui.json")
            self.assertEqual(add_packages.running([root]), root / "strata.aaaaaa")
            self.assertEqual(add_packages.running([root, root / "home"]), root / "home/.strata.bbbbbb")


class UserTest(unittest.TestCase):
    """As whom pip runs."""

    def become(self, me: int, owner: int) -> list[tuple[str, object]]:
        """What is given up, in that order."""
        with mock.patch("os.geteuid", lambda: me):
            status = mock.Mock(st_uid=owner, st_gid=owner + 1)
            calls: list[tuple[str, object]] = []
            for name in ("setgroups", "setgid", "setuid"):
                self.enterContext(mock.patch(f"os.{name}", lambda value, name=name: calls.append((name, value))))
            self.home = add_packages.become_owner(status).get("HOME")
        return calls

    def test_root_becomes_the_user_of_the_services(self) -> None:
        # The user last: nobody else may change groups.
        self.assertEqual(self.become(0, 54321), [("setgroups", []), ("setgid", 54322), ("setuid", 54321)])
        self.assertEqual(self.home, "/")

    def test_who_is_it_already_or_cannot_become_it_stays(self) -> None:
        for me, owner in ((0, 0), (1000, 1000), (1234, 1000)):
            self.assertEqual(self.become(me, owner), [])
            self.assertIsNone(self.home)


COMPILES = shutil.which("cc") and Path(sysconfig.get_path("include"), "Python.h").exists()

EXTENSION = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *unused) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "MODULE", "", -1, methods};
PyMODINIT_FUNC PyInit_MODULE(void) { return PyModule_Create(&definition); }
"""

BACKEND = """
import subprocess, sysconfig, zipfile
from pathlib import Path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    file = "{module}" + sysconfig.get_config_var("EXT_SUFFIX")
    include = "-I" + sysconfig.get_path("include")
    subprocess.run(["cc", "-shared", "-fPIC", include, "module.c", "-o", file], check=True)
    name = "{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.write(file)
        info = "{module}-1.0.dist-info"
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\nRequires-Dist: {needs}\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""


@unittest.skipUnless(importlib.util.find_spec("pip"), "this Python has no pip")
class ProgramTest(unittest.TestCase):
    """The program, with the real pip, in folders that stand for a container's."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root.chmod(0o755)
        self.volume = self.root / "volume"
        (self.root / "tmp/strata.x").mkdir(parents=True)
        self.volume.mkdir()
        (self.root / "tmp/strata.x/comfyui.json").write_text(json.dumps({"volume": str(self.volume)}))
        (self.root / "image.json").write_text(json.dumps(IMAGE))
        (self.root / "constraints.txt").write_text("strata-test==1.0\n")
        for file in RUNTIME.rglob("*.py"):
            copy = self.root / "runtime" / file.relative_to(RUNTIME)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text().replace("/opt/strata/", f"{self.root}/"))
        for version in ("1.0", "2.0"):
            self.make_package(version)

    def make_package(self, version: str) -> None:
        """A wheel, written by hand."""
        with zipfile.ZipFile(self.root / f"strata_test-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("strata_test.py", f"version = {version!r}\n")
            folder = f"strata_test-{version}.dist-info"
            wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: strata-test\nVersion: {version}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")

    def pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As in an exec'd shell: nothing is set but what the image sets."""
        variables = {"PATH": os.environ["PATH"], "TMPDIR": str(self.root / "tmp"), "HOME": str(self.root)}
        return subprocess.run(
            [sys.executable, self.root / "runtime/add_packages.py", *arguments],
            env={**variables, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_is_whoever_the_services_are_before_it_becomes_pip(self) -> None:
        state = self.root / "tmp/strata.x"
        images = {"IMAGE": self.root / "image.json", "CONSTRAINTS": self.root / "constraints.txt"}
        with (
            mock.patch.multiple(add_packages, **images),
            mock.patch.dict(os.environ, {"TMPDIR": str(self.root / "tmp"), "HOME": "/root"}),
            mock.patch("sys.argv", ["pip", "list"]),
            mock.patch.object(add_packages, "become_owner", return_value={"HOME": "/home/strata"}) as become,
            mock.patch("os.execve") as execve,
        ):
            add_packages.main()
        become.assert_called_once_with(state.stat())
        program, arguments, variables = execve.call_args.args
        self.assertEqual((program, arguments), (sys.executable, [sys.executable, "-m", "pip", "list"]))
        self.assertEqual(variables["HOME"], "/home/strata")
        self.assertEqual(variables["PIP_CONSTRAINT"], str(self.root / "constraints.txt"))

    def test_a_package_of_a_person(self) -> None:
        done = self.pip("install", "--no-index", "--find-links", str(self.root), "strata-test")
        self.assertEqual(done.returncode, 0, done.stderr)
        base = self.volume / f"python/{PYTHON}-torch2.10.0"
        self.assertIn(f"into {base}, where ComfyUI looks", done.stdout)
        (module,) = base.rglob("strata_test.py")
        self.assertEqual(module.read_text(), "version = '1.0'\n", "the image's constraints count")
        refused = self.pip("install", "--no-index", "--find-links", str(self.root), "strata-test==2.0")
        self.assertNotEqual(refused.returncode, 0)

    @unittest.skipUnless(COMPILES, "no compiler, or no headers of this Python")
    def test_a_package_without_a_wheel_is_compiled_under_the_constraints(self) -> None:
        for name, needs in (("strata-built", "strata-test"), ("strata-greedy", "strata-test>=2")):
            self.make_source(name, needs)
        done = self.pip("install", "--no-index", "--find-links", str(self.root), "strata-built")
        self.assertEqual(done.returncode, 0, done.stderr)
        (module,) = self.volume.rglob("strata_built*.so")
        program = "import strata_built, strata_test; print(strata_built.answer(), strata_test.version)"
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(module.parent)}
        said = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
        )
        self.assertEqual(said.stdout.split(), ["42", "1.0"])
        refused = self.pip("install", "--no-index", "--find-links", str(self.root), "strata-greedy")
        self.assertNotEqual(refused.returncode, 0, "what it needs is forbidden")
        self.assertEqual(list(self.volume.rglob("strata_greedy*.so")), [])

    def make_source(self, name: str, needs: str) -> None:
        """A source distribution with an extension in C, which its own build backend compiles: it needs no other package."""
        module = name.replace("-", "_")
        files = {
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {needs}\n",
            "backend.py": BACKEND.format(name=name, module=module, needs=needs),
            "module.c": EXTENSION.replace("MODULE", module),
        }
        with tarfile.open(self.root / f"{module}-1.0.tar.gz", "w:gz") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(f"{module}-1.0/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))


if __name__ == "__main__":
    unittest.main()
