"""Source archives of a package index: which file is one, and that only the pinned bytes are taken."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import support  # noqa: F401 - puts the programs on the path

import fetch_sdist

ARCHIVE = b"an archive"
JSON = "application/vnd.pypi.simple.v1+json"
FILES = [
    {"filename": "dlib-19.24.tar.gz", "url": "../../files/dlib-19.24.tar.gz", "hashes": {}},
    {"filename": "dlib-20.0-cp311-linux.whl", "url": "../../files/dlib-20.0-cp311-linux.whl", "hashes": {}},
]
PAGE = json.dumps({"meta": {"api-version": "1.0"}, "name": "dlib", "files": FILES})


class Index(BaseHTTPRequestHandler):
    """One package with one source archive. `busy` answers come first; `away` is where archives are, if not here."""

    server: IndexServer

    def do_GET(self) -> None:
        server = self.server
        server.asked.append((self.path, self.headers.get("Accept", ""), self.headers.get("Authorization")))
        if server.busy:
            self.answer(*server.busy.pop(0))
        elif server.away and self.path.startswith("/files/"):
            self.answer(302, {"Location": f"{server.away}{self.path}"})
        else:
            page = PAGE if self.headers.get("Accept") == JSON and not server.html else "<a href=x>x</a>"
            body = {"/simple/dlib/": page.encode(), "/files/dlib-19.24.tar.gz": ARCHIVE}.get(self.path)
            self.answer(200 if body else 404, {}, body or b"")

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """All of it."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class IndexServer(ThreadingHTTPServer):
    """What it was asked, and how it behaves."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Index)
        self.asked: list[tuple[str, str, str | None]] = []
        self.busy: list[tuple[int, dict[str, str]]] = []
        self.away = ""
        self.html = False
        self.host = f"127.0.0.1:{self.server_address[1]}"


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


class FetchTest(unittest.TestCase):
    """A small index on the loopback address."""

    def setUp(self) -> None:
        self.index = self.serve()
        self.target = Path(self.enterContext(tempfile.TemporaryDirectory())) / "sdist"
        self.choose(f"http://{self.index.host}/simple")

    def serve(self) -> IndexServer:
        """An index that answers."""
        server = self.enterContext(IndexServer())
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        self.addCleanup(server.shutdown)
        return server

    def choose(self, address: str) -> None:
        """What the environment says."""
        self.enterContext(mock.patch.dict("os.environ", {"PIP_INDEX_URL": address, "NO_PROXY": "127.0.0.1"}))

    def fetch(self) -> None:
        """The archive that is there."""
        fetch_sdist.fetch("dlib", "19.24", [sha256(ARCHIVE).hexdigest()], self.target)
        self.assertEqual(self.target.read_bytes(), ARCHIVE)

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

    def test_it_asks_for_json_and_an_index_without_it_is_named(self) -> None:
        self.fetch()
        self.assertEqual(self.index.asked[0][:2], ("/simple/dlib/", JSON))
        self.index.html = True
        with self.assertRaisesRegex(SystemExit, f"{self.index.host}/simple/dlib/ is no listing in JSON .PEP 691"):
            self.fetch()

    def test_a_login_goes_to_the_index_and_not_where_it_redirects_to(self) -> None:
        storage = self.serve()
        self.index.away = f"http://{storage.host}"
        self.choose(f"http://me:s%40fe@{self.index.host}/simple/")
        self.fetch()
        login = f"Basic {base64.b64encode(b'me:s@fe').decode()}"
        self.assertEqual([asked[2] for asked in self.index.asked], [login, login])
        self.assertEqual([asked[2] for asked in storage.asked], [None])

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl")
    def test_certificates_are_those_of_ssl_cert_file(self) -> None:
        key, certificate = self.target.with_name("key"), self.target.with_name("certificate")
        options = "-newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        command = ["openssl", "req", "-x509", *options.split(), "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.index.socket = context.wrap_socket(self.index.socket, server_side=True)
        self.choose(f"https://{self.index.host}/simple")
        with mock.patch("time.sleep"), self.assertRaisesRegex(SystemExit, "CERTIFICATE_VERIFY_FAILED"):
            self.fetch()
        with mock.patch.dict("os.environ", {"SSL_CERT_FILE": str(certificate)}):
            self.fetch()

    def test_a_busy_index_is_asked_again_and_a_refusal_is_not(self) -> None:
        self.index.busy = [(429, {"Retry-After": "7"}), (503, {"Retry-After": "86400"}), (500, {})]
        with mock.patch("time.sleep") as sleep:
            self.fetch()
            self.assertEqual([call.args[0] for call in sleep.mock_calls], [7, 120, 4])
            self.index.asked.clear()
            self.index.busy = [(403, {})]
            with self.assertRaisesRegex(SystemExit, "/simple/dlib/: HTTP Error 403"):
                self.fetch()
            self.assertEqual(len(self.index.asked), 1)
            self.index.busy = [(502, {})] * 5
            with self.assertRaisesRegex(SystemExit, "502"):
                self.fetch()
            self.assertEqual(len(self.index.asked), 6)


class DefaultIndexTest(unittest.TestCase):
    """Where nobody chose an index."""

    def test_it_is_pip_s_own(self) -> None:
        command = [sys.executable, "-m", "pip", "config", "list"]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            self.skipTest("there is no pip")
        with mock.patch.dict("os.environ", {"PIP_INDEX_URL": ""}):
            self.assertRegex(fetch_sdist.find_index(), r"^https://\S+/simple$")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "pip.conf")
            file.write_text("[global]\nindex-url = https://mirror.example/a/simple/\n")
            with mock.patch.dict("os.environ", {"PIP_INDEX_URL": "", "PIP_CONFIG_FILE": str(file)}):
                self.assertEqual(fetch_sdist.find_index(), "https://mirror.example/a/simple")


if __name__ == "__main__":
    unittest.main()
