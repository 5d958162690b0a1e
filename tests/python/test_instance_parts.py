"""Smaller parts of the boot: variables, threads, shells, homes, CUDA's compatibility, and ComfyUI's command line."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import unittest
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from support import LAYERS, fill

from strata_instance import cuda, homes, launch, shells, thread_limits, variables

HAS_YAML = find_spec("yaml") is not None
if HAS_YAML:
    from strata_instance import comfyui_service

BASHRC = LAYERS / "instance/rootfs/opt/instance-tools/bashrc"


class FolderCase(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))


class Launch(FolderCase):
    def test_modes(self) -> None:
        file = self.root / ".launch"
        self.assertEqual(launch.launch_mode(file), "args")
        file.write_bytes(b"#!/bin/bash\n/usr/sbin/sshd \xff")
        self.assertEqual(launch.launch_mode(file), "ssh")
        file.write_text("#!/bin/bash\nJUPYTER_TOKEN=x jupyter lab")
        self.assertEqual(launch.launch_mode(file), "jupyter")


class Variables(unittest.TestCase):
    def found(self, why: str | None = None, **given: str) -> tuple[dict[str, str], list[str]]:
        return variables.workspace_variables(given, lambda _: why)

    def test_one_tree_under_two_names(self) -> None:
        for given, expected in (
            ({}, "/workspace"),
            ({"WORKSPACE": "/data/", "DATA_DIRECTORY": "/other"}, "/data"),
            ({"DATA_DIRECTORY": "/other//"}, "/other"),
        ):
            found, messages = self.found(**given)
            self.assertEqual((found["WORKSPACE"], found["DATA_DIRECTORY"]), (expected, expected))
            self.assertEqual((found["HF_HOME"], messages), (f"{expected}/.hf_home", []))

    def test_what_a_user_set_stays(self) -> None:
        self.assertNotIn("HF_HOME", self.found(HF_HOME="/mine")[0])

    def test_what_cannot_be(self) -> None:
        found, messages = self.found("Read-only file system")
        self.assertNotIn("HF_HOME", found)
        self.assertRegex(messages[0], "cannot be written to")
        self.assertRegex(self.found(WORKSPACE="here")[1][0], 'absolute path, got "here"')


class Threads(FolderCase):
    def test_what_the_cgroup_grants(self) -> None:
        self.assertIsNone(thread_limits.quota(self.root))
        (self.root / "cpu.max").write_text("max 100000\n")
        self.assertIsNone(thread_limits.quota(self.root))
        (self.root / "cpu.max").write_text("750000 100000\n")
        self.assertEqual(thread_limits.quota(self.root), 7.5)
        (self.root / "cpu.max").unlink()
        fill(self.root, "cpu/cpu.cfs_quota_us")
        (self.root / "cpu/cpu.cfs_period_us").write_text("100000\n")
        for text, expected in (("-1\n", None), ("200000\n", 2.0)):
            (self.root / "cpu/cpu.cfs_quota_us").write_text(text)
            self.assertEqual(thread_limits.quota(self.root), expected)

    def test_variables(self) -> None:
        limit = thread_limits.thread_variables
        self.assertEqual(limit({}, 128, 128, None), {})
        self.assertEqual(set(limit({}, 128, 128, 7.5).values()), {"8"})
        self.assertEqual(set(limit({}, 4, 128, 7.5).values()), {"4"})
        self.assertEqual(set(limit({}, 128, 128, 0.4).values()), {"1"})
        self.assertEqual(limit({"OMP_NUM_THREADS": "3"}, 128, 128, 8).get("OMP_NUM_THREADS"), None)
        self.assertEqual(set(limit({"VAST_CPU_THREAD_CEILING": "6"}, 128, 128, None).values()), {"6"})
        self.assertEqual(set(limit({"VAST_CPU_THREAD_CEILING": "x"}, 128, 128, 8).values()), {"8"})


class Shells(FolderCase):
    def test_a_session_has_the_variables_and_not_the_login(self) -> None:
        given = {
            "WORKSPACE": "/workspace",
            "COMFYUI_ARGS": "--lowvram --x 'a b'",
            "SPACED": "a b $HOME `id`",
            "BOTH": "'\"$",
            "LINES": "a\nb",
            "EMPTY": "",
            "HOME": "/root",
            "not-a-name": "x",
            **{name: "secret" for name in shells.OF_THE_LOGIN},
        }
        text = shells.with_lines("", shells.environment_lines(given))
        self.assertNotIn("secret", text)
        (self.root / "environment").write_text(text)
        script = f'set -a; . {self.root}/environment; printf "%s|" "$WORKSPACE" "$COMFYUI_ARGS" "$SPACED" "$EMPTY" "${{BOTH:-}}"'
        done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True, env={})
        self.assertEqual(done.stdout, "/workspace|--lowvram --x 'a b'|a b $HOME `id`|||")

    def test_the_file_is_ours_in_part(self) -> None:
        first = shells.with_lines('PATH="/usr/local/sbin:/usr/bin"\nMINE=1\n', ["A=1", "PATH=/opt/x:/usr/bin"])
        second = shells.with_lines(first + "LATER=2\n", ["A=2"])
        self.assertEqual(second, f"{shells.BEGIN}\nA=2\n{shells.END}\nMINE=1\nLATER=2\n")
        self.assertIn("PATH=/opt/x", first)
        self.assertNotIn("sbin", first)

    def test_the_call_comes_first_and_once(self) -> None:
        bashrc = self.root / ".bashrc"
        bashrc.write_bytes(b"case $- in *i*) ;; *) return;; esac\n# \xe9\n")
        for _ in range(2):
            shells.call_from(bashrc)
        self.assertEqual(bashrc.read_bytes(), shells.CALL.encode() + b"\ncase $- in *i*) ;; *) return;; esac\n# \xe9\n")

    def test_the_line_of_bashrc_works(self) -> None:
        done = subprocess.run(
            ["bash", "-euc", f'. {BASHRC}; . {BASHRC}; echo "$PATH $(umask)"'],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin"},
        )
        self.assertRegex(done.stdout, r"(^|:)/opt/instance-tools/bin:/usr/bin:/bin 0002$")


class Homes(FolderCase):
    def setUp(self) -> None:
        super().setUp()
        self.kept = self.root / "workspace/home/root"

    def home(self, name: str = "home") -> Path:
        """A container's, as the image brings it: old."""
        home = self.root / name
        home.mkdir()
        (home / ".ssh").mkdir()
        for path, text in ((".ssh/authorized_keys", "key"), (".bashrc", "image's"), (".config/a", "image's")):
            (home / path).parent.mkdir(exist_ok=True)
            (home / path).write_text(text)
            os.utime(home / path, (1, 1))
        return home

    def test_files_outlive_the_container_and_keys_do_not(self) -> None:
        home = self.home()
        (home / "mine").mkdir()
        (home / "mine/notes").write_text("notes")
        homes.keep_home(home, self.kept)
        (home / ".bashrc").write_text("edited")
        (home / ".history").write_text("one")
        homes.keep_home(home, self.kept)
        self.assertFalse((self.kept / ".ssh").exists())
        self.assertFalse((home / ".ssh").is_symlink())
        other = self.home("other")
        homes.keep_home(other, self.kept)
        for path, text in (
            ("mine/notes", "notes"),
            (".bashrc", "edited"),
            (".history", "one"),
            (".config/a", "image's"),
        ):
            self.assertEqual((other / path).read_text(), text)
        self.assertEqual((other / ".ssh/authorized_keys").read_text(), "key")
        self.assertEqual(
            sorted(entry.name for entry in self.kept.iterdir()), [".bashrc", ".config", ".history", "mine"]
        )

    def test_of_two_files_the_newer_counts_and_none_is_lost(self) -> None:
        home = self.home()
        homes.keep_home(home, self.kept)
        # An editor that writes anew puts a file in the place of the link.
        (home / ".bashrc").unlink()
        (home / ".bashrc").write_text("newer")
        os.utime(self.kept / ".bashrc", (2, 2))
        homes.keep_home(home, self.kept)
        self.assertEqual((home / ".bashrc").read_text(), "newer")
        self.assertTrue((home / ".bashrc").is_symlink())
        self.assertEqual((self.kept / ".bashrc.older").read_text(), "image's")
        self.assertEqual([name for name in os.listdir(home) if "strata" in name], [])


class Cuda(FolderCase):
    def test_numbers(self) -> None:
        self.assertEqual(
            [cuda.as_number(text) for text in ("13.0", "12.8", "12.8.1", "13", "", "x.y")],
            [13000, 12080, 12080, 0, 0, 0],
        )

    def test_the_first_that_runs(self) -> None:
        fill(self.root, "cuda-12.8/compat/libcuda.so.1", "cuda-13.0/compat/libcuda.so.1")
        found = cuda.compatible_library(13000, lambda library, _: "13.0" in str(library), self.root)
        self.assertEqual(found, self.root / "cuda-13.0/compat/libcuda.so.1")
        self.assertIsNone(cuda.compatible_library(13000, lambda *_: False, self.root))

    def test_a_library_that_is_none_does_not_run(self) -> None:
        fill(self.root, "libcuda.so.1")
        self.assertFalse(cuda.runs_here(self.root / "libcuda.so.1", 13000))

    def boot(self, has: int | None, runs: bool, **given: str) -> tuple[int, list[object], str]:
        image = {"cuda": "13.0", "minimumDriver": "580.65"}
        fill(self.root, "cuda-13.0/compat/libcuda.so.1")
        library = self.root / "cuda-13.0/compat/libcuda.so.1"
        with (
            mock.patch.object(cuda, "read_json", return_value=image),
            mock.patch.object(cuda.driver, "find_driver", return_value=cuda.driver.Driver("570.10", has)),
            mock.patch.object(cuda, "compatible_library", return_value=library if runs else None),
            mock.patch.object(cuda, "use") as used,
            mock.patch.object(cuda, "say") as told,
            mock.patch.dict(os.environ, given),
        ):
            status = cuda.main([])
        return status, [call.args[0] for call in used.call_args_list], " ".join(c.args[0] for c in told.call_args_list)

    def test_boots(self) -> None:
        library = self.root / "cuda-13.0/compat/libcuda.so.1"
        self.assertEqual(self.boot(None, True), (0, [None], ""), "no GPU")
        self.assertEqual(self.boot(13010, True), (0, [None], ""), "new enough")
        status, used, told = self.boot(12080, True)
        self.assertEqual((status, used), (0, [None, library]))
        self.assertIn("CUDA 12.8", told)
        status, used, told = self.boot(12080, False)
        self.assertEqual((status, used), (1, [None]))
        self.assertIn("570.10 is older than 580.65", told)
        self.assertEqual(self.boot(12080, True, DISABLE_FORWARD_COMPAT="true")[0], 1)

    def test_what_the_linker_is_told(self) -> None:
        linker = self.root / "compat.conf"
        with mock.patch.object(cuda.subprocess, "run") as called:
            cuda.use(None, linker)
            self.assertEqual(called.call_count, 0)
            cuda.use(Path("/usr/local/cuda-13.0/compat/libcuda.so.1"), linker)
            self.assertEqual(linker.read_text(), "/usr/local/cuda-13.0/compat\n")
            cuda.use(None, linker)
            self.assertFalse(linker.exists())
            self.assertEqual(called.call_count, 2)


@unittest.skipUnless(HAS_YAML, "this Python lacks yaml")
class ComfyUi(FolderCase):
    def test_own_arguments_come_first_so_that_the_users_count(self) -> None:
        usual = ["--listen", "127.0.0.1", "--port", "18188", "--disable-auto-launch"]
        self.assertEqual(comfyui_service.arguments(["--lowvram"], None, []), [*usual, "--lowvram"])
        self.assertEqual(comfyui_service.arguments([], "none", []), [*usual, "--cpu"])
        self.assertEqual(comfyui_service.arguments(["--cuda-device=1"], "none", []), [*usual, "--cuda-device=1"])
        self.assertEqual(comfyui_service.arguments(["--a"], None, ["--b"])[-2:], ["--b", "--a"])
        given = ["--port", "8888", "--listen=0.0.0.0"]
        self.assertEqual(comfyui_service.arguments(given, None, [])[-3:], given)
        self.assertEqual(comfyui_service.value_of(given, "--port"), "8888")
        self.assertEqual(comfyui_service.value_of(given, "--listen"), "0.0.0.0")
        self.assertIsNone(comfyui_service.value_of(given, "--por"))

    def test_another_port_than_the_portals_is_told(self) -> None:
        there = {"ComfyUI": {"internal_port": 18188}}
        with mock.patch.object(comfyui_service, "read_applications", return_value=there):
            self.assertIsNone(comfyui_service.check_port(["--port", "18188"]))
            self.assertIsNone(comfyui_service.check_port([]))
            self.assertRegex(str(comfyui_service.check_port(["--port=1"])), "sets port 1")

    def test_from_the_image_it_finds_models_and_nodes_of_the_workspace(self) -> None:
        code, volume, state = (self.root / name for name in ("code", "volume", "state"))
        fill(code, "custom_nodes/manager/__init__.py")
        fill(volume, "custom_nodes/manager/__init__.py", "custom_nodes/mine/__init__.py", "models/vae/a")
        for _ in range(2):
            option, file = comfyui_service.user_files(code, volume, state)
        self.assertEqual(option, "--extra-model-paths-config")
        listed = json.loads(Path(file).read_text())["workspace"]
        self.assertEqual(listed["vae"], str(volume / "models/vae"))
        self.assertEqual(os.listdir(listed["custom_nodes"]), ["mine"])
        self.assertEqual(comfyui_service.user_files(volume, volume, state), [])
        self.assertEqual(comfyui_service.user_files(code, self.root / "none", state), [])

    def test_its_environment_lacks_the_login(self) -> None:
        given = {
            "WEB_PASSWORD": "x",
            "CONTAINER_API_KEY": "x",
            "HF_TOKEN": "h",
            "PIP_USER": "0",
            "WORKSPACE": str(self.root),
        }
        with mock.patch.object(comfyui_service.environment, "sees_user_packages", return_value=True):
            found = comfyui_service.comfyui_variables(given, self.root, {"torch": "2.9"})
        self.assertEqual((found.get("WEB_PASSWORD"), found.get("CONTAINER_API_KEY")), (None, None))
        self.assertEqual((found["HF_TOKEN"], found["PIP_USER"]), ("h", "0"))
        self.assertTrue(found["PYTHONUSERBASE"].startswith(f"{self.root}/.strata/python/"))

    def test_it_waits_for_the_provisioning_script(self) -> None:
        mark = self.root / ".provisioning"
        mark.touch()
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                mark.unlink()

        with mock.patch.object(time, "sleep", sleep), mock.patch.object(comfyui_service, "say") as told:
            comfyui_service.wait_for_provisioning(mark)
            comfyui_service.wait_for_provisioning(mark)
        self.assertEqual((len(slept), told.call_count), (3, 1))

    def test_a_loop_is_slowed_down(self) -> None:
        pause = comfyui_service.pause_in_loop
        self.assertEqual(pause([], 100.0), 0)
        self.assertEqual(pause([10.0, 20.0, 30.0], 100.0), 0)
        self.assertEqual(pause([10.0, 20.0, 30.0, 40.0], 100.0), 60)
        self.assertEqual(pause([10.0, 20.0, 30.0, 40.0], 650.0), 0)


if __name__ == "__main__":
    unittest.main()
