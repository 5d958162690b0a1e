"""Source archives of a package index: which file is one, and that only the pinned bytes are taken."""

from __future__ import annotations

import importlib.util
import tempfile
import threading
import unittest
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import support  # noqa: F401 - puts the programs on the path

NO_PIP = None if importlib.util.find_spec("pip") else "there is no pip, whose HTTP client the program uses"
if NO_PIP is None:
    import fetch_sdist

ARCHIVE = b"an archive"
PAGE = """<a href="../../files/dlib-19.24.tar.gz#sha256=0">dlib-19.24.tar.gz</a>
<a href="../../files/dlib-20.0-cp311-linux.whl">dlib-20.0-cp311-linux.whl</a>"""


class Index(BaseHTTPRequestHandler):
    """One package with one source archive."""

    def do_GET(self) -> None:
        answers = {"/simple/dlib/": PAGE.encode(), "/files/dlib-19.24.tar.gz": ARCHIVE}
        body = answers.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


@unittest.skipIf(NO_PIP, str(NO_PIP))
class ArchiveNamesTest(unittest.TestCase):
    """File names of an index page."""

    def test_a_source_archive_is_known_however_its_name_is_written(self) -> None:
        for file, name, version in (
            ("dlib-19.24.tar.gz", "dlib", "19.24"),
            ("dlib-19.24.zip", "dlib", "19.24"),
            ("antlr4-python3-runtime-4.9.3.tar.gz", "antlr4-python3-runtime", "4.9.3"),
            ("antlr4_python3_runtime-4.9.3.tar.gz", "antlr4-python3-runtime", "4.9.3"),
            ("GroundingDINO.py-0.4.0.tar.gz", "groundingdino-py", "0.4.0"),
        ):
            self.assertTrue(fetch_sdist.is_archive(file, name, version), file)

    def test_other_files_are_not_taken_for_it(self) -> None:
        for file in (
            "dlib-19.24.1.tar.gz",
            "dlib-119.24.tar.gz",
            "dlib-19.24.tar.gz.asc",
            "dlib-19.24.tar.bz2",
            "dlib-19.24-cp311-cp311-linux_x86_64.whl",
            "dlib-bin-19.24.tar.gz",
            "xdlib-19.24.tar.gz",
            "dlib.zip",
        ):
            self.assertFalse(fetch_sdist.is_archive(file, "dlib", "19.24"), file)


@unittest.skipIf(NO_PIP, str(NO_PIP))
class FetchTest(unittest.TestCase):
    """A small index on the loopback address."""

    def setUp(self) -> None:
        server = self.enterContext(ThreadingHTTPServer(("127.0.0.1", 0), Index))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        address = f"http://127.0.0.1:{server.server_address[1]}/simple"
        self.enterContext(mock.patch.dict("os.environ", {"PIP_INDEX_URL": address, "NO_PROXY": "127.0.0.1"}))
        self.target = Path(self.enterContext(tempfile.TemporaryDirectory())) / "sdist"

    def test_the_pinned_archive_is_fetched(self) -> None:
        accepted = ["0" * 64, sha256(ARCHIVE).hexdigest()]
        fetch_sdist.fetch("dlib", "19.24", accepted, self.target)
        self.assertEqual(self.target.read_bytes(), ARCHIVE)

    def test_another_archive_is_refused_with_both_hashes(self) -> None:
        with self.assertRaisesRegex(SystemExit, f"dlib 19.24 has sha256 {sha256(ARCHIVE).hexdigest()}, .* says 000"):
            fetch_sdist.fetch("dlib", "19.24", ["0" * 64], self.target)

    def test_a_version_without_a_source_archive_is_named(self) -> None:
        with self.assertRaisesRegex(SystemExit, "dlib 20.0 has no source archive"):
            fetch_sdist.fetch("dlib", "20.0", ["0" * 64], self.target)


if __name__ == "__main__":
    unittest.main()
