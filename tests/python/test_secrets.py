"""What nodes of ComfyUI, programs of strangers, get to see of the container's secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import RUNTIME

import start_comfyui
from preparation import secret_names
from preparation.problem import Problem

PYTHON = Path("/usr/bin/python3")
SECRETS = (
    *("STRATA_TOKEN", "STRATA_LOGIN_PASSWORD", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_FILE", "CIVITAI_TOKEN"),
    *("RUNPOD_API_KEY", "RUNPOD_AI_API_KEY", "RUNPOD_SECRET_x", "LLAMA_API_KEY", "LLAMA_ARG_API_KEY_FILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY", "BUCKET_ENDPOINT_URL"),
    *("OPENAI_API_KEY", "COMFY_ORG_API_KEY", "GITHUB_TOKEN", "GITHUBTOKEN", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("AZURE_CLIENT_ID", "CONTAINER_API_KEY", "JUPYTER_PASSWORD", "OPEN_BUTTON_TOKEN", "WANDB_API_KEY", "db_password"),
)
PLAIN = (
    *("PATH", "HOME", "PWD", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HF_HOME"),
    *("TOKENIZERS_PARALLELISM", "PYTHONPATH", "STRATA_MODE", "HTTPS_PROXY", "RUNPOD_POD_ID", "HF_ENDPOINT", "KEYBOARD"),
)


class NamesTest(unittest.TestCase):
    """Which variables are secrets."""

    def test_by_a_word_in_the_name(self) -> None:
        self.assertEqual([name for name in SECRETS if not secret_names.is_secret(name)], [])
        self.assertEqual([name for name in PLAIN if secret_names.is_secret(name)], [])

    def test_comfyui_gets_none_but_those_that_are_named(self) -> None:
        given = dict.fromkeys((*SECRETS, *PLAIN), "x")
        plan = {"environment": {"NEW": "1"}}
        self.assertEqual(set(start_comfyui.planned_environment(plan, given)), {*PLAIN, "NEW"})
        given["STRATA_COMFYUI_SECRETS"] = "HF_TOKEN, OPENAI_API_KEY"
        found = start_comfyui.planned_environment(plan, given)
        self.assertEqual(set(found), {*PLAIN, "NEW", "HF_TOKEN", "OPENAI_API_KEY", "STRATA_COMFYUI_SECRETS"})

    def test_names_that_are_refused_and_never_shown_where_they_are_a_secret_themselves(self) -> None:
        with self.assertRaises(Problem) as caught:
            secret_names.handed_on("hf-AbCdEf/0123")
        self.assertNotIn("AbCdEf", str(caught.exception))
        for own in ("STRATA_TOKEN", "STRATA_LOGIN_PASSWORD"):
            with self.assertRaisesRegex(Problem, own):
                secret_names.handed_on(f"HF_TOKEN,{own}")


@unittest.skipUnless(os.geteuid() == 0, "only root can start programs of another user, and root itself may read all")
@unittest.skipUnless(PYTHON.exists(), f"there is no {PYTHON}, which every user may run")
class PrivateTest(unittest.TestCase):
    """Processes of one user, and what one reads of the other."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root.chmod(0o755)
        shutil.copy(RUNTIME / "private.py", self.root)
        (self.root / "says_ready.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")

    def environment_of(self, *command: str) -> str:
        """What another process of the same user reads of that program's variables."""
        user: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "text": True, "cwd": self.root}
        variables = {"HF_TOKEN": "hf_secret", "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen([PYTHON, *command], env=variables, stdout=subprocess.PIPE, **user) as process:
            assert process.stdout
            self.assertEqual(process.stdout.readline(), "ready\n")
            cat = ["cat", f"/proc/{process.pid}/environ"]
            done = subprocess.run(cat, capture_output=True, check=False, **user)
            process.kill()
        return str(done.stdout + done.stderr)

    def test_a_module_runs_and_its_variables_are_its_own(self) -> None:
        self.assertIn("hf_secret", self.environment_of("-m", "says_ready"))
        found = self.environment_of("private.py", "says_ready")
        self.assertNotIn("hf_secret", found)
        self.assertIn("Permission denied", found)


if __name__ == "__main__":
    unittest.main()
