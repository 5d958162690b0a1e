"""llama-server in small: it listens where its own variables say, and tells what it was started with.

How it reads them, and that `/health` needs a key behind a prefix, was read in llama.cpp (common/arg.cpp and
tools/server/server-http.cpp of the version that locks/sources.json pins).
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = os.environ.get("LLAMA_ARG_API_PREFIX", "")
KEY = os.environ.get("LLAMA_API_KEY")


class Handler(BaseHTTPRequestHandler):
    """`/health`, and `/props` with what the tests want to know."""

    def do_GET(self) -> None:
        is_open = not KEY or self.path == "/health" or self.headers.get("Authorization") == f"Bearer {KEY}"
        known = {f"{PREFIX}/health": {"status": "ok"}, f"{PREFIX}/props": {"model_path": json.dumps(dict(os.environ))}}
        status = 401 if not is_open else 200 if self.path in known else 404
        body = json.dumps(known.get(self.path, {})).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer((os.environ["LLAMA_ARG_HOST"], int(os.environ["LLAMA_ARG_PORT"])), Handler).serve_forever()
