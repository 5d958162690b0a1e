"""RunPod's worker as its container starts it: the real SDK, process manager and service, with a small RunPod, ComfyUI and
storage around them.

Needs the packages of the worker, which the machine that runs the tests may lack.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from support import RUNTIME

from bucket_server import KEY_ID, SECRET, running_bucket
from container import OPENER, PATIENCE, TOKEN, Container, free_port
from runpod_api import API_KEY, running_api

PACKAGES = ("runpod", "boto3", "bcrypt", "fastapi", "httpx", "websockets", "supervisor", "multipart")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
RECORDED = Path(__file__).with_name("fixtures") / "runpod_job.json"
SAVE = {"class_type": "Save", "inputs": {"name": "a.png"}}


class WorkerCase(unittest.TestCase):
    """One container for the tests of a class."""

    settings: ClassVar[dict[str, str]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        if MISSING:
            raise unittest.SkipTest(f"this Python lacks {', '.join(MISSING)}")
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.api = cls.enterClassContext(running_api())
        environment = {**cls.api.environment(), "STRATA_WORKER_PROGRESS_SECONDS": "0.2", "HF_TOKEN": "hf_the_token"}
        cls.container = Container(Path(folder), **{**environment, **cls.settings})
        cls.addClassCleanup(cls.container.close)
        cls.numbers = itertools.count(1)

    def send(self, content: Any, kind: str = "", **options: Any) -> str:
        """The id of a job with this workflow, or whole input."""
        identity = f"{kind}job-{next(self.numbers)}-e1"
        given = content if not isinstance(content, dict) or "workflow" in content else {"workflow": content}
        self.api.jobs.put({"id": identity, "input": {**given, "options": options} if options else given})
        return identity

    def compute(self, content: Any, kind: str = "", **options: Any) -> dict[str, Any]:
        """The answer."""
        return self.api.wait_for(self.send(content, kind, **options))

    def left(self, folder: str) -> set[str]:
        """Files in a folder of the volume."""
        base = self.container.volume / folder
        return {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()}


class JobsTest(WorkerCase):
    """Jobs of all kinds, with results in the answers."""

    settings: ClassVar[dict[str, str]] = {
        "STRATA_WORKER_INTERRUPT_TIMEOUT": "3",
        "COMFY_ORG_API_KEY": "comfyui-key-of-the-endpoint",
    }

    def starts(self) -> int:
        """How often ComfyUI was started until a job was computed."""
        self.assertNotIn("error", self.compute({"1": SAVE}))
        return self.container.printed().count("spawned: 'comfyui'")

    def test_a_recorded_job(self) -> None:
        job = json.loads(RECORDED.read_text())
        self.api.jobs.put(job)
        answer = self.api.wait_for(job["id"])
        self.assertNotIn("error", answer)
        (picture,), (video,) = answer["output"]["images"], answer["output"]["videos"]
        self.assertEqual((picture["filename"], picture["type"]), ("result/picture_00001_.png", "base64"))
        self.assertEqual((picture["data"], picture["bytes"], picture["node"]), ("YSBwaG90bw==", 7, "3"))
        self.assertEqual((video["filename"], video["media_type"]), ("clip_00001.mp4", "video/mp4"))
        self.assertEqual(answer["output"]["values"], {"3": {"text": ["seen"]}})
        self.assertEqual(self.left("input"), set())
        self.assertEqual(self.api.keys, {API_KEY})

        *updates, last = self.api.answers(job["id"])
        self.assertEqual(last, answer, "nothing came after the answer")
        self.assertGreater(len(updates), 2)
        running = [update["output"] for update in updates if update["output"]["status"] == "running"]
        steps = [update["step"] for update in running if "step" in update]
        self.assertGreater(len(steps), 1)
        self.assertEqual(steps, sorted(steps))
        progress = [update["progress"] for update in running]
        self.assertEqual(progress, sorted(progress))
        self.assertEqual({update["class"] for update in running if "step" in update}, {"Slow"})

    def test_everything_that_is_wrong_is_told_at_once(self) -> None:
        answer = self.compute(
            {
                "workflow": {"1": {"inputs": {}}, "2": {"class_type": "Save", "inputs": {"images": ["9", 0]}}},
                "images": [{"name": "../x", "image": "?"}],
                "prompt": {},
            }
        )
        paths = [problem["path"] for problem in answer["output"]["problems"]]
        expected = ["workflow.1.class_type", "images[0].name", "images[0].image", "prompt", "workflow.2.inputs.images"]
        self.assertEqual(paths, expected)
        for path in paths:
            self.assertIn(f"\n  {path}: ", answer["error"])

    def test_nodes_that_are_not_there_are_told_before_anything_is_queued(self) -> None:
        answer = self.compute({"1": SAVE, "5:2": {"class_type": "Nothing", "inputs": {}}})
        self.assertEqual(
            answer["output"]["problems"],
            [{"path": "workflow.5:2.class_type", "problem": 'there is no node "Nothing" here'}],
        )

    def test_what_comfyui_refuses(self) -> None:
        wrong = {"class_type": "Save", "inputs": {"name": "b.png", "invalid": "x.safetensors"}}
        problem = {
            "path": "workflow.2.inputs.invalid",
            "problem": "Save: Value not in list: invalid: 'x.safetensors' not in []",
        }
        self.assertEqual(self.compute({"2": wrong})["output"]["problems"], [problem])
        # The rest would be computed: nobody wants a part.
        slow = {"class_type": "Slow", "inputs": {"steps": 900}}
        answer = self.compute({"1": slow, "2": wrong})
        self.assertIn("a part of the workflow", answer["error"])
        self.assertEqual(answer["output"]["problems"], [problem])
        self.assertNotIn("error", self.compute({"1": SAVE}))

    def test_a_node_that_fails(self) -> None:
        message = f"401 for {API_KEY} and hf_the_token"
        answer = self.compute({"7": {"class_type": "Fail", "inputs": {"message": message}}})
        self.assertIn("Node 7 (Fail) failed: RuntimeError: 401 for <hidden> and <hidden>", answer["error"])
        self.assertIn("File x", answer["error"])
        self.assertNotIn("stopPod", answer)

    def test_results_that_are_too_large(self) -> None:
        large = {"class_type": "Save", "inputs": {"name": "large.png", "text": "0123456789", "count": 800_000}}
        answer = self.compute({"1": large})
        self.assertRegex(answer["error"], r"have 10\.7 MB as text, more than the 9\.9 MB .*large\.png 8\.0 MB")
        self.assertIn("BUCKET_NAME", answer["error"])
        (picture,) = self.compute({"1": large}, kind="sync-")["output"]["images"]
        self.assertEqual(picture["bytes"], 8_000_000)

    def test_temporary_files_are_results_for_those_who_ask(self) -> None:
        preview = {"class_type": "Preview", "inputs": {"name": "p.png"}}
        answer = self.compute({"1": preview})["output"]
        self.assertEqual(answer["images"], [])
        self.assertRegex(answer["warnings"][0], "temporary.*p.png")
        (picture,) = self.compute({"1": preview}, temporary=True)["output"]["images"]
        self.assertEqual(picture["filename"], "p.png")

    def test_results_are_cleared_away_when_the_cache_cannot_name_them_any_more(self) -> None:
        job = {"1": {"class_type": "Save", "inputs": {"name": "kept/once.png", "text": "same"}}}
        for _ in range(2):
            (picture,) = self.compute(job)["output"]["images"]
            self.assertEqual(picture["filename"], "kept/once.png")
        self.assertIn("kept/once.png", self.left("output"))
        self.compute({"1": SAVE})
        self.assertNotIn("kept/once.png", self.left("output"))

    def test_what_nodes_write_without_naming_it_goes_as_well(self) -> None:
        self.compute({"1": {"class_type": "Video", "inputs": {"name": "day/film_00001-audio.mp4", "text": "moving"}}})
        written = {"day/film_00001.png", "day/film_00001.mp4", "day/film_00001-audio.mp4"}
        self.assertLessEqual(written, self.left("output"))
        self.compute(
            {"1": {"class_type": "Preview", "inputs": {"name": "p.png"}}, "2": {"class_type": "Fail", "inputs": {}}}
        )
        self.compute({"1": SAVE})
        self.assertEqual(self.left("output"), {"a.png"})
        (state,) = (self.container.root / "tmp").glob("strata.*")
        self.assertEqual([path.name for path in state.glob("temp/*")], [])

    def test_what_the_cache_names_and_is_gone_is_computed_anew(self) -> None:
        job = {"1": {"class_type": "Save", "inputs": {"name": "gone.png", "text": "same"}}}
        self.compute(job)
        (self.container.volume / "output/gone.png").unlink()
        (picture,) = self.compute(job)["output"]["images"]
        self.assertEqual(picture["data"], "c2FtZQ==")

    def test_a_job_that_is_cancelled(self) -> None:
        before = self.starts()
        identity = self.send({"1": {"class_type": "Slow", "inputs": {"steps": 900, "seconds": 0.05}}})
        self.container.wait_until(lambda: any("step" in a.get("output", {}) for a in self.api.answers(identity)))
        self.api.to_stop.put(identity)
        self.assertEqual(self.starts(), before, "it was interrupted")
        self.assertIn("IN_PROGRESS", {answer.get("status") for answer in self.api.answers(identity)})
        self.assertNotIn(None, {answer.get("status") for answer in self.api.answers(identity)})

    def test_a_job_that_takes_too_long(self) -> None:
        before = self.starts()
        slow = {"class_type": "Slow", "inputs": {"steps": 900, "seconds": 0.2}}
        started = time.monotonic()
        answer = self.compute({"4": slow}, timeout=3)
        # All its steps take three minutes.
        self.assertLess(time.monotonic() - started, 120)
        self.assertRegex(answer["error"], r"Not done in time .* node 4 \(Slow, step \d+ of 900\)")
        self.assertEqual(self.starts(), before, "it was interrupted")

    def test_a_node_that_does_not_listen_costs_comfyui_its_life(self) -> None:
        before = self.starts()
        answer = self.compute({"4": {"class_type": "Stubborn", "inputs": {"steps": 900}}}, timeout=0.5)
        self.assertIn("Not done in time", answer["error"])
        self.assertEqual(self.starts(), before + 1)

    def test_nobody_outside_reaches_comfyui_and_nodes_see_no_keys(self) -> None:
        self.compute({"1": SAVE})
        seen = json.loads((self.container.volume / "seen.json").read_text())
        self.assertEqual(seen["argv"][1:3], ["--listen", "127.0.0.1"])
        self.assertEqual(seen["environment"]["STRATA_MODE"], "worker")
        self.assertNotIn("RUNPOD_AI_API_KEY", seen["environment"])
        # What private.py does is test_secrets.py's to show.
        own, commands = str(self.container.root).encode(), []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            # Any of this machine's processes may end meanwhile.
            with suppress(OSError):
                commands.append(file.read_bytes().split(b"\0"))
        workers = [words for words in commands if b"strata_worker" in words and any(own in word for word in words)]
        self.assertEqual({Path(words[1].decode()).name for words in workers}, {"private.py"})

    def test_the_key_for_comfy_orgs_nodes_is_the_jobs_or_else_the_endpoints(self) -> None:
        extra = self.container.volume / "extra.json"
        self.compute({"1": SAVE})
        self.assertEqual(json.loads(extra.read_text()), {"api_key_comfy_org": "comfyui-key-of-the-endpoint"})
        key = "comfyui-key-of-the-job"
        fails = {"7": {"class_type": "Fail", "inputs": {"message": f"refused: {key}"}}}
        answer = self.compute({"workflow": fails, "comfy_org_api_key": key})
        self.assertEqual(json.loads(extra.read_text()), {"api_key_comfy_org": key})
        self.assertIn("refused: <hidden>", answer["error"])
        self.assertNotIn(key, self.container.printed() + json.dumps(self.api.log))
        seen = (self.container.volume / "seen.json").read_text()
        self.assertNotIn("comfyui-key-of-the-endpoint", seen)

    def test_no_secret_is_in_the_log(self) -> None:
        self.compute({"7": {"class_type": "Fail", "inputs": {"message": f"{API_KEY} {TOKEN}"}}})
        printed = self.container.printed()
        self.assertIn("strata: the job failed: Node 7", printed)
        for secret in (API_KEY, TOKEN, "hf_the_token", "$2b$"):
            self.assertNotIn(secret, printed)


class GpuTest(WorkerCase):
    """The SDK's own checks, all of them, on a machine that says that it has a GPU."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.asked, cls.imported = folder / "asked", folder / "imported"
        (folder / "torch").mkdir()
        for name, content in {
            # As far as the SDK's rp_gpu_fitness.py reads it; the program that the SDK brings finds no GPU here.
            "nvidia-smi": f'#!/bin/sh\necho "$*" >>{cls.asked}\necho "NVIDIA-SMI, CUDA Version: 13.0"\necho "GPU 0: NVIDIA L4"\n',
            "torch/__init__.py": (
                "import sys\nfrom unittest import mock\n"
                f"print(sys.argv, file=open({str(cls.imported)!r}, 'a'))\nsys.modules[__name__] = mock.MagicMock()\n"
            ),
            # The public address that rp_system_fitness.py wants to reach.
            "sitecustomize.py": (
                "import asyncio\nfrom unittest import mock\nreal = asyncio.open_connection\n"
                "writer = mock.Mock(wait_closed=mock.AsyncMock())\n"
                "async def connect(host=None, *rest, **more):\n"
                "    return (None, writer) if host == '8.8.8.8' else await real(host, *rest, **more)\n"
                "asyncio.open_connection = connect\n"
            ),
        }.items():
            (folder / name).write_text(content)
            (folder / name).chmod(0o755)
        # An empty value is none: the container's own choice holds.
        cls.settings = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "",
            "RUNPOD_SKIP_GPU_CHECK": "",
            "RUNPOD_MIN_MEMORY_GB": "0",
            "RUNPOD_MIN_DISK_PERCENT": "0",
        }
        super().setUpClass()

    def test_the_worker_itself_computes_nothing_on_a_gpu(self) -> None:
        self.assertNotIn("error", self.compute({"1": SAVE}))
        self.assertIn("--list-gpus", self.asked.read_text(), "the SDK tested the GPU, by programs of their own")
        self.assertEqual(self.imported.exists() and self.imported.read_text(), False)


class CrashTest(WorkerCase):
    """A ComfyUI that dies."""

    def test_crashes(self) -> None:
        crash = {"1": {"class_type": "Slow", "inputs": {"steps": 3}}, "2": {"class_type": "Crash", "inputs": {}}}
        answer = self.compute(crash)
        self.assertIn("ended while it computed the job (terminated by SIGABRT", answer["error"])
        self.assertIn("The end of ComfyUI's log:", answer["error"])
        self.assertTrue(answer["error"].endswith("terminate called after throwing an instance of 'c10::Error'"))
        self.assertNotIn("stopPod", answer)
        self.assertNotIn("error", self.compute({"1": SAVE}), "another ComfyUI computes the next job")
        self.assertNotIn("stopPod", self.compute(crash), "one that worked comes between")
        self.assertTrue(self.compute(crash)["stopPod"], "RunPod is asked for another worker")


class BrokenGpuTest(WorkerCase):
    """A ComfyUI that lives, and will not compute anything again."""

    settings: ClassVar[dict[str, str]] = {"STRATA_WORKER_CRASHES": "1"}

    def test_it_is_restarted(self) -> None:
        message = "CUDA error: an illegal memory access was encountered"
        answer = self.compute({"1": {"class_type": "Fail", "inputs": {"message": message}}})
        self.assertIn("ComfyUI was restarted", answer["error"])
        self.assertTrue(answer["stopPod"])
        self.assertEqual(self.container.printed().count("spawned: 'comfyui'"), 2)
        self.assertNotIn("stopPod", self.compute({"1": {"class_type": "Fail", "inputs": {}}}), "only memory ran out")


class BucketTest(WorkerCase):
    """Results in the storage."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.bucket = cls.enterClassContext(running_bucket())
        cls.settings = {
            "BUCKET_ENDPOINT_URL": cls.bucket.url,
            "BUCKET_NAME": "results",
            "BUCKET_ACCESS_KEY_ID": KEY_ID,
            "BUCKET_SECRET_ACCESS_KEY": SECRET,
            "BUCKET_PREFIX": "wan",
            "BUCKET_URL_SECONDS": "600",
        }
        super().setUpClass()

    def test_results_are_stored_under_the_job(self) -> None:
        name = "my clips/ä 1.mp4"
        video = {"class_type": "Video", "inputs": {"name": name, "text": "moving"}}
        identity = self.send({"1": video})
        (entry,) = self.api.wait_for(identity)["output"]["videos"]
        self.assertEqual((entry["filename"], entry["type"], entry["bytes"]), (name, "s3_url", 6))
        stored = self.bucket.files[f"/results/wan/{identity}/{name}"]
        self.assertEqual((stored.content, stored.media_type), (b"moving", "video/mp4"))
        self.assertIn("X-Amz-Expires=600", entry["data"])
        with OPENER.open(entry["data"], timeout=PATIENCE) as response:
            self.assertEqual(response.read(), b"moving")
        self.assertNotIn("X-Amz-Signature", self.container.printed())

    def test_a_job_may_ask_for_the_content_all_the_same(self) -> None:
        (picture,) = self.compute({"1": SAVE}, output="inline")["output"]["images"]
        self.assertEqual(picture["type"], "base64")

    def test_a_storage_that_takes_nothing_is_told(self) -> None:
        self.bucket.is_closed = True
        answer = self.compute({"1": SAVE})
        self.bucket.is_closed = False
        self.assertRegex(answer["error"], "did not take wan/job-.*/a.png into the bucket results: .*AccessDenied")
        for secret in (SECRET, KEY_ID):
            self.assertNotIn(secret, answer["error"] + self.container.printed())

    def test_a_storage_that_never_ends_its_answer_does_not_hold_the_worker(self) -> None:
        self.bucket.drips = True
        self.addCleanup(setattr, self.bucket, "drips", False)
        # The storage's client by itself has patience for as long as bytes come: there would be no answer.
        answer = self.compute({"1": SAVE}, timeout=4)
        self.assertRegex(answer["error"], "Not done in time .*: it was computed, and its results were on their way")
        self.bucket.drips = False
        self.assertNotIn("error", self.compute({"1": SAVE}), "the next job is computed")

    def test_nodes_see_no_keys(self) -> None:
        self.compute({"1": SAVE})
        seen = (self.container.volume / "seen.json").read_text()
        self.assertNotIn("BUCKET_", seen)
        self.assertNotIn(SECRET, seen)
        self.assertNotIn(KEY_ID, seen)
        self.assertNotIn(SECRET, self.container.printed())


class Started(unittest.TestCase):
    """A container of its own for a test."""

    def setUp(self) -> None:
        if MISSING:
            self.skipTest(f"this Python lacks {', '.join(MISSING)}")
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def start(self, **environment: str) -> Container:
        """Stopped when the test ends."""
        container = Container(self.root, **{"NO_PROXY": "127.0.0.1", **environment})
        self.addCleanup(container.close)
        return container


class LocalTest(Started):
    """Without RunPod: the SDK's own copy of its interface."""

    def test_jobs_by_http_and_by_the_command_line(self) -> None:
        port = free_port()
        container = self.start(STRATA_MODE="worker", STRATA_WORKER_PORT=str(port))

        def serves() -> bool:
            with OPENER.open(f"http://127.0.0.1:{port}/", timeout=5) as response:
                return bool(response.status == 200)

        container.wait_until(serves)
        job = json.loads(RECORDED.read_text())
        body = json.dumps({"input": job["input"]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/runsync", body, {"Content-Type": "application/json"})
        with OPENER.open(request, timeout=PATIENCE) as response:
            answer = json.load(response)
        self.assertEqual(answer["status"], "COMPLETED", answer)
        self.assertEqual(answer["output"]["images"][0]["data"], "YSBwaG90bw==")
        self.assertIn("'status': 'running'", container.printed())

        (state,) = (self.root / "tmp").glob("strata.*")
        done = subprocess.run(
            [self.root / "opt/strata/worker/start", "--test_input", json.dumps(job)],
            env={**container.environment, "STRATA_STATE": str(state)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"Job {job['id']} completed successfully", done.stdout)
        container.process.terminate()
        self.assertEqual(container.process.wait(PATIENCE), 0)


class StartTest(Started):
    """What the container's start decides, and when the container ends."""

    def test_a_pod_is_for_people_also_where_runpod_has_jobs(self) -> None:
        with running_api() as api:
            container = self.start(**{**api.environment(), "STRATA_MODE": "pod"})
            container.wait_until(container.is_healthy)
            seen = json.loads((container.volume / "seen.json").read_text())
            self.assertIn("0.0.0.0", seen["argv"])
            self.assertNotIn("spawned: 'worker'", container.printed())
            self.assertEqual(api.keys, set(), "nobody asked for a job")

    def refused(self, **environment: str) -> str:
        """What the entrypoint says before it ends with status 2."""
        container = self.start(**environment)
        self.assertEqual(container.process.wait(PATIENCE), 2)
        return container.printed()

    def test_modes_that_cannot_be(self) -> None:
        self.assertIn('expected worker or pod, got "serverless"', self.refused(STRATA_MODE="serverless"))

    def test_a_worker_needs_comfyui(self) -> None:
        self.assertIn("STRATA_COMFYUI is off", self.refused(STRATA_MODE="worker", STRATA_COMFYUI="off"))

    def test_settings_that_cannot_work_end_the_container(self) -> None:
        container = self.start(STRATA_MODE="worker", BUCKET_NAME="b", STRATA_WORKER_TIMEOUT="soon")
        self.assertEqual(container.process.wait(PATIENCE), 1)
        printed = container.printed()
        self.assertIn("BUCKET_SECRET_ACCESS_KEY: is missing beside BUCKET_NAME", printed)
        self.assertIn('STRATA_WORKER_TIMEOUT: expected a number of 1 to 604800, got "soon"', printed)
        self.assertIn("crash guard: the worker has ended", printed)

    def test_a_comfyui_that_does_not_start_ends_the_container(self) -> None:
        (self.root / "volume/input").mkdir(parents=True)
        (self.root / "volume/input/die").touch()
        with running_api() as api:
            container = self.start(**api.environment(), STRATA_WORKER_START_TIMEOUT="3")
            self.assertEqual(container.process.wait(PATIENCE), 1)
            self.assertTrue(any("status=unhealthy" in ping for ping in api.pings))
        printed = container.printed()
        self.assertIn("ComfyUI was not ready within 3 s", printed)
        self.assertIn("Cannot import", printed.split("not ready within 3 s")[1], "the end of its log")


class ImageWithoutWorkerTest(unittest.TestCase):
    """The runtime is in every image; the worker is not."""

    def test_it_says_so(self) -> None:
        done = subprocess.run(
            # What the entrypoint asks first: where the tests run is no image.
            [sys.executable, RUNTIME / "decide.py"],
            env={"PATH": os.environ["PATH"], "STRATA_MODE": "worker"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = "strata: STRATA_MODE: this image has no worker for RunPod. Leave it out.\n"
        self.assertEqual((done.returncode, done.stderr), (2, said))


if __name__ == "__main__":
    unittest.main()
