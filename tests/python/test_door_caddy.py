"""The door with the real Caddy: what it lets through, what it keeps out, and how both end.

Needs Caddy, which tests/integration/door.test.ts builds, and the packages of the image's service.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from door_process import PASSWORD, TOKEN, Backend, Door, find_caddy, parse, read_answer

MISSING = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
WHY = (
    f"this Python lacks {', '.join(MISSING)}"
    if MISSING
    else "there is no Caddy: tests/integration/door.test.ts builds it"
)
READY = not MISSING and find_caddy() is not None
BEARER = f"Authorization: Bearer {TOKEN}"
PAGE = "Accept: text/html"


class Case(unittest.TestCase):
    """One door for all tests of a class."""

    environment: ClassVar[dict[str, str]] = {}
    backend: Backend
    door: Door

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.prepare(folder)
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.close)
        cls.door = Door(folder, cls.backend, **cls.environment)
        cls.addClassCleanup(cls.door.close)

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """What lies there before the start."""

    def log_in(self, **more: Any) -> str:
        """A cookie, by the login's form."""
        form = f"password={quote(PASSWORD)}&next=/there%3Fx=1"
        kind = "Content-Type: application/x-www-form-urlencoded"
        status, headers, _ = self.door.ask("POST /.strata-door/login", kind, body=form, **more)
        self.assertEqual((status, headers.get("location")), (303, "/there?x=1"))
        return headers["set-cookie"]

    def reached(self, *arguments: str, **more: Any) -> dict[str, Any]:
        """What the service got of a request that passes."""
        status, headers, content = self.door.ask(*arguments, **more)
        self.assertEqual((status, headers.get("x-reached")), (200, "1"), content)
        return dict(json.loads(content))


@unittest.skipUnless(READY, WHY)
class PassingTest(Case):
    def test_the_page_and_the_plain_refusal(self) -> None:
        status, headers, content = self.door.ask("GET /a?token=stale&b=1", PAGE)
        self.assertEqual(status, 401)
        self.assertIn('name="next" value="/a?b=1"', content)
        self.assertNotIn("www-authenticate", headers)
        self.assertIn("frame-ancestors 'none'", headers["content-security-policy"])
        status, headers, content = self.door.ask("GET /")
        self.assertEqual((status, headers["content-type"]), (401, "application/json"))
        self.assertIn("Basic", headers["www-authenticate"])
        self.assertNotIn("Basic", self.door.ask("GET /", "User-Agent: Mozilla/5.0")[1]["www-authenticate"])

    def test_log_in_and_out(self) -> None:
        cookie = self.log_in()
        self.assertRegex(cookie, r"^strata_auth_token=[\w.-]+; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax$")
        pair = f"Cookie: {cookie.partition(';')[0]}"
        self.reached("GET /", pair)
        self.assertIn("Log out", self.door.ask("GET /.strata-door/logout", pair)[2])
        self.reached("GET /", pair)
        self.assertEqual(self.door.ask("POST /.strata-door/logout", pair, "Origin: https://evil.example")[0], 403)
        status, headers, _ = self.door.ask("POST /.strata-door/logout", pair)
        self.assertEqual((status, headers["location"]), (303, "/"))
        self.assertIn("Max-Age=0", headers["set-cookie"])
        self.assertEqual(self.door.ask("GET /", pair)[0], 401)

    def test_a_wrong_form(self) -> None:
        for form in ("password=wrong", "", "password=", "password=%ff", "pass\xe9word=1", "&" * 100):
            status, headers, _ = self.door.ask("POST /.strata-door/login", body=form)
            self.assertIn(status, (400, 401), form)
            self.assertNotIn("set-cookie", headers)
        self.assertIn(self.door.ask("POST /.strata-door/login", body="x" * 20_000)[0], (413, 400))
        form = f"password={quote(PASSWORD)}&next=//evil.example"
        self.assertEqual(self.door.ask("POST /.strata-door/login", body=form)[1]["location"], "/evil.example")
        foreign = self.door.ask("POST /.strata-door/login", "Origin: https://evil.example", body=form)
        self.assertEqual(foreign[0], 403)

    def test_what_the_service_gets(self) -> None:
        cookie = self.log_in().partition(";")[0]
        seen = self.reached(
            "POST /p%2Fq//r?a=%20&b",
            f"Cookie: a=1; {cookie}",
            "Cookie: b={env.HOME}",
            "Authorization: Bearer {env.HOME}",
            "X-Forwarded-For: 6.6.6.6",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil.example",
            "X-Real-IP: 6.6.6.6",
            "CF-Connecting-IP: 6.6.6.6",
            "Forwarded: for=6.6.6.6",
            "Remote-User: root",
            "X-Strata-Site: 1",
            "X-Strata-Cookie: x",
            body="hello",
        )
        headers = {name.lower(): value for name, value in seen["headers"]}
        self.assertEqual(seen["line"], "POST /p%2Fq//r?a=%20&b HTTP/1.1")
        self.assertEqual(seen["body"], "hello")
        self.assertEqual(headers["cookie"], "a=1; b={env.HOME}")
        self.assertEqual(headers["authorization"], "Bearer {env.HOME}")
        self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(headers["x-forwarded-proto"], "http")
        self.assertEqual(headers["host"], "box")
        self.assertNotIn("6.6.6.6", json.dumps(seen))
        for name in (
            "remote-user",
            "forwarded",
            "x-real-ip",
            "x-strata-site",
            "x-strata-cookie",
            "x-strata-authorization",
        ):
            self.assertNotIn(name, headers)

    def test_nothing_of_the_door_reaches_the_service(self) -> None:
        basic = base64.b64encode(f"vastai:{PASSWORD}".encode()).decode()
        for header in (BEARER, f"Authorization: Basic {basic}", f"Cookie: {self.log_in().partition(';')[0]}"):
            headers = {name.lower() for name, _ in self.reached("GET /", header)["headers"]}
            self.assertFalse(headers & {"authorization", "cookie"}, header)

    def test_the_token_leaves_the_address(self) -> None:
        before = len(self.backend.seen)
        status, headers, _ = self.door.ask(f"GET /x?token={TOKEN}&y=1")
        self.assertEqual((status, headers["location"], headers["referrer-policy"]), (302, "/x?y=1", "no-referrer"))
        pair = headers["set-cookie"].partition(";")[0]
        self.assertEqual(self.door.ask(f"POST /x?token={TOKEN}", f"Cookie: {pair}", body="x")[0], 400)
        self.assertEqual(len(self.backend.seen), before)
        self.reached("GET /x?y=1", f"Cookie: {pair}")

    def websocket(self, *headers: str, path: str = "/ws") -> socket.socket:
        """Asks for one."""
        connection = self.door.connect()
        fixed = [f"GET {path} HTTP/1.1", "Host: box", "Connection: Upgrade", "Upgrade: websocket"]
        key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        connection.sendall("\r\n".join([*fixed, *key, *headers, "", ""]).encode())
        return connection

    def test_websockets_pass_and_silent_ones_stay(self) -> None:
        pair = f"Cookie: {self.log_in().partition(';')[0]}"
        for header in (pair, BEARER):
            with self.websocket(header) as connection:
                self.assertIn(b" 101 ", connection.recv(4096))
                time.sleep(3 if header == pair else 0)
                connection.sendall(b"ping")
                self.assertEqual(connection.recv(100), b"ping")
        self.assertNotIn(
            "timeout",
            json.dumps(json.loads((self.door.run / "caddy.json").read_text())["apps"])
            .replace("dial_timeout", "")
            .replace("response_header_timeout", ""),
        )

    def test_websockets_need_a_login_and_the_own_page(self) -> None:
        before = len(self.backend.seen)
        pair = f"Cookie: {self.log_in().partition(';')[0]}"
        for headers, status in (
            ([], 401),
            ([PAGE], 401),
            ([pair, "Origin: https://evil.example"], 403),
            ([pair, "Origin: http://box:81"], 403),
            ([pair, "Sec-Fetch-Site: same-site", "Origin: http://box"], 403),
        ):
            with self.websocket(*headers) as connection:
                found, said, _ = parse(connection.recv(4096))
                self.assertEqual((found, said["content-type"]), (status, "application/json"), headers)
        with self.websocket(pair, path=f"/ws?token={TOKEN}") as connection:
            self.assertEqual(parse(connection.recv(4096))[0], 400, "the service would log it")
        self.assertEqual(len(self.backend.seen), before)
        with self.websocket(pair, "Origin: http://box") as connection:
            self.assertIn(b" 101 ", connection.recv(4096))

    def test_a_stream_arrives_as_it_is_written(self) -> None:
        with self.door.connect() as connection:
            connection.sendall(f"GET /slow HTTP/1.1\r\nHost: box\r\n{BEARER}\r\n\r\n".encode())
            started = time.monotonic()
            data = b""
            while b"x\n\n" not in data and (part := connection.recv(4096)):
                data += part
            self.assertIn(b"x\n\n", data)
            self.assertLess(time.monotonic() - started, 1.0)

    def test_a_service_that_does_not_answer_yet(self) -> None:
        empty = self.door.empty
        self.assertEqual(self.door.ask("GET /", PAGE, where=empty)[0], 401, "who may not come in learns nothing")
        status, headers, content = self.door.ask("GET /", BEARER, PAGE, where=empty)
        self.assertEqual((status, headers["x-portal-placeholder"]), (503, "starting"))
        self.assertIn("Empty is starting", content)
        self.assertEqual(self.door.ask("GET /", BEARER, PAGE, "CF-Ray: 1", where=empty)[0], 200)
        status, headers, content = self.door.ask("GET /api", BEARER, "CF-Ray: 1", where=empty)
        self.assertEqual((status, headers["content-type"]), (503, "application/json"))
        self.assertEqual(self.door.ask("POST /api", BEARER, body="x", where=empty)[0], 503)
        self.assertEqual(self.door.ask("GET /busy", BEARER)[2], "busy", "a service's own answer to a program")
        self.assertIn("App is starting", self.door.ask("GET /busy", BEARER, PAGE)[2])

    def test_through_a_tunnel(self) -> None:
        described = json.loads((self.door.run / "door.json").read_text())["applications"][0]
        self.assertEqual(
            (described["label"], described["external_port"], described["scheme"]), ("App", self.door.port, "http")
        )
        where = described["tunnel_socket"]
        self.assertEqual(os.stat(where).st_mode & 0o777, 0o600)
        self.assertEqual(self.door.ask("GET /", where=where)[0], 401)
        self.assertIn("; Secure", self.log_in(where=where))
        seen = self.reached("GET /", BEARER, "CF-Connecting-IP: 192.0.2.7", "X-Forwarded-For: 6.6.6.6", where=where)
        headers = {name.lower(): value for name, value in seen["headers"]}
        self.assertEqual((headers["x-forwarded-for"], headers["x-forwarded-proto"]), ("192.0.2.7", "https"))
        self.assertEqual(self.reached("GET /", BEARER, where=where)["line"], "GET / HTTP/1.1")
        plain = self.door.ask(f"GET /x?token={TOKEN}", "X-Forwarded-Proto: http", where=where)
        self.assertEqual(plain[0], 308)
        self.assertTrue(plain[1]["location"].startswith("https://box/x"))


@unittest.skipUnless(READY, WHY)
class ClosedTest(Case):
    """Whatever is sent without a login, no service hears of it."""

    def setUp(self) -> None:
        self.before = len(self.backend.seen)

    def tearDown(self) -> None:
        self.assertEqual(self.backend.seen[self.before :], [])

    def test_paths(self) -> None:
        own = "/.strata-door"
        for path in (
            *(
                "/",
                "//",
                "/x",
                "/.well-known/acme-challenge/x",
                "/manifest.json",
                "/portal-resolver",
                "/healthz",
                "/ws",
            ),
            *(f"{own}/../x", f"{own}/%2e%2e/x", f"{own}/..%2fx", f"{own}/..;/x", f"{own}%2f..%2fx", f"{own}/./../x"),
            *(f"{own.upper()}/login/../x", f"{own}\\..\\x", f"/x{own}/login", f"{own}//x", f"{own}/login/x", f"{own}"),
            *(f"{own}/login?x", f"{own}/verify", f"{own}/starting", "/verify", "/own", "/starting", "/%2e%2e/%2e%2e/"),
            *("/%00", "/%0d%0aX:1", "/%zz", "/é", "/x#y", "/?token", "/?token=", f"/?x=token={TOKEN}", "*", "x", ""),
            *(f"http://box{own}/login/../../x", "http://box/", "http://127.0.0.1:1/", "https://box/", "ftp://box/"),
        ):
            for method in (
                "GET",
                "POST",
                "HEAD",
                "OPTIONS",
                "DELETE",
                "PROPFIND",
                "get",
                "CONNECT",
                "TRACE",
                "X" * 300,
            ):
                status = self.door.ask(f"{method} {path}", timeout=5)[0]
                self.assertNotIn(status, range(201, 400), (method, path))
                # What is asked of the server as a whole, Go's own library answers, with nothing.
                if status == 200 and (method, path) != ("OPTIONS", "*"):
                    self.assertIn(own, path.lower(), (method, path))

    def test_headers(self) -> None:
        for headers in (
            ["X-Strata-Purpose: own"],
            ["X-Strata-Purpose: starting"],
            ["X_Strata_Purpose: starting"],
            ["X-Strata-Site: 1", "X-Strata-Method: OPTIONS"],
            [f"X-Strata-Authorization: Bearer {TOKEN}"],
            [f"X-Strata-Uri: /?token={TOKEN}"],
            ["Connection: close, X-Strata-Purpose, X-Strata-Site, X-Strata-Uri, X-Strata-Method"],
            ["Connection: Cookie, Authorization"],
            ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
            ["Connection: Upgrade", "Upgrade: websocket"],
            ["Upgrade: TLS/1.0", "Connection: Upgrade"],
            ["X-HTTP-Method-Override: OPTIONS"],
            ["X-Original-URL: /.strata-door/login", "X-Rewrite-URL: /.strata-door/login"],
            ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"],
            ["Host: 127.0.0.1"],
            ["Host: localhost:1111", "Host: box"],
            ["Remote-User: root", "X-Remote-User: root", "X-Forwarded-User: root"],
            ["Authorization: Basic", "Authorization: Bearer"],
            [f"Authorization: Bearer x, Bearer {TOKEN}"],
            [f"Authorization:\tBearer\t{TOKEN}x"],
            [f"Proxy-Authorization: Bearer {TOKEN}"],
            ["Cookie: strata_auth_token=", "Cookie: strata_auth_token=."],
            [f"Cookie: strata_auth_token={TOKEN}"],
            ["Cookie: " + "strata_auth_token=9.9; " * 400],
            ["Expect: 100-continue"],
            ["Range: bytes=0-"],
            [f"X-Long: {'a' * 60_000}"],
        ):
            for line in ("GET /", "POST /prompt"):
                self.assertNotIn(self.door.ask(line, *headers, timeout=5)[0], range(101, 400), headers)

    def test_smuggled_requests(self) -> None:
        second = "GET /second HTTP/1.1\r\nHost: box\r\n\r\n"
        for head in (
            f"POST / HTTP/1.1\r\nHost: box\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}",
            f"POST / HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{second}",
            f"POST / HTTP/1.1\r\nHost: box\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{second}",
            f"POST / HTTP/1.1\r\nHost: box\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n{second}",
            f"GET / HTTP/1.1\r\nHost: box\r\n\r\n{second}{second}",
            f"GET / HTTP/1.0\r\n\r\n{second}",
            f"GET / HTTP/0.9\r\n\r\n{second}",
            "GET /\r\n\r\n",
            f"GET / HTTP/1.1\nHost: box\n\n{second}",
            f"GET / HTTP/1.1\r\nHost: box\r\nX: a\r\n b: c\r\n\r\n{second}",
            f"GET / HTTP/1.1\r\nHost: box\r\nX\x00: a\r\n\r\n{second}",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ):
            self.door.raw(head.encode("latin-1"), timeout=2)

    def test_random_requests(self) -> None:
        source = random.Random(int(os.environ.get("STRATA_TEST_SEED", "47")))
        pieces = [
            "/",
            ".",
            "..",
            "%2e",
            "%2f",
            "\\",
            "?",
            "token=",
            TOKEN[:-1],
            ".strata-door",
            "login",
            ";",
            "//",
            "#",
            "@",
        ]
        pieces += ["\t", "%00", "é", "{env.HOME}", "ws", ":", "http://", "box", "&", "=", "%", "*", "%252e"]
        names = [
            "Cookie",
            "Authorization",
            "X-Strata-Purpose",
            "Upgrade",
            "Connection",
            "Origin",
            "Accept",
            "Host",
            "TE",
        ]
        names += ["Transfer-Encoding", "Content-Length", "X-Forwarded-For", "Expect", "Sec-Fetch-Site", "Content-Type"]
        values = [
            "strata_auth_token=",
            "Bearer ",
            TOKEN[:-1],
            "Basic ",
            "own",
            "verify",
            "websocket",
            "h2c",
            "chunked",
            "0",
            "5",
        ]
        values += [
            "close",
            "text/html",
            "same-origin",
            ",",
            ";",
            " ",
            '"',
            "é",
            "100-continue",
            "X-Strata-Site",
            "{env.PATH}",
        ]
        methods = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "PROPFIND", "GET ", "\tGET", "G\xcbT"]
        for _ in range(400):
            target = "".join(source.choices(pieces, k=source.randrange(9)))
            lines = [
                f"{source.choice(names)}: {''.join(source.choices(values, k=source.randrange(5)))}"
                for _ in range(source.randrange(6))
            ]
            version = source.choice(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", ""])
            head = "\r\n".join(
                [f"{source.choice(methods)} {target} {version}", "Host: box", "Connection: close", *lines]
            )
            with self.door.connect(timeout=3) as connection:
                connection.sendall(f"{head}\r\n\r\n".encode("latin-1"))
                connection.shutdown(socket.SHUT_WR)
                status = parse(read_answer(connection))[0]
            if status in range(200, 400) and not head.startswith("OPTIONS * "):
                self.assertIn(".strata-door", target, head)

    def test_too_many_guesses(self) -> None:
        where = json.loads((self.door.run / "door.json").read_text())["applications"][0]["tunnel_socket"]
        guesser, owner = "CF-Connecting-IP: 198.51.100.1", "CF-Connecting-IP: 198.51.100.2"
        for number in range(10):
            self.assertEqual(
                self.door.ask("POST /.strata-door/login", guesser, body=f"password={number}", where=where)[0], 401
            )
        form = f"password={quote(PASSWORD)}"
        status, headers, content = self.door.ask("POST /.strata-door/login", guesser, body=form, where=where)
        self.assertEqual(status, 429)
        self.assertGreater(int(headers["retry-after"]), 500)
        self.assertIn("Too many wrong passwords", content)
        self.assertEqual(self.door.ask("POST /.strata-door/login", owner, body=form, where=where)[0], 303)
        self.assertEqual(self.door.ask(f"GET /?token={TOKEN}", guesser, where=where)[0], 302)

    def test_a_wrong_password_costs_nothing(self) -> None:
        started = time.process_time(), time.monotonic()
        for number in range(30):
            self.door.ask("GET /", f"Authorization: Bearer wrong-{number}")
        self.assertLess(time.monotonic() - started[1], 10, "no slow hash, however wrong")


@unittest.skipUnless(READY, WHY)
class OpenPortTest(Case):
    environment: ClassVar[dict[str, str]] = {
        "AUTH_EXCLUDE": "the port",
        "CADDY_CORS_ALLOWED_ORIGINS": "https://mine.example",
    }

    def test_one_port_is_open_and_the_other_is_not(self) -> None:
        self.assertEqual(self.reached("POST /", body="x")["body"], "x")
        self.assertEqual(self.door.ask("GET /", where=self.door.empty)[0], 401)
        self.assertIn(f"without a login: {self.door.port}", self.door.log())
        self.assertEqual(self.door.ask("POST /", "Origin: https://evil.example", body="x")[0], 403)

    def test_pages_of_a_named_origin_may_ask(self) -> None:
        mine, others = "Origin: https://mine.example", "Origin: https://mine.example.evil"
        asks = "Access-Control-Request-Method: POST"
        status, headers, _ = self.door.ask("OPTIONS /", mine, asks, where=self.door.empty)
        self.assertEqual((status, headers["access-control-allow-origin"]), (204, "https://mine.example"))
        status, headers, _ = self.door.ask("OPTIONS /", others, asks, where=self.door.empty)
        self.assertEqual(status, 401)
        self.assertNotIn("access-control-allow-origin", headers)
        status, headers, _ = self.door.ask("POST /", mine, "Sec-Fetch-Site: cross-site", body="x")
        self.assertEqual((status, headers["access-control-allow-origin"]), (200, "https://mine.example"))


@unittest.skipUnless(READY, WHY)
class EndTest(unittest.TestCase):
    """Each with a door of its own."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.backend = Backend()
        self.addCleanup(self.backend.close)

    def start(self, **environment: str) -> Door:
        """One."""
        door = Door(self.folder, self.backend, **environment)
        self.addCleanup(door.close)
        return door

    def make_pair(self) -> None:
        """For another name: people come by an address."""
        (self.folder / "etc").mkdir()
        pair = ["-keyout", str(self.folder / "etc/instance.key"), "-out", str(self.folder / "etc/instance.crt")]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command = ["openssl", "req", "-x509", *kind, *pair, "-subj", "/CN=jupyter.vast.ai", "-days", "2"]
        subprocess.run(command, check=True, capture_output=True)

    def expect_tls(self, door: Door) -> None:
        """TLS for whoever comes, by whatever name; without it one is sent there."""
        self.assertEqual(door.ask("GET /", tls=True)[0], 401)
        status, headers, _ = door.ask("GET /x?y=1")
        self.assertEqual((status, headers["location"]), (308, "https://box/x?y=1"))
        status, headers, _ = door.ask(f"GET /x?token={TOKEN}", tls=True)
        self.assertEqual(status, 302)
        self.assertTrue(headers["set-cookie"].endswith("; Secure"))
        pair = headers["set-cookie"].partition(";")[0]
        status, _, content = door.ask("GET /", f"Cookie: {pair}", tls=True)
        self.assertEqual(status, 200)
        self.assertEqual(dict(json.loads(content)["headers"])["X-Forwarded-Proto"], "https")

    @unittest.skipIf(shutil.which("openssl") is None, "there is no openssl")
    def test_tls_with_the_pair_of_the_boot(self) -> None:
        self.make_pair()
        door = self.start(ENABLE_HTTPS="true")
        self.expect_tls(door)
        served = ssl.get_server_certificate(("127.0.0.1", door.port))
        self.assertEqual(served.split(), (self.folder / "etc/instance.crt").read_text().split())

    def test_tls_without_a_pair(self) -> None:
        door = self.start(ENABLE_HTTPS="true")
        self.assertIn("Caddy makes a certificate", door.log())
        deadline = time.monotonic() + 20
        while not self.answers(door) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.expect_tls(door)

    def answers(self, door: Door) -> bool:
        """Whether it has its certificate by now: until then it ends the handshake with an alert."""
        try:
            return door.ask("GET /", tls=True)[0] != 0
        except ssl.SSLError:
            return False

    def test_both_end_together(self) -> None:
        door = self.start()
        caddy = door.caddy()
        door.process.send_signal(signal.SIGTERM)
        self.assertEqual(door.process.wait(10), 0)
        self.assertFalse(Path(f"/proc/{caddy}").exists())

    def test_without_caddy_the_service_ends(self) -> None:
        door = self.start()
        os.kill(door.caddy(), signal.SIGKILL)
        self.assertEqual(door.process.wait(10), 1)

    def test_without_the_service_caddy_lets_nobody_through_and_logs_no_secret(self) -> None:
        door = self.start()
        (door.run / "login.sock").unlink()
        for headers in ([BEARER], [], [PAGE]):
            self.assertEqual(door.ask(f"GET /?token={TOKEN}", *headers)[0], 502)
        self.assertEqual(self.backend.seen, [])
        self.assertIn("login.sock", door.log())
        for secret in (TOKEN, PASSWORD, "?token"):
            self.assertNotIn(secret, door.log())
        caddy = door.caddy()
        for file in ("cmdline", "environ"):
            content = Path(f"/proc/{caddy}/{file}").read_bytes()
            self.assertNotIn(TOKEN.encode(), content)
            self.assertNotIn(PASSWORD.encode(), content)
        door.process.kill()
        door.process.wait(10)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{caddy}/exe").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertFalse(Path(f"/proc/{caddy}/exe").exists(), "Caddy ends with the program that started it")

    def test_a_made_password_is_in_its_file_alone(self) -> None:
        door = self.start(STRATA_TOKEN="", WEB_PASSWORD="")
        made = (door.state / "password").read_text().strip()
        self.assertEqual(door.ask("GET /", f"Authorization: Bearer {made}")[0], 200)
        self.assertIn(str(door.state / "password"), door.log())
        self.assertNotIn(made, door.log())
        self.assertNotIn(made, (door.run / "caddy.json").read_text())
        self.assertEqual(os.stat(door.state).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(door.run / "login.sock").st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
