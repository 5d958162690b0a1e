"""Check 80 on a worker that goes wrong, one way at a time."""

from __future__ import annotations

import sys
import textwrap
import unittest
from typing import Any

from support import IMAGE, ServicesTestCase, load

from lib.png import read_png

# The entrypoint of an image with the worker: the SDK's interface, and a ComfyUI that computes what it is told to.
WORKER = """
import base64, json, os, struct, sys, zlib
from http.server import BaseHTTPRequestHandler, HTTPServer

FAULT = os.environ["FAULT"]
assert os.environ["STRATA_MODE"] == "worker" and "RUNPOD_WEBHOOK_GET_JOB" not in os.environ


def png(width, height, colour):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\\0" + bytes(colour) * width) * height)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def compute(job):
    if job["workflow"]["1"]["class_type"] == "NoSuchNode":
        if FAULT == "computes-anything":
            return {"status": "COMPLETED", "output": {}}
        other = " workflow.2.class_type: SaveImage" if FAULT == "refuses-all" else ""
        return {"status": "FAILED", "error": f"workflow.1.class_type: NoSuchNode{other}"}
    (sent,) = job["images"]
    assert job["workflow"]["1"]["inputs"]["image"] == sent["name"]
    if FAULT == "fails":
        return {"status": "FAILED", "error": "CUDA out of memory"}
    colour = (0x20, 0x40, 0x60) if FAULT == "not-inverted" else (0xDF, 0xBF, 0x9F)
    if FAULT.startswith("off-by-"):
        colour = (0xDF, 0xBF, 0x9F - int(FAULT[7:]))
    data = b"text" if FAULT == "no-picture" else png(64, 12 if FAULT == "small" else 48, colour)
    image = {"filename": "strata-smoke_00001_.png", "data": base64.b64encode(data).decode()}
    return {"status": "COMPLETED", "output": {"images": [image] * (2 if FAULT == "two" else 1)}}


class Handler(BaseHTTPRequestHandler):
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(500 if FAULT == "broken" and self.command == "POST" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({})

    def do_POST(self):
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        if FAULT == "ends":
            os._exit(1)
        self.answer(compute(job))

    def log_message(self, *_):
        pass


if FAULT == "no-worker":
    print("this image has no worker")
    sys.exit(2)
HTTPServer(("127.0.0.1", int(os.environ["STRATA_WORKER_PORT"])), Handler).serve_forever()
"""


class RunpodTest(ServicesTestCase):
    """Each test names a fault of WORKER and says which results are not a pass."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "entrypoint").write_text(f"#!{sys.executable}\n{textwrap.dedent(WORKER)}")

    def wrong(self, fault: str) -> dict[str, str]:
        """Reason by step of what did not pass."""
        results = self.run_check("80", fault, IMAGE, {"RUNPOD_WEBHOOK_GET_JOB": "https://example.org/job-take/$ID"})
        return {name: result["reason"] for name, result in results.items() if result["status"] != "pass"}

    def expect(self, fault: str, step: str, reason: str) -> None:
        """One step that fails for a reason."""
        found = self.wrong(fault)
        self.assertEqual(list(found), [step], found)
        self.assertIn(reason, found[step])

    def test_without_a_fault(self) -> None:
        results: dict[str, Any] = self.run_check("80", "")
        self.assertEqual({name: result["status"] for name, result in results.items()}, dict.fromkeys(results, "pass"))
        self.assertEqual(list(results), ["start", "job", "refusal"])

    def test_a_worker_that_does_not_start(self) -> None:
        self.expect("no-worker", "start", "exit status 2")

    def test_pictures_that_are_wrong(self) -> None:
        self.expect("not-inverted", "job", "(32, 64, 96)")
        self.expect("small", "job", "64x12")
        self.expect("two", "job", "expected a picture")
        self.expect("no-picture", "job", "not a PNG")

    def test_a_colour_that_is_cut_instead_of_rounded(self) -> None:
        self.assertEqual(self.wrong("off-by-1"), {})
        self.expect("off-by-2", "job", "64x48 in (223, 191, 157)")
        self.expect("off-by-60", "job", "64x48 in (223, 191, 99)")

    def test_jobs_that_fail(self) -> None:
        self.expect("fails", "job", "CUDA out of memory")
        self.assertIn("answered 500", self.wrong("broken")["job"])
        self.assertEqual(set(self.wrong("ends")), {"job", "refusal"})

    def test_refusals_that_are_none(self) -> None:
        self.expect("computes-anything", "refusal", "expected a refusal")
        self.expect("refuses-all", "refusal", "node 1 alone")

    def test_the_picture_that_is_sent(self) -> None:
        module = load("80")
        content = module.base64.b64decode(module.PICTURE.split(",")[1])
        picture = read_png(content)
        self.assertEqual((picture.width, picture.height, picture.colours()), (16, 12, {module.COLOUR}))


if __name__ == "__main__":
    unittest.main()
