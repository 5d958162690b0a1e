"""The worker's decisions: what a job may say, what is fetched, what an answer holds, what is told. No ComfyUI."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import signal
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import support

MISSING = [
    name for name in ("runpod", "boto3", "httpx", "websockets", "supervisor") if not importlib.util.find_spec(name)
]
if not MISSING:
    import last_words
    from strata_studio.comfyui import ComfyuiError
    from strata_worker import __main__ as program
    from strata_worker import (
        computation,
        engine,
        input_files,
        leftovers,
        progress,
        redact,
        request,
        results,
        settings,
        store,
        worker,
    )
    from strata_worker.failure import JobFailure, Problem

NODE = {"class_type": "A", "inputs": {}}


class PartsCase(unittest.TestCase):
    """Skipped where packages of the worker are missing."""

    def setUp(self) -> None:
        if MISSING:
            self.skipTest(f"this Python lacks {', '.join(MISSING)}")
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))


class RequestTest(PartsCase):
    """A job's input."""

    def problems(self, content: Any, has_bucket: bool = True) -> dict[str, str]:
        """Problem by path; none for a job that can be computed."""
        try:
            request.read_request(content, has_bucket, 600)
        except JobFailure as failure:
            return {problem.path: problem.problem for problem in failure.problems}
        return {}

    def job(self, **more: Any) -> dict[str, Any]:
        """With a workflow that nothing is wrong with."""
        return {"workflow": {"1": NODE, "2": {**NODE, "inputs": {"a": ["1", 0]}, "_meta": {"title": "x"}}}, **more}

    def test_jobs_that_can_be_computed(self) -> None:
        pictures = [
            {"name": "a.png", "image": "YQ=="},
            {"name": "faces/b c.png", "image": "data:image/png;charset=utf-8;base64,Y\nQ =="},
            {"name": "ä.mp4", "image": "https://example.org/a.mp4?signature=x"},
        ]
        options = {"timeout": 600, "output": "s3", "temporary": True}
        job = self.job(images=pictures, options=options)
        self.assertEqual(self.problems(job), {})
        read = request.read_request(job, True, 600)
        self.assertIs(read.workflow, job["workflow"], "as it was sent")
        self.assertEqual([request.decode(file.image) for file in read.files[:2]], [b"a", b"a"])

    def test_a_key_for_comfy_orgs_nodes(self) -> None:
        job = self.job(comfy_org_api_key="comfyui-the-key")
        read = request.read_request(job, False, 600)
        self.assertEqual(read.comfy_key, "comfyui-the-key")
        self.assertNotIn("comfyui-the-key", repr(read))
        self.assertEqual(list(self.problems(self.job(comfy_org_api_key=5))), ["comfy_org_api_key"])
        self.assertIsNone(request.read_request(self.job(comfy_org_api_key=None), False, 600).comfy_key)
        # Told to nobody, whatever else is wrong.
        self.assertEqual(request.comfy_key_of({"comfy_org_api_key": "k", "workflow": 1}), "k")
        self.assertEqual(
            [request.comfy_key_of(content) for content in (None, [], {"comfy_org_api_key": 1})], [None] * 3
        )

    def test_jobs_that_are_none(self) -> None:
        for content in (None, [], "text", 1):
            self.assertEqual(list(self.problems(content)), ["input"], content)
        self.assertEqual(list(self.problems({})), ["workflow"])
        self.assertEqual(list(self.problems({"workflow": {}})), ["workflow"])

    def test_the_editors_format_is_known_and_the_rest_is_looked_at_all_the_same(self) -> None:
        found = self.problems({"workflow": {"nodes": [], "links": [], "version": 0.4}, "image": []})
        self.assertIn("Export (API)", found.pop("workflow"))
        self.assertEqual(list(found), ["image"])

    def test_workflows(self) -> None:
        workflow = {
            "1": {"class_type": "", "inputs": {}},
            "2": {"class_type": "A"},
            "3": [],
            "4": {"class_type": "A", "inputs": {"gone": ["9", 0], "numbers": [1, 2], "flag": ["9", True]}},
        }
        expected = {"workflow.1.class_type", "workflow.2.inputs", "workflow.3", "workflow.4.inputs.gone"}
        self.assertEqual(set(self.problems({"workflow": workflow})), expected)

    def test_names_of_files_stay_below_the_input_folder(self) -> None:
        for name in (
            "",
            ".",
            "..",
            "/a",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            ".a",
            "a/.b",
            "a\\b",
            "a\nb",
            "a" * 201,
        ):
            found = self.problems(self.job(images=[{"name": name, "image": "YQ=="}]))
            self.assertEqual(list(found), ["images[0].name"], repr(name))

    def test_contents_of_files(self) -> None:
        wrong = (
            "",
            "?",
            "YQ",
            "data:image/png,a",
            "data:;base64,",
            "http://example.org/a",
            "file:///etc/passwd",
            "https://",
        )
        for image in wrong:
            found = self.problems(self.job(images=[{"name": "a", "image": image}]))
            self.assertEqual(list(found), ["images[0].image"], repr(image))
            self.assertNotIn("/etc/passwd", str(found))
        with mock.patch.object(request, "LARGEST_FILE", 2):
            self.assertIn(
                "3 bytes", self.problems(self.job(images=[{"name": "a", "image": "YWFh"}]))["images[0].image"]
            )

    def test_two_files_of_one_name(self) -> None:
        found = self.problems(self.job(images=[{"name": "a", "image": "YQ=="}] * 2))
        self.assertEqual(found, {"images": '2 files are called "a"'})

    def test_options(self) -> None:
        for options, path in (
            ({"timeout": 0}, "options.timeout"),
            ({"timeout": "5"}, "options.timeout"),
            ({"timeout": 601}, "options.timeout"),
            ({"output": "ftp"}, "options.output"),
            ({"temporary": 1}, "options.temporary"),
            ({"seed": 1}, "options.seed"),
        ):
            self.assertEqual(list(self.problems(self.job(options=options))), [path], options)
        self.assertIn("BUCKET_NAME", self.problems(self.job(options={"output": "s3"}), False)["options.output"])

    def test_an_answer_has_everything_in_its_text(self) -> None:
        answer = JobFailure("wrong:", [Problem("a.b", "c")], log="log").answer()
        self.assertEqual(answer["error"], "wrong:\n  a.b: c\nThe end of ComfyUI's log:\nlog")
        self.assertEqual(answer["problems"], [{"path": "a.b", "problem": "c"}])
        json.dumps(answer)


class Pages(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        kind = "text/html; charset=utf-8" if self.path == "/page" else "image/png"
        self.send_response({"/none": 404, "/away": 302}.get(self.path.split("?")[0], 200))
        self.send_header("Content-Type", kind)
        if self.path == "/away":
            self.send_header("Location", "ftp://example.org/a")
        if self.path == "/honest":
            self.send_header("Content-Length", "100")
        self.end_headers()
        if self.path == "/slow":
            with suppress(BrokenPipeError):
                for _ in range(20):
                    self.wfile.write(b"x" * (1 << 20))
                    time.sleep(0.05)
        elif self.path == "/drips":
            with suppress(OSError):
                for _ in range(600):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
        elif self.path not in ("/empty", "/away"):
            self.wfile.write(b"x" * 100)

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(code, message)
        if self.path == "/never-begins":
            with suppress(OSError):
                for _ in range(600):
                    self.wfile.write(b"X-More: " if _ == 0 else b"x")
                    time.sleep(0.05)

    def log_message(self, *_: Any) -> None:
        pass


class FetchTest(PartsCase):
    """Files by their address."""

    @contextmanager
    def pages(self) -> Iterator[str]:
        """The address of a server, whose private address is allowed inside."""
        with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            allowed = {"RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS": "true", "NO_PROXY": "127.0.0.1"}
            with mock.patch.dict("os.environ", allowed):
                yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()

    def fails(self, url: str, largest: int = 1000, seconds: float = 60) -> str:
        """What is said."""
        with self.assertRaises(input_files.FetchError) as caught:
            input_files.fetch(url, largest, time.monotonic() + seconds)
        return str(caught.exception)

    def test_addresses_inside_are_not_asked(self) -> None:
        with mock.patch.dict("os.environ", {"NO_PROXY": "*"}):
            for host in ("127.0.0.1:1", "169.254.169.254", "10.0.0.1", "[::1]", "localhost"):
                self.assertIn("is not a public address", self.fails(f"https://{host}/latest/meta-data"), host)

    def test_what_servers_say(self) -> None:
        with self.pages() as url:
            self.assertEqual(input_files.fetch(f"{url}/a?signature=x", 100, time.monotonic() + 60), b"x" * 100)
            self.assertIn("answered 404", self.fails(f"{url}/none?signature=secret"))
            self.assertIn("a web page", self.fails(f"{url}/page"))
            self.assertIn("sent nothing", self.fails(f"{url}/empty"))
            self.assertIn("something else than a web address", self.fails(f"{url}/away"))
            for path in ("honest", "liar"):
                self.assertIn("larger than 99 bytes", self.fails(f"{url}/{path}", 99))
            self.assertIn("in time", self.fails(f"{url}/slow", 1 << 30, 0.1))
        self.assertNotIn("secret", self.fails(f"{url}/a?signature=secret"))

    def test_a_server_that_sends_a_byte_now_and_then_is_not_read_longer_than_the_job_may_take(self) -> None:
        with self.pages() as url:
            started = time.monotonic()
            self.assertIn("in time", self.fails(f"{url}/drips", 1 << 30, 0.5))
            self.assertLess(time.monotonic() - started, 10)

    def test_nobody_waits_for_a_server_longer_than_the_job_may_take(self) -> None:
        async def upload(url: str) -> None:
            file = mock.Mock(image=url)
            file.name = "a.png"
            order = request.Request({}, [file], request.Options())
            given = (mock.AsyncMock(), 1, "job", order, mock.Mock(), time.monotonic() + 0.5, mock.Mock(), None)
            await computation.Computation(*given)._upload()

        with self.pages() as url:
            started = time.monotonic()
            with self.assertRaisesRegex(JobFailure, r"Not done in time .*: images\[0\]\.image had not arrived"):
                asyncio.run(upload(f"{url}/never-begins"))
            # The end of the loop does not wait for it either.
            self.assertLess(time.monotonic() - started, 10)

    def test_a_full_disk_is_told_before_comfyui_is_asked_why(self) -> None:
        engine_without_room = mock.AsyncMock()
        engine_without_room.client.upload.side_effect = ComfyuiError("ComfyUI answered 500 to /upload/image")
        given = mock.Mock()
        given.comfyui.volume = self.root
        order = request.Request({}, [], request.Options())
        job = computation.Computation(
            engine_without_room, 1, "job", order, mock.Mock(), time.monotonic() + 9, given, None
        )
        with self.assertRaisesRegex(ComfyuiError, "500"):
            asyncio.run(job._store_input("a.png", b"aa"))
        with (
            mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1)),
            self.assertRaisesRegex(JobFailure, f"{self.root} has no room for a.png: 1 bytes are free, it has 2"),
        ):
            asyncio.run(job._store_input("a.png", b"aa"))


class ResultsTest(PartsCase):
    """What a workflow left."""

    def test_files_by_kind_and_only_once(self) -> None:
        def entry(name: str, folder: str = "output") -> dict[str, str]:
            return {"filename": name, "subfolder": "", "type": folder}

        outputs = {
            "9": {"images": [entry("a.PNG"), entry("b.webp")], "result": [entry("a.PNG")], "text": ["t"]},
            "10": {"gifs": [entry("c.mp4"), entry("d.gif")], "audio": [entry("e.flac")], "3d": [entry("f.glb")]},
            "11": {"images": [entry("p.png", "temp"), entry("i.png", "input")]},
        }
        read = results.read_results({"outputs": outputs}, {}, False)
        kinds = {file.filename: file.kind for file in read.files}
        expected = ["images", "images", "videos", "images", "audio", "files"]
        self.assertEqual(
            list(kinds.items()), list(zip(("a.PNG", "b.webp", "c.mp4", "d.gif", "e.flac", "f.glb"), expected))
        )
        self.assertEqual(len(read.files), 6)
        self.assertEqual(read.values, {"9": {"text": ["t"]}})
        self.assertEqual([file.filename for file in read.left_out], ["p.png"])
        self.assertIn("p.png", [file.filename for file in results.read_results({"outputs": outputs}, {}, True).files])

    def test_what_a_person_should_know(self) -> None:
        empty = results.Results([], {}, [])
        self.assertEqual(results.arrange(empty, [])["warnings"], ["the workflow ended without results"])
        self.assertNotIn("warnings", results.arrange(results.Results([], {"1": {"text": ["t"]}}, []), []))

    def test_a_disk_that_is_full_is_told_by_its_name(self) -> None:
        async def content() -> Any:
            yield b"x" * 10_000

        found = results.Results([results.ResultFile("1", "a.png", "", "output")], {}, [])
        client = mock.AsyncMock()
        client.view.return_value = (mock.AsyncMock(status_code=200, is_success=True), content())
        # A device on which no byte has room.
        with (
            mock.patch.object(Path, "open", lambda *_: open("/dev/full", "wb", buffering=0)),
            self.assertRaisesRegex(
                JobFailure, "a.png cannot be kept in .* until it is stored: No space left on device"
            ),
        ):
            asyncio.run(results.stored(client, found, mock.Mock(), "job"))

    def test_what_runpod_takes(self) -> None:
        self.assertEqual(results.limit_for("sync-1-e1", None), 19_900_000)
        self.assertEqual(results.limit_for("1-e1", None), 9_900_000)
        self.assertEqual(results.limit_for("sync-1-e1", 5), 5)

    def cleaner(self, *, is_shared: bool = False, keep: bool = False) -> Any:
        """With files of somebody's in the volume."""
        self.volume = self.root / "volume"
        support.fill(self.volume, "output/mine_00001.png", "input/mine")
        (self.volume / "temp").mkdir(exist_ok=True)
        return leftovers.Leftovers(self.volume, self.volume / "temp", is_shared=is_shared, keep=keep)

    def job(self, cleaner: Any, *written: str, named: tuple[str, ...] = ()) -> list[str]:
        """A job that writes these files and names some of them; what is there after it."""
        before = cleaner.look()
        support.fill(self.volume, *written)
        files = []
        for name in named:
            folder, *subfolder, file = name.split("/")
            files.append(results.ResultFile("1", file, "/".join(subfolder), folder))
        cleaner.remove_written(before, files)
        paths = (path.relative_to(self.volume) for path in self.volume.rglob("*") if path.is_file())
        return sorted(str(path) for path in paths if "mine" not in path.name)

    def test_what_a_job_wrote_goes_after_the_next_one_whether_it_is_named_or_not(self) -> None:
        cleaner = self.cleaner()
        # As VideoHelperSuite writes a video with sound, and names the last one of the three.
        video = ("output/day/clip_00001.png", "output/day/clip_00001.mp4", "output/day/clip_00001-audio.mp4")
        first = (*video, "output/log.txt", "temp/frames/1.png")
        self.assertEqual(self.job(cleaner, *first, named=(video[2],)), sorted(first))
        # ComfyUI's cache names it once more: its by-products stay with it, for nodes that go on from them.
        second = "output/b_00001_.png"
        self.assertEqual(self.job(cleaner, second, named=(video[2], second)), sorted([*video, second]))
        self.assertEqual(self.job(cleaner, "output/failed_00001.png"), ["output/failed_00001.png"])
        self.assertEqual(self.job(cleaner), [], "also of a job that failed and named nothing")
        folders = sorted(path.name for path in self.volume.rglob("*") if path.is_dir())
        self.assertEqual(folders, ["input", "output", "temp"])
        self.assertTrue((self.volume / "output/mine_00001.png").exists())

    def test_on_a_volume_what_others_write_meanwhile_stays(self) -> None:
        cleaner = self.cleaner(is_shared=True)
        video = ("output/clip_00001.png", "output/clip_00001.mp4", "output/clip_00001-audio.mp4")
        others = (
            "output/clip_000010.png",
            "output/clip_00002.png",
            "output/clip.txt",
            "output/theirs.png",
            "output/x/clip_00001.png",
        )
        self.job(cleaner, *video, *others, "temp/a.png", named=(video[2],))
        self.assertEqual(self.job(cleaner, named=("output/theirs.png",)), sorted(others))
        self.assertEqual(self.job(cleaner), sorted(others), "nor what was there before the job that names it")

    def test_a_folder_of_a_volume_is_a_volume(self) -> None:
        self.assertFalse(leftovers.is_elsewhere(self.root, self.root))
        memory = Path("/dev/shm")
        if memory.is_dir() and memory.stat().st_dev != self.root.stat().st_dev:
            self.assertTrue(leftovers.is_elsewhere(memory, self.root))

    def test_inputs_go_and_whoever_wants_to_keep_files_keeps_them(self) -> None:
        cleaner = self.cleaner()
        support.fill(self.volume, "input/i", "input/faces/a", "output/o")
        cleaner.remove_inputs(["i", "faces/a", "../output/o"])
        self.assertEqual([path.name for path in (self.volume / "input").iterdir()], ["mine"])
        self.assertTrue((self.volume / "output/o").exists())
        keeper = self.cleaner(keep=True)
        keeper.remove_inputs(["mine"])
        self.assertTrue((self.volume / "input/mine").exists())
        self.job(keeper, "output/kept.png", named=("output/kept.png",))
        self.assertIn("output/kept.png", self.job(keeper))


class TellTest(PartsCase):
    """What is told meanwhile, and what is not."""

    def test_secrets(self) -> None:
        clean = redact.Redactor(["secret", "secret-and-more", "short", None, ""]).clean
        self.assertEqual(clean("a secret, secret-and-more, short"), "a <hidden>, <hidden>, short")

    def test_how_far_a_job_is(self) -> None:
        with mock.patch("asyncio.create_task"):
            told = progress.Progress(lambda _: None, 4, 0)
        for event in (
            {"type": "started"},
            {"type": "cached", "nodes": [{"node": "1", "class": "A"}]},
            {"type": "node", "node": "2", "class": "B"},
            {"type": "step", "node": "2", "class": "B", "step": 1, "steps": 2},
        ):
            told.hear(event)
        self.assertEqual(
            told._state, {"status": "running", "progress": 0.375, "node": "2", "class": "B", "step": 1, "steps": 2}
        )
        self.assertEqual(told.place, "it was at node 2 (B, step 1 of 2)")
        # Nodes that a node made count as that one.
        for name in ("3", "3.0.1", "3.0.2"):
            told.hear({"type": "node", "node": name, "class": "C"})
        self.assertEqual(told._state["progress"], 0.75)

    def test_no_update_overtakes_another_or_the_answer(self) -> None:
        threads: list[threading.Thread] = []
        steps: list[int] = []

        def send(state: dict[str, Any]) -> threading.Thread:
            self.assertFalse([thread for thread in threads if thread.is_alive()])
            steps.append(state.get("step", 0))
            threads.append(threading.Thread(target=time.sleep, args=(0.2,)))
            threads[-1].start()
            return threads[-1]

        async def compute() -> None:
            told = progress.Progress(send, 1, 0.01)
            told.hear({"type": "started"})
            for step in range(1, 1000):
                told.hear({"type": "step", "node": "1", "class": "A", "step": step, "steps": 1000})
                await asyncio.sleep(0.02)
                if len(threads) == 3:
                    break
            await told.close()

        asyncio.run(compute())
        self.assertFalse(threads[-1].is_alive())
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(len(steps), 3)

    def test_the_last_words(self) -> None:
        file = self.root / last_words.FILE
        words = last_words.LastWords("comfyui", file)
        for name in ("comfyui", "llama"):
            process = mock.Mock()
            process.config.name = name
            words.hear(mock.Mock(process=process, data=f"{name} says\n".encode() + b"x" * 20_000 + b"\xff"))
        words.note_end("llama", 1, 0, False)
        self.assertFalse(file.exists())
        words.note_end("comfyui", 7, signal.SIGKILL, False)
        content = json.loads(file.read_text())
        self.assertEqual((content["pid"], content["how"], content["asked"]), (7, "terminated by SIGKILL", False))
        self.assertEqual(len(content["log"]), last_words.KEPT)
        self.assertNotIn("llama", content["log"])
        words.note_end("comfyui", 8, 3 << 8, True)
        self.assertEqual(json.loads(file.read_text())["log"], "", "each end has its own")

    def test_the_worker_tells_the_end_of_them(self) -> None:
        given = mock.Mock(last_words=self.root / "ended.json")
        with mock.patch.object(engine, "ComfyuiClient"), mock.patch.object(engine, "Workflows"):
            comfyui = engine.Engine(given)
        self.assertEqual(comfyui.last_words(), ("in a way that is not known", ""))
        log = "".join(f"line {number}\n" for number in range(99)) + "\x1b[32m 1/2\r 2/2\x1b[0m \r\n"
        given.last_words.write_text(json.dumps({"pid": 1, "how": "terminated by SIGKILL", "asked": False, "log": log}))
        failure = comfyui.crash()
        self.assertIn("run out of memory", failure.message)
        lines = (failure.log or "").split("\n")
        self.assertEqual((lines[0], lines[-1]), ("line 60", " 2/2"))


class HandlerTest(PartsCase):
    """What becomes of failures, whatever computes the job."""

    def answers(self, *failures: Exception | None, crashes: int = 2) -> list[dict[str, Any]]:
        """The answers to jobs that end like this, one after the other; None: computed."""
        given = mock.Mock(bucket=None, progress_interval=0, job_timeout=9, crashes=crashes, keep_files=False)
        given.comfyui.volume, given.temporary = self.root, self.root / "temp"
        given.redactor = redact.Redactor(["the-secret"])
        outcomes = [failure or {"images": []} for failure in failures]
        job = {"id": "1", "input": {"workflow": {"1": NODE}}}
        with (
            mock.patch.object(worker, "Engine", lambda _: mock.AsyncMock()),
            mock.patch.object(worker.Computation, "run", mock.AsyncMock(side_effect=outcomes)),
            redirect_stdout(io.StringIO()) as printed,
        ):

            async def compute() -> list[dict[str, Any]]:
                handler = worker.Worker(given, lambda _: lambda _: None)
                return [await handler.handle(job) for _ in failures]

            found = asyncio.run(compute())
        self.assertNotIn("the-secret", printed.getvalue() + str(found))
        return found

    def test_deaths_in_a_row_ask_for_another_worker(self) -> None:
        death, refusal = JobFailure("dead", is_crash=True), JobFailure("no")
        found = self.answers(death, None, death, refusal, death, None, death)
        asked = ["refresh_worker" in answer for answer in found]
        self.assertEqual(asked, [False, False, False, False, True, False, False])
        self.assertTrue(self.answers(death, crashes=1)[0]["refresh_worker"])

    def test_a_comfyui_that_does_not_come_back_does_so_at_once(self) -> None:
        self.assertTrue(self.answers(JobFailure("not ready", is_last=True), crashes=9)[0]["refresh_worker"])

    def test_secrets_are_nowhere(self) -> None:
        told = JobFailure("the-secret", [Problem("a", "the-secret")], log="the-secret")
        (answer,) = self.answers(told)
        self.assertEqual(answer["error"].count("<hidden>"), 3)
        (answer,) = self.answers(ValueError("the-secret"))
        self.assertIn("The worker itself failed:", answer["error"])
        self.assertIn("ValueError: <hidden>", answer["error"])


class SettingsTest(PartsCase):
    """The environment."""

    def load(self, **variables: str) -> Any:
        """With a plan as ComfyUI's start leaves it."""
        plan = {
            "port": 1,
            "loginToken": "login-token",
            "tokenFile": None,
            "volume": "/v",
            "persistent": False,
            "hiddenNodes": [],
        }
        (self.root / "comfyui.json").write_text(json.dumps(plan))
        return settings.load_settings({"STRATA_STATE": str(self.root), "STRATA_TOKEN": "token-of-sixteen", **variables})

    def wrong(self, **variables: str) -> list[str]:
        """Names of the settings that are told."""
        with self.assertRaises(settings.SettingsError) as caught:
            self.load(**variables)
        return [line.split(":")[0] for line in str(caught.exception).splitlines()]

    def test_nothing_is_needed(self) -> None:
        found = self.load()
        self.assertEqual(
            (found.bucket, found.inline_limit, found.on_runpod, found.keep_files), (None, None, False, False)
        )
        self.assertEqual(found.redactor.clean("token-of-sixteen login-token"), "<hidden> <hidden>")

    def test_all_that_is_wrong_is_told_at_once(self) -> None:
        given = {
            "TIMEOUT": "0",
            "START_TIMEOUT": "nan",
            "CRASHES": "1.5",
            "PORT": "x",
            "INLINE_BYTES": "-1",
            "KEEP_FILES": "yes",
        }
        names = [f"STRATA_WORKER_{name}" for name in given]
        found = self.wrong(BUCKET_NAME="b", BUCKET_ENDPOINT_URL="here", **dict(zip(names, given.values(), strict=True)))
        missing = ["BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY", "BUCKET_ENDPOINT_URL"]
        self.assertEqual(sorted(found), sorted([*names, *missing]))

    def test_a_storage(self) -> None:
        keys = {"BUCKET_ACCESS_KEY_ID": "key-id", "BUCKET_SECRET_ACCESS_KEY": "the-secret"}
        found = self.load(BUCKET_NAME="b", BUCKET_PREFIX="/p/q/", BUCKET_ENDPOINT_URL="http://127.0.0.1:9", **keys)
        self.assertEqual((found.bucket.prefix, found.bucket.url_seconds), ("p/q", 86400))
        self.assertNotIn("the-secret", repr(found))
        self.assertEqual(store.Store(found.bucket).key("a/../b", "x/y.png"), "p/q/a_.._b/x/y.png")

    def test_what_the_sdk_is_told_to_do(self) -> None:
        here = self.load()
        self.assertIn("--rp_serve_api", program.local_arguments([], here, self.root))
        self.assertEqual(program.local_arguments(["--test_input", "{}"], here, self.root), [])
        self.assertEqual(program.local_arguments([], self.load(RUNPOD_WEBHOOK_GET_JOB="https://x"), self.root), [])
        (self.root / "test_input.json").touch()
        self.assertEqual(program.local_arguments([], here, self.root), [])


if __name__ == "__main__":
    unittest.main()
