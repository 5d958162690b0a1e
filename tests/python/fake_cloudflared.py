"""cloudflared in small: takes the same options, and writes what version 2026.8.2 wrote here when it was built from its source
(github.com/cloudflare/cloudflared at d1df7985: cmd/cloudflared/tunnel/quick_tunnel.go, cmd/cloudflared/tunnel/cmd.go,
connection/observer.go, metrics/metrics.go), run against a stand-in of api.trycloudflare.com. The refusal is also that of issue 972 there.

FOLDER/behaviour says what Cloudflare does: ok, limited, offline, blocked, silent, dies. FOLDER/started.jsonl gets each start.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

NO_TUNNEL = """You did not specify any valid additional argument to the cloudflared tunnel command.

If you are trying to run a Quick Tunnel then you need to explicitly pass the --url flag.
Eg. cloudflared tunnel --url localhost:8080/.
"""
WORDS = ["calm", "stone", "river", "amber", "quiet", "maple", "silver", "cedar", "ocean", "lunar"]


def log(level: str, message: str, **fields: Any) -> None:
    """A line as zerolog writes it, with --output json."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"level": level, **fields, "message": message, "time": now}), file=sys.stderr, flush=True)


def box(*lines: str) -> None:
    """As asciiBox of cmd/cloudflared/cliutil/logger.go."""
    width = max(map(len, lines))
    border = "+" + "-" * (width + 4) + "+"
    for line in (border, *(f"|  {text.ljust(width)}  |" for text in lines), border):
        log("info", line)


def options() -> argparse.Namespace:
    """Those that are used here; another one is none, as for the real one."""
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("command", choices=["tunnel"])
    for name in ("--config", "--url", "--unix-socket", "--metrics", "--protocol", "--output", "--grace-period"):
        parser.add_argument(name)
    parser.add_argument("--no-autoupdate", action="store_true")
    words = sys.argv[1:]
    run = words[-1] == "run"
    found = parser.parse_args(words[:-1] if run else words)
    found.run = run
    return found


def note_start(given: argparse.Namespace) -> None:
    """For the tests: with what it was started."""
    entry = {"arguments": sys.argv[2:], "environment": sorted(os.environ), "config": given.config, "time": time.time()}
    with (given.folder / "started.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def quick(given: argparse.Namespace, behaviour: str) -> list[dict[str, Any]]:
    """Asks for a quick tunnel; what it leads to."""
    if given.url is None:
        # cmd.go: shouldRunQuickTunnel is about --url alone.
        sys.exit(NO_TUNNEL)
    rules = yaml.safe_load(Path(given.config).read_text())["ingress"] if given.config else []
    if not rules and given.unix_socket:
        sys.exit("--unix-socket must be used exclusively.")
    log("info", "Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to …")
    log("info", "Requesting new quick Tunnel on trycloudflare.com...")
    if behaviour == "silent":
        time.sleep(60)
    if behaviour == "limited":
        wrong = "invalid character 'e' looking for beginning of value"
        what = "Error unmarshaling QuickTunnel response: error code: 1015"
        log("error", what, error=wrong, status_code="429 Too Many Requests")
        sys.exit(f"failed to unmarshal quick Tunnel: {wrong}")
    if behaviour == "offline":
        lookup = "dial tcp: lookup api.trycloudflare.com on 127.0.0.11:53: no such host"
        sys.exit(f'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": {lookup}')
    name = "-".join(random.sample(WORDS, 3))
    box(
        "Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):",
        f"https://{name}.trycloudflare.com",
    )
    return rules


def named() -> list[dict[str, Any]]:
    """Reads the token as ParseToken does; the rules come from Cloudflare."""
    try:
        token = json.loads(base64.b64decode(os.environ.get("TUNNEL_TOKEN", ""), validate=True))
    except (binascii.Error, ValueError):
        print("Provided Tunnel token is not valid.\nSee 'cloudflared tunnel run --help'.", file=sys.stderr, flush=True)
        sys.exit(255)
    log("info", "Environmental variables map[TUNNEL_TOKEN:*****]")
    return token["ingress"]


def note_origin(folder: Path, rules: list[dict[str, Any]]) -> None:
    """What somebody without a login gets through the tunnel, where there is a door behind its socket."""
    path = rules[0]["service"].removeprefix("unix:") if rules else ""
    if not os.path.exists(path):
        return
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(10)
        door.connect(path)
        door.sendall(
            b"GET / HTTP/1.1\r\nHost: calm-stone-river.trycloudflare.com\r\nCf-Ray: 8f\r\nConnection: close\r\n\r\n"
        )
        (folder / "origin").write_bytes(door.recv(65536).split(b"\r\n")[0])


def serve_metrics(address: str, rules: list[dict[str, Any]]) -> None:
    """/config, as newMetricsHandler has it."""

    class Handler(BaseHTTPRequestHandler):
        """Of metrics/metrics.go."""

        def do_GET(self) -> None:
            ingress = [{"hostname": "", "path": None, "Handlers": None, **rule} for rule in rules]
            body = json.dumps({"version": 3, "config": {"ingress": ingress, "warp-routing": {}}}).encode()
            self.send_response(200 if self.path == "/config" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    host, port = address.split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    log("info", f"Starting metrics server on {host}:{server.server_port}/metrics")
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    """Until it is told to end."""
    given = options()
    behaviour = (given.folder / "behaviour").read_text().strip()
    note_start(given)
    rules = named() if given.run else quick(given, behaviour)
    serve_metrics(given.metrics or "localhost:0", rules)
    if behaviour == "blocked":
        refused = "DialContext error: dial tcp 198.41.192.7:7844: i/o timeout"
        log("error", "Unable to establish connection with Cloudflare edge", connIndex=0, error=refused, event=0)
        log("error", "Serve tunnel error", connIndex=0, error=refused, event=0, ip="198.41.192.7")
    else:
        note_origin(given.folder, rules)
        log("info", "Registered tunnel connection", connIndex=0, event=0, location="fra03", protocol="http2")
    ended = threading.Event()

    def end(number: int, _: object) -> None:
        log("info", f"Initiating graceful shutdown due to signal {'terminated' if number == 15 else 'interrupt'} ...")
        ended.set()

    signal.signal(signal.SIGTERM, end)
    ended.wait(0.2 if behaviour == "dies" else None)
    log("info", "Unregistered tunnel connection", connIndex=0, event=0, ip="198.41.192.7")
    log("info", "Tunnel server stopped")
    log("info", "Metrics server stopped")


if __name__ == "__main__":
    main()
