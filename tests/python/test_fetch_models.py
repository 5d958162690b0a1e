"""Fetching models from hosts with faults: the right bytes end up in place, or an error says what is wrong."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from support import MODEL_FETCH

from model_server import File, Request, Server, serving
from strata_models.access import Access
from strata_models.fetch import Settings, fetch_all
from strata_models.manifest import Model, read_manifest
from strata_models.problem import Problem

ARIA2 = shutil.which("aria2c")
NO_ARIA2 = None if ARIA2 else "there is no aria2c (Debian: apt-get install aria2)"
SLOW = None if os.environ.get("STRATA_SLOW_TESTS") else "takes half a minute and 5 GB; STRATA_SLOW_TESTS=1 runs it"
CONTENT = random.Random(1).randbytes(3_000_000)
TOKEN = "hf_very_secret"


class Fetching(unittest.TestCase):
    """A server, a folder and the shortest pauses."""

    def setUp(self) -> None:
        self.server = self.enterContext(serving())
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "root"
        self.cache = self.folder / "cache"
        self.said = io.StringIO()

    def serve(self, path: str, file: File, server: Server | None = None) -> Model:
        """Puts a file on a server; the model that it is."""
        (server or self.server).files[path] = file
        name = path.rpartition("/")[2]
        return Model(name, "models/vae", f"{(server or self.server).url}{path}", file.size, file.sha256)

    def fetch(self, *models: Model, variables: dict[str, str] | None = None, tries: int = 3) -> list[str]:
        """Fetches in this process; what went wrong."""
        settings = Settings(self.root, self.cache, connections=3, tries=tries, pause=0.01, interval=0.2)
        with redirect_stdout(self.said):
            return fetch_all(list(models), settings, Access(variables or {}, self.folder / "no secrets"))

    def downloads(self) -> list[Request]:
        """What was asked for the bytes themselves; a look asks for one of them."""
        return [each for each in self.server.requests if each.range != "bytes=0-0"]

    def assert_right(self, model: Model) -> None:
        """In place, whole, and nothing of it left in the cache."""
        target = self.root / model.path
        self.assertEqual(target.read_bytes(), self.server.files[f"/{model.name}"].content)
        self.assertEqual([path.name for path in self.cache.glob("*.part*")], [])
        self.assertEqual([path.name for path in target.parent.iterdir()], [target.name])


class Plain(Fetching):
    """What every host does at times, with aria2 where there is one."""

    def test_a_file_is_fetched_verified_and_not_fetched_again(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        self.assertEqual(self.fetch(model), [])
        self.assert_right(model)
        asked = len(self.server.requests)
        self.assertEqual(self.fetch(model), [])
        self.assertEqual(len(self.server.requests), asked)
        self.assertIn("1 models, 0 of them to fetch", self.said.getvalue())

    @unittest.skipUnless(os.getuid() == 0, "needs root to mount")
    def test_what_is_there_may_be_mounted_read_only(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        self.fetch(model)
        self.cache = self.root / ".strata-models"
        mount = ["mount", "--bind", "-o", "ro", self.root, self.root]
        if subprocess.run(mount, check=False).returncode != 0:
            self.skipTest("this machine lets nobody mount")
        try:
            self.assertRaises(OSError, (self.root / "x").touch)
            self.assertEqual(self.fetch(model), [])
        finally:
            subprocess.run(["umount", self.root], check=True)

    def test_a_file_that_was_changed_is_fetched_again_even_at_the_same_size(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        self.fetch(model)
        (self.root / model.path).write_bytes(bytes(len(CONTENT)))
        self.assertEqual(self.fetch(model), [])
        self.assert_right(model)

    def test_a_file_that_somebody_else_put_there_is_kept_when_it_is_right(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        (self.root / model.folder).mkdir(parents=True)
        (self.root / model.path).write_bytes(CONTENT)
        self.assertEqual(self.fetch(model), [])
        self.assertEqual(self.server.requests, [])

    def test_connections_that_are_cut_again_and_again_end_with_the_right_file(self) -> None:
        # More cuts than tries: as long as each brings something, it goes on.
        model = self.serve("/a.bin", File(CONTENT, cuts=9, cut_after=400_000))
        self.assertEqual(self.fetch(model, tries=2), [])
        self.assert_right(model)
        starts = [int(each.range[6:].partition("-")[0]) for each in self.server.requests if each.range]
        self.assertGreater(max(starts), 1_000_000, "each try goes on where the one before was cut")

    def test_a_server_that_gives_nothing_is_given_up_and_named(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, cuts=1000))
        [problem] = self.fetch(model)
        self.assertRegex(problem, r"models/vae/a\.bin: .*; 3 tries in a row brought nothing")
        self.assertFalse((self.root / model.path).exists())

    def test_a_server_that_gives_everything_whatever_part_is_asked_for(self) -> None:
        # The first of the wrong bytes are what the look gets, which throws them away.
        model = self.serve("/a.bin", File(CONTENT, ranges=False, wrong=1))
        self.assertEqual(self.fetch(model), [])
        self.assert_right(model)
        self.assertNotIn("once more", self.said.getvalue())

    def test_wrong_bytes_are_fetched_once_more_and_never_put_in_place(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, wrong=1))
        self.assertEqual(self.fetch(model), [])
        self.assert_right(model)
        self.assertEqual(self.said.getvalue().count("once more from the beginning"), 1)
        self.assertEqual(len(self.downloads()), 2, "the wrong bytes, and the right ones")
        bad = self.serve("/b.bin", File(CONTENT[1:], wrong=1000))
        [problem] = self.fetch(bad)
        self.assertRegex(problem, rf"models/vae/b\.bin: .* sha256 [0-9a-f]{{64}}, the lock has {bad.sha256}")
        self.assertFalse((self.root / bad.path).exists())
        self.assertEqual(list(self.cache.glob("*.part*")), [])

    def test_another_size_is_seen_before_anything_is_fetched(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, announced=len(CONTENT) + 1))
        [problem] = self.fetch(model)
        self.assertIn("the source serves 3000001 bytes, the lock has 3000000", problem)
        self.assertEqual(self.server.given("/a.bin"), 0)

    def test_a_busy_server_is_asked_again_when_it_says(self) -> None:
        busy = [(429, {"Retry-After": "1"}), (503, {}), (500, {})]
        model = self.serve("/a.bin", File(CONTENT, first=busy))
        started = time.monotonic()
        self.assertEqual(self.fetch(model, tries=4), [])
        self.assertGreaterEqual(time.monotonic() - started, 1)
        self.assert_right(model)
        self.assertIn("answers 429; next try in 1 s", self.said.getvalue())

    def test_a_server_that_asks_for_too_much_patience_is_an_error(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, first=[(429, {"Retry-After": "86400"})] * 9))
        [problem] = self.fetch(model)
        self.assertRegex(problem, "answers 429, and asks to come again in 1440 minutes")

    def test_a_slow_server_shows_lines_of_progress(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, delay=0.03))
        self.assertEqual(self.fetch(model), [])
        self.assertRegex(
            self.said.getvalue(), r"1/1 a\.bin: [\d.]+ [kM]B of 3\.0 MB \(\d+ %\), [\d.]+ [kM]B/s, \d+ s left"
        )

    def test_what_is_gone_says_so_and_the_others_are_fetched(self) -> None:
        gone = self.serve("/gone.bin", File(b"gone"))
        self.server.files.clear()
        model = self.serve("/a.bin", File(CONTENT))
        [problem] = self.fetch(gone, model)
        self.assertRegex(problem, r"models/vae/gone\.bin: 127\.0\.0\.1:\d+ does not have it any more \(404\)")
        self.assert_right(model)

    def test_a_host_that_does_not_answer_is_named(self) -> None:
        model = Model("a.bin", "models/vae", "http://127.0.0.1:9/a.bin", 1, "0" * 64)
        [problem] = self.fetch(model)
        self.assertRegex(problem, r"127\.0\.0\.1 cannot be reached: .*; 3 tries in a row")

    def test_a_volume_that_knows_no_locks_is_written_all_the_same(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        with mock.patch("fcntl.flock", side_effect=OSError(errno.ENOLCK, "no locks")):
            self.assertEqual(self.fetch(model), [])
        self.assert_right(model)

    def test_a_cache_on_another_file_system_is_copied_from_and_emptied(self) -> None:
        memory = Path("/dev/shm")
        if not memory.is_dir() or memory.stat().st_dev == self.folder.stat().st_dev:
            self.skipTest("there is no other file system at /dev/shm")
        self.cache = Path(self.enterContext(tempfile.TemporaryDirectory(dir=memory)))
        model = self.serve("/a.bin", File(CONTENT))
        self.assertEqual(self.fetch(model), [])
        self.assert_right(model)
        bad = self.serve("/b.bin", File(CONTENT[1:], wrong=1000))
        self.assertEqual(len(self.fetch(bad)), 1)
        self.assertEqual([path.name for path in (self.root / bad.path).parent.iterdir()], ["a.bin"])

    def test_without_space_nothing_is_begun(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        usage = mock.Mock(free=10)
        with (
            mock.patch("shutil.disk_usage", return_value=usage),
            self.assertRaisesRegex(Problem, "GB are needed and 0.0"),
        ):
            self.fetch(model)
        self.assertEqual(self.server.requests, [])

    def test_a_disk_that_fills_up_on_the_way_is_told_at_once(self) -> None:
        # 2 MB for a file of 3; the look before has seen more, as it does where others write too, or where there is a quota.
        if self.in_small_folder("pass").returncode != 0:
            self.skipTest("this user cannot mount a small file system")
        model = self.serve("/a.bin", File(CONTENT))
        ended = self.in_small_folder(
            "from strata_models import fetch, manifest, access\n"
            "fetch.check_space = lambda *_: None\n"
            f"model = manifest.Model({model.name!r}, '.', {model.url!r}, {model.size}, {model.sha256!r})\n"
            "settings = fetch.Settings(root, root / 'cache', tries=8, pause=1)\n"
            "print('told', fetch.fetch_all([model], settings, access.Access({})))\n"
        )
        self.assertRegex(ended.stdout, r"told \['a\.bin: .*/small/cache has no room for it \(No space left on device\)")
        self.assertNotIn("next try", ended.stdout)
        self.assertEqual(len(self.downloads()), 1)

    def in_small_folder(self, program: str) -> subprocess.CompletedProcess[str]:
        """Runs Python on a file system of 2 MB at `root`, which nobody else sees."""
        small = self.folder / "small"
        small.mkdir(exist_ok=True)
        aria2 = "" if shutil.which("aria2c") else "import shutil\nshutil.which = lambda _: None\n"
        begin = f"from pathlib import Path\nroot = Path({str(small)!r})\n{aria2}"
        mount = f'mount -t tmpfs -o size=2m small "{small}" && exec "$@"'
        return subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "-", sys.executable, "-c", begin + program],
            env={**os.environ, "PYTHONPATH": str(MODEL_FETCH)},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_note_that_has_no_room_costs_nothing_but_another_look(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        with mock.patch.object(Path, "write_text", side_effect=OSError(errno.ENOSPC, "full")):
            self.assertEqual(self.fetch(model), [])
        self.assert_right(model)
        asked = len(self.server.requests)
        self.assertEqual(self.fetch(model), [])
        self.assertEqual(len(self.server.requests), asked)

    def test_a_model_that_cannot_be_put_in_place_does_not_hold_up_the_others(self) -> None:
        first, second = self.serve("/a.bin", File(CONTENT)), self.serve("/b.bin", File(CONTENT[1:]))
        real = Path.replace

        def replace(path: Path, target: Path) -> Path:
            if target.name == "a.bin":
                raise OSError(errno.EDQUOT, "Disk quota exceeded", str(target))
            return real(path, target)

        with mock.patch.object(Path, "replace", replace):
            [problem] = self.fetch(first, second)
        self.assertRegex(problem, r"^models/vae/a\.bin: Disk quota exceeded \(/")
        self.assertEqual((self.root / second.path).read_bytes(), CONTENT[1:])


@unittest.skipIf(NO_ARIA2, str(NO_ARIA2))
class Aria2(Plain):
    """All of it again, knowing that aria2 did it: here it gives itself another name than our own client."""

    def setUp(self) -> None:
        super().setUp()
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "aria2c").write_text(f'#!/bin/sh\nexec {ARIA2} "$@" --user-agent=aria2\n')
        (programs / "aria2c").chmod(0o755)
        self.enterContext(mock.patch.dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}"))

    def tearDown(self) -> None:
        asked = self.downloads()
        self.assertEqual([each.agent for each in asked], ["aria2"] * len(asked))

    def test_several_connections_fetch_one_file(self) -> None:
        model = self.serve("/a.bin", File(bytes(1) + random.Random(2).randbytes(40_000_000)))
        self.assertEqual(self.fetch(model), [])
        self.assertGreater(len({each.range for each in self.downloads()}), 2)


class NotWritten(Fetching):
    """What a file system refuses, whoever writes. aria2 tells a full disk alone, and ends with 17 for the rest."""

    def refused(self, program: str | None, error: int) -> str:
        """The problem, and that nothing was tried again."""
        model = self.serve("/a.bin", File(CONTENT))
        with (
            mock.patch("shutil.which", return_value=program),
            mock.patch("strata_models.transfer.write", side_effect=OSError(error, os.strerror(error))),
        ):
            [problem] = self.fetch(model)
        return problem

    def test_a_quota_and_a_closed_disk_are_told_at_once(self) -> None:
        aria2 = self.folder / "aria2c"
        aria2.write_text("#!/bin/sh\ncat >/dev/null\nexit 17\n")
        aria2.chmod(0o755)
        for program in (None, str(aria2)):
            quota = self.refused(program, errno.EDQUOT)
            self.assertRegex(
                quota, r"models/vae/a\.bin: .*/cache has no room for it \(Disk quota exceeded\); make room"
            )
            self.assertRegex(
                self.refused(program, errno.EROFS), r"cannot be written to .*/cache: Read-only file system"
            )
            self.assertNotIn("next try", self.said.getvalue())

    def test_what_may_pass_is_tried_again_and_is_not_the_connection(self) -> None:
        problem = self.refused(None, errno.EIO)
        self.assertRegex(problem, r"cannot be written to .*/cache: Input/output error; 3 tries in a row")
        self.assertEqual(self.said.getvalue().count("next try"), 2)


class OneConnection(Plain):
    """The same without aria2."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch("shutil.which", return_value=None))

    def tearDown(self) -> None:
        asked = self.downloads()
        self.assertEqual([each.agent for each in asked], ["strata"] * len(asked))


class Tokens(Fetching):
    """Who gets to see one."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.enterContext(serving())

    def hub(self) -> dict[str, str]:
        """The server stands in for the hub."""
        return {"HF_ENDPOINT": self.server.url, "HF_TOKEN": TOKEN}

    def on_hub(self, file: File, stored: File | None = None) -> Model:
        """A gated model on the hub, with its bytes on another host."""
        model = self.serve("/o/n/resolve/main/a.bin", stored or file)
        if stored:
            self.other.files["/signed"] = stored
            file.redirect = f"{self.other.url}/signed?signature=1"
            self.server.files["/o/n/resolve/main/a.bin"] = file
        return Model("a.bin", "models/vae", "https://huggingface.co/o/n/resolve/main/a.bin", model.size, model.sha256)

    def test_a_redirect_to_another_host_does_not_take_the_token_along(self) -> None:
        model = self.on_hub(File(token=TOKEN), File(CONTENT))
        self.assertEqual(self.fetch(model, variables=self.hub()), [])
        self.assertEqual((self.root / model.path).read_bytes(), CONTENT)
        self.assertEqual({each.authorization for each in self.server.requests}, {f"Bearer {TOKEN}"})
        self.assertEqual({each.authorization for each in self.other.requests}, {None})

    def test_a_file_that_the_token_s_own_host_gives_arrives_too(self) -> None:
        model = self.on_hub(File(CONTENT, token=TOKEN))
        self.assertEqual(self.fetch(model, variables=self.hub()), [])
        self.assertEqual((self.root / model.path).read_bytes(), CONTENT)

    def test_aria2_gets_nothing_that_wants_a_token(self) -> None:
        # It would hand the token on to every host that it is redirected to.
        with mock.patch("shutil.which", return_value="/nowhere/aria2c"), mock.patch("subprocess.Popen") as started:
            model = self.on_hub(File(CONTENT, token=TOKEN))
            self.assertEqual(self.fetch(model, variables=self.hub()), [])
        started.assert_not_called()
        self.assertEqual((self.root / model.path).read_bytes(), CONTENT)

    def test_a_host_that_redirects_only_later_gets_no_token_out(self) -> None:
        # The first look finds the file itself; then the host changes its mind. Without aria2, which would mend the rest.
        self.enterContext(mock.patch("shutil.which", return_value=None))
        model = self.on_hub(File(CONTENT, token=TOKEN))
        self.other.files["/elsewhere"] = File(CONTENT)
        hub_file = self.server.files["/o/n/resolve/main/a.bin"]
        original = hub_file.first

        class Turning(list):
            """Lets the first look pass."""

            def __init__(self, target: str) -> None:
                super().__init__([None])
                self.target, self.looks = target, 0

            def pop(self, _: int = 0) -> object:
                self.looks += 1
                return None if self.looks == 1 else (302, {"Location": self.target})

        hub_file.first = Turning(f"{self.other.url}/elsewhere")  # type: ignore[assignment]
        self.assertEqual(self.fetch(model, variables=self.hub()), [])
        self.assertEqual(original, [])
        self.assertNotIn("once more", self.said.getvalue())
        self.assertEqual((self.root / model.path).read_bytes(), CONTENT)
        self.assertEqual({each.authorization for each in self.other.requests}, {None})

    def test_a_gated_model_names_itself_its_page_and_the_secret_but_no_token(self) -> None:
        model = self.on_hub(File(CONTENT, token=TOKEN))
        [problem] = self.fetch(model, variables={"HF_ENDPOINT": self.server.url})
        self.assertRegex(problem, r"a\.bin is gated, private or gone\. .* https://huggingface\.co/o/n, .* HF_TOKEN")
        [problem] = self.fetch(model, variables={**self.hub(), "HF_TOKEN": "hf_other"})
        self.assertRegex(problem, r"is not given to the owner of HF_TOKEN\. .* https://huggingface\.co/o/n with that")
        self.assertNotIn("hf_other", problem + self.said.getvalue())
        # The server notes a request after its answer.
        deadline = time.monotonic() + 60
        while len(self.server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(len(self.server.requests), 2, "a refusal is not repeated")

    def test_the_hub_s_words_for_a_refusal_are_told_apart(self) -> None:
        url = {"HF_ENDPOINT": self.server.url}
        for status, headers, variables, said in (
            (
                401,
                {"X-Error-Message": "Invalid credentials in Authorization header"},
                self.hub(),
                "not know HF_TOKEN, or no",
            ),
            (403, {"X-Error-Message": "Access to this resource is disabled."}, url, "shut https://huggingface.co/o/n;"),
            (401, {"X-Error-Code": "RepoNotFound"}, url, "o/n is gone, or private and needs the secret HF_TOKEN"),
            (404, {"X-Error-Code": "RepoNotFound"}, self.hub(), "o/n is gone, or private and not for the owner"),
            (404, {"X-Error-Code": "EntryNotFound"}, self.hub(), "does not have it any more (404)"),
            (401, {"X-Error-Code": "GatedRepo"}, url, "Accept its licence at https://huggingface.co/o/n"),
        ):
            model = self.on_hub(File(CONTENT, first=[(status, headers)]))
            [problem] = self.fetch(model, variables=variables)
            self.assertIn(said, problem)
            self.assertNotIn(TOKEN, problem)

    def test_tokens_come_from_files_and_mounted_secrets(self) -> None:
        secrets = self.folder / "secrets"
        secrets.mkdir()
        (secrets / "hf_token").write_text(f"{TOKEN}\n")
        (self.folder / "mine").write_text("civitai\n")
        access = Access({"CIVITAI_TOKEN_FILE": str(self.folder / "mine")}, secrets)
        self.assertEqual(access.headers("https://huggingface.co/x"), {"Authorization": f"Bearer {TOKEN}"})
        self.assertEqual(access.headers("https://civitai.com/api"), {"Authorization": "Bearer civitai"})

    def test_a_token_is_for_one_origin_and_never_in_clear(self) -> None:
        access = Access({"HF_TOKEN": TOKEN, "CIVITAI_TOKEN": "c", "HF_ENDPOINT": "http://mirror.example.com"})
        for url in (
            "https://huggingface.co.evil.example/x",
            "https://evil.example/huggingface.co",
            "https://huggingface.co:444/x",
            "http://huggingface.co/x",
            "https://cdn.huggingface.co/x",
            "http://mirror.example.com/x",
        ):
            self.assertEqual(access.headers(url), {}, url)

    def test_the_hub_s_word_on_hash_and_size_counts_before_the_download(self) -> None:
        for linked, said in (
            ({"X-Linked-Etag": f'"{"0" * 64}"'}, "serves another file now: sha256 000"),
            ({"X-Linked-Size": "5"}, "the source serves 5 bytes"),
        ):
            model = self.on_hub(File(linked=linked), File(CONTENT))
            [problem] = self.fetch(model, variables=self.hub())
            self.assertIn(said, problem)
        self.assertEqual(self.other.requests, [])

    def test_redirects_without_end_and_to_unsafe_places_are_errors(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, redirect="/a.bin"))
        self.assertIn("redirects without end", self.fetch(model)[0])
        for target in ("file:///etc/passwd", "ftp://example.com/a", "http://example.com/a"):
            self.server.files["/a.bin"].redirect = target
            self.assertRegex(self.fetch(model)[0], r"redirects to \w+:, which is not safe")


class Program(Fetching):
    """As a container or a build runs it."""

    def start(self, *models: Model, **variables: str) -> subprocess.Popen[str]:
        """The program in a process of its own."""
        manifest = self.folder / "models.json"
        entries = [
            {"name": m.name, "folder": m.folder, "url": m.url, "size": m.size, "sha256": m.sha256} for m in models
        ]
        manifest.write_text(json.dumps({"models": entries}))
        options = ["--manifest", manifest, "--root", self.root, "--cache", self.cache, "--interval", "0.2"]
        return subprocess.Popen(
            [sys.executable, "-m", "strata_models", *map(str, options), "--pause", "0.1", "--tries", "3"],
            cwd=MODEL_FETCH,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Status, stdout, stderr."""
        out, errors = process.communicate(timeout=120)
        return process.returncode, out, errors

    def wait_until(self, given: int, path: str = "/a.bin") -> None:
        """Until the cache holds so many bytes."""
        for _ in range(3600):
            if sum(file.stat().st_blocks * 512 for file in self.cache.glob("*.part")) >= given:
                return
            time.sleep(0.05)
        self.fail(f"{path} does not arrive")

    def wait_until_written_down(self) -> None:
        """aria2 notes once a second which pieces it has; without it, what is in the file is all there is to know."""
        if NO_ARIA2:
            return
        [notes] = self.cache.glob("*.aria2")
        before = notes.stat().st_mtime_ns
        for _ in range(3600):
            if notes.stat().st_mtime_ns != before:
                return
            time.sleep(0.05)
        self.fail("aria2 writes nothing down")

    def test_it_ends_with_0_and_with_1_and_says_why(self) -> None:
        model = self.serve("/a.bin", File(CONTENT))
        self.assertEqual(self.finish(self.start(model))[0], 0)
        self.assert_right(model)
        status, _, errors = self.finish(self.start(Model("b", "models/vae", f"{self.server.url}/b", 1, "0" * 64)))
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"^strata: models/vae/b: .* does not have it any more \(404\)")

    def killed(self, end: Callable[[subprocess.Popen[str]], None], status: int) -> None:
        """Ends a run in the middle, and lets another one end it well."""
        content = random.Random(3).randbytes(48_000_000)
        model = self.serve("/a.bin", File(content, delay=0.05))
        process = self.start(model)
        self.wait_until(24_000_000)
        self.wait_until_written_down()
        end(process)
        self.assertEqual(self.finish(process)[0], status)
        self.assertFalse((self.root / model.path).exists())
        self.server.files["/a.bin"].delay = 0
        self.assertEqual(self.finish(self.start(model))[0], 0)
        self.assert_right(model)
        # Twice only what was on its way, and what was not written down yet.
        self.assertLess(self.server.given("/a.bin"), len(content) + 18_000_000)

    def test_a_rerun_after_sigterm_does_not_fetch_what_is_there(self) -> None:
        self.killed(lambda process: process.terminate(), 128 + signal.SIGTERM)

    def test_a_rerun_after_a_kill_does_not_fetch_what_is_there(self) -> None:
        self.killed(self.kill_but_not_aria2, -signal.SIGKILL)

    def kill_but_not_aria2(self, process: subprocess.Popen[str]) -> None:
        """It goes on for a moment, and the lock is held until it ends: nobody else may write meanwhile."""
        children = [Path("/proc", child) for child in children_of(process.pid)]
        process.kill()
        process.wait()
        [lock] = self.cache.glob("*.lock")
        with lock.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        # A process that has ended and that nobody has asked about has no arguments.
        running = [child for child in children if child.exists() and (child / "cmdline").read_bytes()]
        self.assertEqual(running, [], "the lock is free, and somebody still writes")

    def test_a_rerun_after_the_end_of_the_container_does_not_fetch_what_is_there(self) -> None:
        self.killed(lambda process: os.killpg(process.pid, signal.SIGKILL), -signal.SIGKILL)

    def test_two_at_once_on_one_volume_fetch_a_file_once(self) -> None:
        models = [self.serve(f"/{name}.bin", File(CONTENT + name.encode(), delay=0.01)) for name in "abc"]
        runs = [self.start(*models), self.start(*models)]
        for process in runs:
            status, _, errors = self.finish(process)
            self.assertEqual((status, errors), (0, ""))
        for model in models:
            self.assertEqual((self.root / model.path).read_bytes(), self.server.files[f"/{model.name}"].content)
            # A byte of the first look may be counted for each run.
            self.assertLess(self.server.given(f"/{model.name}"), 1.5 * model.size)

    def test_no_token_is_in_an_argument_an_environment_below_or_a_line(self) -> None:
        content = random.Random(4).randbytes(24_000_000)
        with serving() as storage:
            storage.files["/signed"] = File(content, delay=0.02)
            self.serve("/o/n/resolve/main/a.bin", File(content))
            sha256 = self.server.files["/o/n/resolve/main/a.bin"].sha256
            target = f"{storage.url}/signed?signature=also_secret"
            self.server.files["/o/n/resolve/main/a.bin"] = File(token=TOKEN, redirect=target)
            url = "https://huggingface.co/o/n/resolve/main/a.bin"
            model = Model("a.bin", "models/vae", url, len(content), sha256)
            process = self.start(model, HF_TOKEN=TOKEN, HF_ENDPOINT=self.server.url)
            self.wait_until(1_000_000)
            seen = arguments_below(process.pid)
            status, out, errors = self.finish(process)
        self.assertEqual((status, errors), (0, ""))
        for secret in (TOKEN, "also_secret"):
            self.assertNotIn(secret, seen + out)
        if NO_ARIA2 is None:
            self.assertIn("aria2c", seen)

    @unittest.skipIf(SLOW, str(SLOW))
    def test_a_file_over_2_gb_is_resumed_after_a_kill(self) -> None:
        source = self.folder / "large"
        size = 2_300_000_000
        with source.open("wb") as file:
            file.truncate(size)
            for at in (0, size // 2, size - 100):
                file.seek(at)
                file.write(random.Random(at).randbytes(100))
        model = self.serve("/a.bin", File(source=source, delay=0.02))
        process = self.start(model)
        self.wait_until(900_000_000)
        self.wait_until_written_down()
        process.kill()
        self.finish(process)
        self.server.files["/a.bin"].delay = 0
        self.assertEqual(self.finish(self.start(model))[0], 0)
        self.assertEqual((self.root / model.path).stat().st_size, size)
        self.assertLess(self.server.given("/a.bin"), size + 500_000_000)


def children_of(pid: int) -> list[str]:
    """Processes that it started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def arguments_below(pid: int) -> str:
    """Arguments of a process and its children, and what the children find in their environment."""
    texts = [Path(f"/proc/{pid}/cmdline").read_bytes()]
    for child in children_of(pid):
        texts += [Path(f"/proc/{child}/{part}").read_bytes() for part in ("cmdline", "environ")]
    return b"\n".join(texts).decode(errors="replace")


class Manifest(unittest.TestCase):
    """What is refused before anything is asked."""

    def test_entries_of_the_lock_are_read(self) -> None:
        entry = {"name": "a", "folder": "models/vae", "url": "https://h/a", "size": 1, "sha256": "0" * 64}
        text = json.dumps({"models": [{**entry, "licence": None, "gated": None, "source": "x"}]})
        self.assertEqual(read_manifest(text), [Model("a", "models/vae", "https://h/a", 1, "0" * 64)])
        self.assertEqual(str(read_manifest(text)[0].path), "models/vae/a")

    def test_everything_wrong_is_told_together(self) -> None:
        entry = {"name": "a", "folder": "models/vae", "url": "https://h/a", "size": 1, "sha256": "0" * 64}
        for change in (
            {"name": "../a"},
            {"name": "/a"},
            {"name": "a\nb"},
            {"folder": "models/./x"},
            {"url": "https://h/a\n  out=/etc/x"},
            {"url": "ftp://h/a"},
            {"url": "https://user:secret@h/a"},
            {"size": 0},
            {"size": None},
            {"sha256": None},
            {"sha256": "A" * 64},
        ):
            [key] = change
            with self.assertRaisesRegex(Problem, f"{key} is "):
                read_manifest(json.dumps({"models": [{**entry, **change}]}))
        with self.assertRaisesRegex(Problem, "size is 0; .*sha256 is None.*models/vae/a: is there twice"):
            read_manifest(json.dumps({"models": [{**entry, "size": 0}, {**entry, "sha256": None}]}))
        for text in ("{", "[]", '{"models": 1}', '{"models": [1]}'):
            with self.assertRaisesRegex(Problem, "the manifest is not"):
                read_manifest(text)


if __name__ == "__main__":
    unittest.main()
