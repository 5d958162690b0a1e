"""The plan for ComfyUI as a whole, in folders that stand for the image and the volume."""

from __future__ import annotations

import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any
from unittest import mock

from support import fill

import bootstrap
from preparation import access, environment
from preparation.problem import Problem


class BootstrapTest(unittest.TestCase):
    """Each test starts on a volume and looks at the plan and at what is said."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.code, self.volume, self.state = (self.root / name for name in ("code", "volume", "state"))
        fill(self.code, "main.py", "models/vae/put_vae_here", "custom_nodes/KJNodes/x")
        for folder in (self.volume, self.state, self.root / "home"):
            folder.mkdir()
        self.image: dict[str, Any] = {"recipe": "studio", "torch": "2.10.0", "comfyui": {"version": "0.3.64"}}
        self.enterContext(mock.patch.object(access, "hash_password", lambda password: f"hash of {password}"))

    def prepare(self, **variables: str) -> tuple[dict[str, Any], str]:
        """The plan, and everything that is said."""
        settings = {"HOME": str(self.root / "home"), "STRATA_VOLUME": str(self.volume), **variables}
        start = bootstrap.Start(settings, self.state, self.code, self.image)
        plan = bootstrap.prepare(start)
        return plan, "\n".join(start.messages)

    def test_a_new_volume(self) -> None:
        plan, said = self.prepare()
        self.assertEqual((plan["volume"], plan["hiddenNodes"], plan["loginToken"]), (str(self.volume), [], None))
        self.assertTrue((self.volume / "models/vae").is_dir())
        token = Path(plan["tokenFile"]).read_text().strip()
        self.assertIn(plan["tokenFile"], said)
        self.assertNotIn(token, said + json.dumps(plan))
        self.assertEqual(self.prepare()[0]["tokenFile"], plan["tokenFile"])
        self.assertEqual(Path(plan["tokenFile"]).read_text().strip(), token)

    def test_a_given_token_is_written_nowhere(self) -> None:
        plan, said = self.prepare(STRATA_TOKEN="given-token-of-a-user")
        self.assertIsNone(plan["tokenFile"])
        files = [path for path in self.root.rglob("*") if path.is_file()]
        self.assertNotIn("given-token-of-a-user", said + "".join(path.read_text() for path in files))

    def test_an_old_volume_brings_back_no_code(self) -> None:
        fill(self.volume, "ComfyUI/main.py", "ComfyUI/folder_paths.py", "ComfyUI/models/loras/a")
        fill(self.volume, "ComfyUI/custom_nodes/Old/x", "ComfyUI/custom_nodes/KJNodes/x", "custom_nodes/kjnodes/x")
        plan, said = self.prepare()
        self.assertEqual(plan["hiddenNodes"], ["kjnodes"])
        self.assertIn("Not loaded from", said)
        self.assertRegex(said, r"lacks, move them to .*custom_nodes: Old\.")
        self.assertNotIn(str(self.volume / "ComfyUI/custom_nodes"), " ".join(plan["arguments"]))
        paths = json.loads((self.state / "model_paths.yaml").read_text())
        self.assertEqual(set(paths["old ComfyUI"]), {"loras"})
        self.assertEqual(paths["image"]["custom_nodes"], "custom_nodes")
        self.assertTrue((self.volume / "custom_nodes/kjnodes/x").is_file(), "nothing is moved")

    def test_another_image_on_the_same_volume_is_said(self) -> None:
        self.assertNotIn("last used", self.prepare()[1])
        self.assertNotIn("last used", self.prepare()[1])
        self.image["comfyui"]["version"] = "0.4.0"
        self.assertIn("last used by studio with ComfyUI 0.3.64; this is studio with 0.4.0", self.prepare()[1])

    def test_the_login_node_gets_a_password_before_anybody_can_choose_one(self) -> None:
        fill(self.code, "custom_nodes/ComfyUI-Login/x")
        plan, said = self.prepare(STRATA_TOKEN="token-of-sixteen")
        self.assertEqual(plan["loginToken"], "hash of token-of-sixteen")
        self.assertIn("password is the token", said)
        plan, said = self.prepare(STRATA_TOKEN="token-of-sixteen", STRATA_LOGIN_PASSWORD="pass")
        self.assertEqual(plan["loginToken"], "hash of pass")
        self.assertEqual((self.code / "login/PASSWORD").read_text(), "hash of pass\nstrata")
        self.assertIn("0.0.0.0", plan["arguments"])

    def test_without_a_working_login_nobody_outside_is_answered(self) -> None:
        fill(self.code, "custom_nodes/ComfyUI-Login/x", "login")
        plan, said = self.prepare()
        self.assertEqual((plan["loginToken"], plan["arguments"][:2]), (None, ["--listen", "127.0.0.1"]))
        self.assertIn("only inside this container", said)

    def test_a_login_that_is_not_loaded_must_not_leave_the_door_open(self) -> None:
        fill(self.code, "custom_nodes/ComfyUI-Login/x")
        needed = {
            "": "comfyui-login",
            "--listen=0.0.0.0": None,
            "--disable-all-custom-nodes": None,
            "--disable-all-custom-nodes --whitelist-custom-nodes ComfyUI-Login": "comfyui-login",
        }
        for arguments, expected in needed.items():
            plan, _ = self.prepare(STRATA_COMFYUI_ARGS=arguments)
            self.assertEqual(plan["neededNode"], expected, arguments)
        self.assertEqual(self.prepare(STRATA_MODE="worker")[0]["neededNode"], None)
        plan, said = self.prepare(STRATA_COMFYUI_ARGS="--disable-all-custom-nodes")
        self.assertEqual(plan["arguments"][:2], ["--listen", "127.0.0.1"])
        self.assertIn("switches nodes off", said)

    def test_a_login_that_cannot_keep_its_key_is_none(self) -> None:
        fill(self.code, "custom_nodes/ComfyUI-Login/x")
        with mock.patch("os.access", lambda path, _: "Login" not in str(path)):
            plan, _ = self.prepare()
        self.assertEqual(plan["arguments"][:2], ["--listen", "127.0.0.1"])

    def test_a_worker_shares_the_models_of_a_network_volume_and_talks_to_nobody_outside(self) -> None:
        network = self.root / "runpod-volume"
        fill(network, "models/loras/a", "models/of_a_node/b", "models/configs/c", "custom_nodes/d/e")
        paths = {}
        for mode in ("pod", "worker"):
            settings = {"HOME": str(self.root / "home"), "STRATA_VOLUME": str(self.volume), "STRATA_MODE": mode}
            start = bootstrap.Start(settings, self.state, self.code, self.image, network_volume=network)
            self.assertEqual(bootstrap.prepare(start)["arguments"][1], "127.0.0.1" if start.is_worker else "0.0.0.0")
            paths[mode] = json.loads((self.state / "model_paths.yaml").read_text())
        self.assertNotIn("library", paths["pod"])
        shared = paths["worker"]["library"]
        self.assertEqual(set(shared), {"loras", "of_a_node"})
        self.assertEqual(shared["loras"].splitlines(), [f"{self.volume}/models/loras", f"{network}/models/loras"])
        self.assertEqual(self.prepare(STRATA_MODE="worker", STRATA_VOLUME=str(network))[0]["volume"], str(network))

    def test_packages_go_to_the_volume_where_python_looks_there(self) -> None:
        self.assertNotIn("PIP_USER", self.prepare()[0]["environment"])
        with mock.patch.object(environment, "sees_user_packages", lambda _: True):
            found = self.prepare(HF_HOME="/elsewhere")[0]["environment"]
        self.assertEqual(found["PIP_USER"], "1")
        self.assertRegex(found["PYTHONUSERBASE"], rf"^{self.volume}/python/3\.\d+-torch2\.10\.0$")
        self.assertNotIn("HF_HOME", found)

    def test_settings_that_cannot_work(self) -> None:
        for name, value in {"COMFYUI_PORT": "x", "COMFYUI_ARGS": "--port 1", "VOLUME": "here", "TOKEN": "x"}.items():
            with self.subTest(name), self.assertRaisesRegex(Problem, f"STRATA_{name}"):
                self.prepare(**{f"STRATA_{name}": value})

    def test_the_program_says_what_is_wrong_and_leaves_no_plan(self) -> None:
        (self.root / "image.json").write_text("{}")
        settings = {"STRATA_STATE": str(self.state), "STRATA_TOKEN": "short", "STRATA_VOLUME": str(self.volume)}
        output = io.StringIO()
        with (
            mock.patch.object(bootstrap, "IMAGE", self.root / "image.json"),
            mock.patch.dict(os.environ, settings),
            redirect_stderr(output),
        ):
            self.assertEqual(bootstrap.main(), 1)
        self.assertRegex(output.getvalue(), "^strata: STRATA_TOKEN: .* openssl")
        self.assertFalse((self.state / "comfyui.json").exists())


if __name__ == "__main__":
    unittest.main()
