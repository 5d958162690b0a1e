"""One order of the service, by the program that carries it out: what it says, what it leaves, and who sees the token."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import MODEL_FETCH, STUDIO

from model_server import File, serving

NO_HUB = None if importlib.util.find_spec("huggingface_hub") else "this Python lacks huggingface_hub"
CONTENT = b"weights!" * 100_000
COMMIT = "c" * 40
TOKEN = "hf_very_secret"
PATH = f"/owner/name/resolve/{COMMIT}/sub/a.safetensors"


@unittest.skipIf(NO_HUB, str(NO_HUB))
class OrderTest(unittest.TestCase):
    """A hub that redirects to storage, as the real one does with large files."""

    def setUp(self) -> None:
        self.hub, self.storage = self.enterContext(serving()), self.enterContext(serving())
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.target = self.folder / "models/vae/a.safetensors"
        self.staging = self.folder / "models/.downloads/1"

    def offer(self, content: bytes, etag: str, **more: Any) -> None:
        """Puts the file on the hub, found by a branch and by its commit."""
        self.storage.files["/stored"] = File(content, **more)
        linked = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        for revision in ("main", COMMIT):
            path = PATH.replace(COMMIT, revision)
            self.hub.files[path] = File(redirect=f"{self.storage.url}/stored?signature=1", linked=linked, token=TOKEN)

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """The program with its order."""
        content = {"repository": "owner/name", "file": "sub/a.safetensors", "revision": "main"}
        places = {"destination": str(self.target), "staging": str(self.staging)}
        self.staging.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{MODEL_FETCH}:{os.environ.get('PYTHONPATH', '')}",
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self.folder),
            "NO_PROXY": "127.0.0.1",
            **variables,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "strata_studio.from_hub"],
            cwd=STUDIO,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(json.dumps({**content, **places}))
        process.stdin.close()
        process.stdin = None
        return process

    def order(self, **variables: str) -> tuple[int, list[dict[str, Any]], str]:
        """Status, messages and what the log has."""
        with self.start(**variables) as process:
            messages, log = process.communicate(timeout=60)
        self.assertNotIn(TOKEN, messages + log)
        return process.returncode, [json.loads(line) for line in messages.splitlines()], log

    def test_a_large_file_goes_through_every_state_and_the_token_stays_with_the_hub(self) -> None:
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        self.offer(CONTENT, sha256)
        status, messages, log = self.order(HF_TOKEN=TOKEN)
        self.assertEqual(status, 0, log)
        first = {"status": "loading", "total": len(CONTENT), "sha256": sha256, "commit": COMMIT}
        self.assertEqual((messages[0], messages[-1]), (first, {"status": "done", "loaded": len(CONTENT)}))
        self.assertEqual([message["status"] for message in messages[-2:]], ["verifying", "done"])
        self.assertEqual([path.name for path in self.target.parent.iterdir()], ["a.safetensors"])
        self.assertEqual(self.target.read_bytes(), CONTENT)
        self.assertIn("sha256 verified", log)
        # huggingface_hub has questions of its own, too.
        asked = [each for each in self.hub.requests if each.path.startswith("/owner/")]
        self.assertEqual({each.authorization for each in asked}, {f"Bearer {TOKEN}"})
        self.assertEqual({each.authorization for each in self.storage.requests}, {None})
        # The branch may move meanwhile: the bytes are the commit's.
        self.assertEqual(asked[-1].path, PATH)

    def test_the_token_may_lie_where_the_hub_s_own_tools_leave_it(self) -> None:
        self.offer(CONTENT, hashlib.sha256(CONTENT).hexdigest())
        (self.folder / "token").write_text(TOKEN)
        status, _, log = self.order()
        self.assertEqual(status, 0, log)
        self.assertEqual(self.target.read_bytes(), CONTENT)

    def test_a_small_file_without_a_sha256_arrives_and_replaces_another_one(self) -> None:
        self.offer(b"small", "0" * 40)
        self.target.parent.mkdir(parents=True)
        self.target.write_bytes(b"other")
        status, messages, log = self.order(HF_TOKEN=TOKEN)
        self.assertEqual((status, messages[0]["sha256"]), (0, None), log)
        self.assertEqual(self.target.read_bytes(), b"small")

    def test_wrong_bytes_are_never_put_in_place(self) -> None:
        self.offer(CONTENT, hashlib.sha256(CONTENT).hexdigest(), wrong=1000)
        status, messages, _ = self.order(HF_TOKEN=TOKEN)
        self.assertEqual((status, messages[-1]["status"]), (1, "failed"))
        self.assertRegex(messages[-1]["reason"], r"a\.safetensors: .* sha256 \w{64}, the hub says \w{64}$")
        self.assertFalse(self.target.exists())
        self.assertEqual(list(self.staging.glob("*.part")), [])

    def test_what_was_loaded_is_not_loaded_again(self) -> None:
        self.offer(CONTENT, hashlib.sha256(CONTENT).hexdigest())
        self.staging.mkdir(parents=True)
        part = self.staging / f"{hashlib.sha256(CONTENT).hexdigest()}.part"
        part.write_bytes(CONTENT[:700_000])
        # aria2 begins, sees what is there, and begins once more.
        self.assertEqual(self.order(HF_TOKEN=TOKEN, PATH="/nowhere")[0], 0)
        self.assertEqual(self.target.read_bytes(), CONTENT)
        self.assertEqual([each.range for each in self.storage.requests], ["bytes=0-0", "bytes=700000-"])

    def test_sigterm_ends_it_after_what_runs_below(self) -> None:
        self.offer(CONTENT, hashlib.sha256(CONTENT).hexdigest(), delay=0.2)
        with self.start(HF_TOKEN=TOKEN) as process:
            assert process.stdout
            while json.loads(process.stdout.readline()).get("loaded") is None:
                pass
            process.terminate()
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertFalse(self.target.exists())

    def test_a_refusal_names_the_remedy(self) -> None:
        self.offer(CONTENT, "0" * 64)
        status, messages, _ = self.order(HF_TOKEN="hf_other")
        self.assertEqual((status, messages[-1]["status"]), (1, "failed"))
        self.assertIn("401", messages[-1]["reason"])
        self.hub.files.clear()
        self.assertIn("404", self.order(HF_TOKEN=TOKEN)[1][-1]["reason"])


if __name__ == "__main__":
    unittest.main()
