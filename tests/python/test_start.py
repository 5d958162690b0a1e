"""What decides how ComfyUI starts: nodes, command line, environment, access, the Manager's settings."""

from __future__ import annotations

import json
import stat
import tempfile
import unittest
from itertools import pairwise
from pathlib import Path
from unittest import mock

from support import fill

from preparation import access, environment, manager, nodes, options
from preparation.problem import Problem


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))


class NodesTest(InFolder):
    """Which nodes ComfyUI would load, and which it must not."""

    def test_what_counts_as_a_node(self) -> None:
        fill(self.root, "A/__init__.py", "b.py", "c.txt", "D.disabled/x", ".disabled/x", "__pycache__/x", ".git/x")
        self.assertEqual(nodes.list_nodes(self.root), ["A", "b.py"])
        self.assertEqual(nodes.list_nodes(self.root / "none"), [])

    def test_the_image_wins_whatever_the_case(self) -> None:
        found = nodes.shadowed_nodes(["ComfyUI-KJNodes", "x.py"], ["comfyui-kjnodes", "KJNodes", "X.py", "mine"])
        self.assertEqual(found, ["X.py", "comfyui-kjnodes"])

    def test_the_login_that_is_loaded(self) -> None:
        fill(self.root, "image/other/x", "volume/comfyui-login/x")
        image, volume = self.root / "image", self.root / "volume"
        self.assertEqual(nodes.find_login(image, volume, []), volume / "comfyui-login")
        self.assertIsNone(nodes.find_login(image, volume, ["comfyui-login"]))


class OptionsTest(InFolder):
    """ComfyUI's command line."""

    def arguments(self, given: str = "", on_cpu: bool = False) -> list[str]:
        return options.comfyui_arguments(
            port=8188,
            listen="0.0.0.0",
            volume=Path("/workspace"),
            temporary=Path("/tmp/state"),
            model_paths=Path("/tmp/state/paths.yaml"),
            on_cpu=on_cpu,
            given=options.split_arguments(given),
        )

    def test_everything_of_a_user_is_in_the_volume_and_what_is_temporary_beside_it(self) -> None:
        arguments = self.arguments()
        pairs = dict(pairwise(arguments))
        self.assertEqual(pairs["--base-directory"], "/workspace")
        self.assertEqual(pairs["--database-url"], "sqlite:////workspace/user/comfyui.db")
        self.assertEqual(pairs["--temp-directory"], "/tmp/state")

    def test_given_arguments_are_split_as_a_shell_does_and_come_last(self) -> None:
        self.assertEqual(
            self.arguments("--preview-method auto --x 'a b'")[-4:], ["--preview-method", "auto", "--x", "a b"]
        )
        with self.assertRaisesRegex(Problem, "No closing quotation"):
            self.arguments("'a")

    def test_arguments_that_have_a_setting_of_their_own(self) -> None:
        for given, setting in {
            "--port 1": "COMFYUI_PORT",
            "--port=1": "COMFYUI_PORT",
            "--base-directory /": "VOLUME",
        }.items():
            with self.assertRaisesRegex(Problem, f"STRATA_{setting}"):
                self.arguments(given)

    def test_the_cpu_is_added_unless_the_user_decides(self) -> None:
        self.assertIn("--cpu", self.arguments(on_cpu=True))
        self.assertNotIn("--cpu", self.arguments())
        self.assertNotIn("--cpu", self.arguments("--lowvram", on_cpu=True))
        self.assertEqual(self.arguments("--cpu", on_cpu=True).count("--cpu"), 1)

    def test_ports(self) -> None:
        self.assertEqual(options.check_port("8189"), 8189)
        for text in ("", "x", "0", "65536", "-1"):
            self.assertRaises(Problem, options.check_port, text)

    def test_a_gpu_needs_a_device_a_driver_and_leave(self) -> None:
        def why(devices: str, driver: bool = True, **variables: str) -> str | None:
            return options.why_no_gpu(variables, self.root / devices, lambda: driver)

        fill(self.root, "gpu/nvidia0", "wsl/dxg", "none/nvidiactl")
        self.assertIsNone(why("gpu"))
        self.assertIsNone(why("wsl", CUDA_VISIBLE_DEVICES="0"))
        self.assertIn("no GPU", why("none") or "")
        self.assertIn("no NVIDIA driver", why("gpu", driver=False) or "")
        for hidden in ("", "-1", "NoDevFiles"):
            self.assertIn("hides", why("gpu", CUDA_VISIBLE_DEVICES=hidden) or "")

    def test_old_models_are_found_beside_the_usual_folder_and_old_nodes_are_not(self) -> None:
        fill(self.root, "ComfyUI/models/ipadapter/a", "ComfyUI/models/configs/b", "ComfyUI/custom_nodes/c/d", "Empty/x")
        old = [self.root / "ComfyUI", self.root / "Empty"]
        content = json.loads(options.model_paths(Path("/opt/comfyui"), Path("/workspace"), old, {}))
        self.assertEqual(
            content["image"],
            {"base_path": "/opt/comfyui", "custom_nodes": "custom_nodes", "configs": "models/configs"},
        )
        expected = {"ipadapter": f"/workspace/models/ipadapter\n{self.root}/ComfyUI/models/ipadapter"}
        self.assertEqual(content["old ComfyUI"], expected)
        self.assertEqual(set(content), {"image", "old ComfyUI"})

    def test_models_of_a_library_are_found_after_those_of_the_volume(self) -> None:
        fill(self.root, "library/models/vae/a", "library/models/configs/b")
        places = {"library": self.root / "library/models", "gone": self.root / "gone/models"}
        content = json.loads(options.model_paths(Path("/opt/comfyui"), Path("/workspace"), [], places))
        self.assertEqual(content["library"], {"vae": f"/workspace/models/vae\n{self.root}/library/models/vae"})
        self.assertEqual(set(content), {"image", "library"})


class AccessTest(InFolder):
    """The token and ComfyUI-Login's password."""

    def test_a_token_is_made_once_and_only_its_user_can_read_it(self) -> None:
        file = self.root / "token"
        token = access.keep_token(file)
        self.assertGreaterEqual(len(token), 40)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        file.chmod(0o644)
        self.assertEqual(access.keep_token(file), token)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        file.write_text("\n")
        self.assertNotEqual(access.keep_token(file), token)

    def test_a_token_of_another_user_is_used_if_it_can_be_read(self) -> None:
        file = self.root / "token"
        file.write_text("a token that somebody else has left here\n")
        with mock.patch.object(Path, "chmod", side_effect=PermissionError(1, "Operation not permitted")):
            self.assertEqual(access.keep_token(file), "a token that somebody else has left here")

    def test_tokens_that_are_refused(self) -> None:
        access.check_token("x" * 16)
        for token in ("short", "with a space in it", "ümlaut-umlaut-umlaut"):
            with self.assertRaises(Problem) as caught:
                access.check_token(token)
            self.assertNotIn(token, str(caught.exception))

    def test_the_password_file_is_as_the_node_wants_it(self) -> None:
        self.enterContext(mock.patch.object(access, "hash_password", lambda password: f"$2b${password}"))
        token = access.set_password(self.root / "login", "secret")
        file = self.root / "login/PASSWORD"
        self.assertEqual(file.read_text().split("\n"), [token, "strata"])
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        with self.assertRaisesRegex(Problem, "72 bytes"):
            access.set_password(self.root / "login", "ü" * 37)


class ManagerTest(InFolder):
    """Where the Manager's settings lie, and that a user's are left alone."""

    def test_the_place_depends_on_comfyui(self) -> None:
        fill(self.root, "old/folder_paths.py")
        (self.root / "new").mkdir()
        (self.root / "new/folder_paths.py").write_text("def get_system_user_directory(name):\n")
        self.assertEqual(manager.settings_file(self.root / "old"), manager.OLD)
        self.assertEqual(manager.settings_file(self.root / "new"), manager.NEW)

    def test_settings_are_written_only_where_there_are_none(self) -> None:
        self.assertIsNone(manager.write_settings(self.root, self.root / "code"))
        self.assertIn("network_mode = public", (self.root / manager.OLD).read_text())
        self.assertIsNone(manager.write_settings(self.root, self.root / "code"))
        # Both files make the Manager run pip at its start.
        (self.root / "code").mkdir()
        (self.root / "code/folder_paths.py").write_text("def get_system_user_directory(name):\n")
        self.assertIsNone(manager.write_settings(self.root, self.root / "code"))
        self.assertFalse((self.root / manager.NEW).exists())

    def test_a_folder_of_another_user_stops_nobody(self) -> None:
        with mock.patch.object(Path, "mkdir", side_effect=PermissionError(13, "Permission denied")):
            self.assertRegex(manager.write_settings(self.root, self.root / "code") or "", "Permission denied")


class EnvironmentTest(InFolder):
    """Variables of ComfyUI."""

    def test_whether_python_sees_user_packages(self) -> None:
        file = self.root / "pyvenv.cfg"
        self.assertFalse(environment.sees_user_packages(file))
        file.write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
        self.assertFalse(environment.sees_user_packages(file))
        file.write_text("Include-System-Site-Packages = True\n")
        self.assertTrue(environment.sees_user_packages(file))

    def test_packages_of_another_python_or_torch_are_not_seen(self) -> None:
        bases = {
            environment.package_settings(Path("/workspace"), python, torch)["PYTHONUSERBASE"]
            for python, torch in (("3.11", "2.10.0"), ("3.12", "2.10.0"), ("3.12", "2.12.0"))
        }
        self.assertEqual(len(bases), 3)

    def test_users_whom_the_image_does_not_know(self) -> None:
        home = {"HOME": str(self.root)}
        self.assertEqual(environment.user_settings(home, self.root / "home"), {})
        with mock.patch("os.getuid", return_value=54321):
            settings = environment.user_settings({"HOME": "/"}, self.root / "home")
        self.assertEqual(settings, {"USER": "strata", "LOGNAME": "strata", "HOME": str(self.root / "home")})
        self.assertTrue((self.root / "home").is_dir())


if __name__ == "__main__":
    unittest.main()
