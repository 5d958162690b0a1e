"""What the door decides, without a server: applications, credentials, sessions, tries, origins, verdicts."""

from __future__ import annotations

import base64
import json
import random
import stat
import tempfile
import unittest
from pathlib import Path
from typing import Any

import support  # noqa: F401 - the layers' Python on the path

from strata_door.applications import ConfigurationError, doors, may_listen, parse_applications, read_portal
from strata_door.credentials import choose_credentials, digest, keep_secret
from strata_door.judge import Answer, Door, judge
from strata_door.sessions import LIFETIME, Sessions, cookie_name, set_cookie, split_cookies
from strata_door.settings import load_settings
from strata_door.tries import MOST_OF_ALL, MOST_OF_ONE, MOST_SOURCES, WINDOW, Tries, source_of
from strata_door.visit import Visit, is_foreign, local_place

TOKEN = "0123456789abcdef-token"
PASSWORD = "päss wörd"
COOKIE = "strata_auth_token"


def visit(method: str = "GET", uri: str = "/", *headers: tuple[str, str], **more: str) -> Visit:
    """A request as Caddy tells of it."""
    told = {
        "x-strata-site": "8188",
        "x-strata-method": method,
        "x-strata-uri": uri,
        "x-strata-host": "box:8188",
        "x-strata-scheme": "http",
        "x-strata-client": "192.0.2.1",
        "x-strata-outer-host": "",
        "x-strata-outer-scheme": "",
        "x-strata-upgrade": "",
        **{f"x-strata-{name.replace('_', '-')}": value for name, value in more.items()},
    }
    pairs = [*told.items(), *headers]
    return Visit.read((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs)


def door(folder: Path, **more: Any) -> Door:
    """With a token and a password of a person's."""
    chosen = choose_credentials({"STRATA_TOKEN": TOKEN, "WEB_PASSWORD": PASSWORD, "WEB_USERNAME": "me"}, folder)
    return Door(chosen.credentials, COOKIE, sessions=Sessions(chosen.credentials.key), **more)


def basic(user: str, password: str) -> tuple[str, str]:
    """The header."""
    return "authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class ApplicationsTest(unittest.TestCase):
    def entry(self, external: object, internal: object, hostname: object = "localhost") -> dict[str, object]:
        return {"hostname": hostname, "external_port": external, "internal_port": internal, "open_path": "/"}

    def test_the_first_with_another_port_inside_gets_the_door(self) -> None:
        given = {
            "Portal": self.entry(1111, 11111),
            "Own": self.entry(8080, 8080),
            "Jupyter": self.entry("8080", "18080"),
            "Terminal": self.entry(8080, 28080),
        }
        found = list(doors(parse_applications({"applications": given})))
        self.assertEqual(
            [(each.label, each.upstream) for each in found],
            [
                ("Portal", "127.0.0.1:11111"),
                ("Jupyter", "127.0.0.1:18080"),
            ],
        )

    def test_yaml_and_json(self) -> None:
        text = "applications:\n  A:\n    hostname: localhost\n    external_port: 1\n    internal_port: 2\n"
        self.assertEqual(read_portal(text), read_portal(json.dumps({"applications": {"A": self.entry(1, 2)}})))
        for broken in ("", "[]", "applications: 3", "applications: {A: 1}", "a: [", "applications: {A: {}}"):
            with self.assertRaises(ConfigurationError, msg=broken):
                read_portal(broken)

    def test_ports_and_hosts_that_are_none(self) -> None:
        for port in (0, 65536, -1, "80 ", "1e3", True, None, "٣", 8.5, "0x50"):
            with self.assertRaises(ConfigurationError, msg=repr(port)):
                parse_applications({"applications": {"A": self.entry(port, 2)}})
        for host in ("a b", "unix//x", "{env.HOME}", "a/b", "a:b@c", "é"):
            with self.assertRaises(ConfigurationError, msg=host):
                parse_applications({"applications": {"A": self.entry(1, 2, host)}})
        ipv6 = parse_applications({"applications": {"A": self.entry(1, 2, "::1")}})[0]
        self.assertEqual(ipv6.upstream, "[::1]:2")

    def test_who_may_listen(self) -> None:
        self.assertTrue(may_listen(8188, {}))
        self.assertTrue(may_listen(8188, {"VAST_TCP_PORT_8188": "40000"}))
        self.assertFalse(may_listen(8188, {"VAST_TCP_PORT_1111": "40000"}))
        self.assertFalse(may_listen(8188, {"VAST_CONTAINERLABEL": "C.1"}))
        self.assertTrue(may_listen(8188, {"VAST_CONTAINERLABEL": "C.1", "RUNPOD_TCP_PORT_8188": "1"}))
        self.assertTrue(may_listen(8188, {"RUNPOD_POD_ID": "x"}))


class CredentialsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_password_is_made_once_where_nobody_gave_one_and_no_message_has_it(self) -> None:
        first = choose_credentials({}, self.folder)
        made = (self.folder / "password").read_text().strip()
        self.assertGreaterEqual(len(made), 40)
        self.assertEqual(stat.S_IMODE((self.folder / "password").stat().st_mode), 0o600)
        self.assertTrue(first.credentials.is_strong(digest(made)))
        self.assertIn(str(self.folder / "password"), first.messages[0])
        self.assertNotIn(made, "".join(first.messages))
        self.assertEqual(choose_credentials({}, self.folder).credentials, first.credentials)

    def test_no_file_where_there_is_one(self) -> None:
        for given in ({"WEB_PASSWORD": "x"}, {"OPEN_BUTTON_TOKEN": TOKEN}, {"STRATA_TOKEN": TOKEN}):
            choose_credentials(given, self.folder)
        self.assertFalse((self.folder / "password").exists())

    def test_a_placeholder_opens_nothing(self) -> None:
        chosen = choose_credentials({"OPEN_BUTTON_TOKEN": "1"}, self.folder)
        self.assertFalse(chosen.credentials.is_strong(digest("1")))
        self.assertFalse(chosen.credentials.is_weak(digest("1")))
        self.assertTrue((self.folder / "password").exists())

    def test_an_empty_password_is_none(self) -> None:
        chosen = choose_credentials({"WEB_PASSWORD": "", "OPEN_BUTTON_TOKEN": TOKEN}, self.folder)
        self.assertIsNone(chosen.credentials.weak)
        self.assertFalse(chosen.credentials.is_weak(digest("")))

    def test_another_password_ends_all_sessions(self) -> None:
        keys = {choose_credentials({"WEB_PASSWORD": text}, self.folder).credentials.key for text in ("a", "b", "a")}
        self.assertEqual(len(keys), 2)

    def test_a_file_that_is_cut_or_others_is_made_anew(self) -> None:
        file = self.folder / "password"
        file.write_text("short\n")
        self.assertGreater(len(keep_secret(file)), 40)
        file.write_bytes(b"\xff" * 64)
        self.assertGreater(len(keep_secret(file)), 40)


class SessionsTest(unittest.TestCase):
    def test_lives_as_long_as_it_says(self) -> None:
        sessions = Sessions(b"key")
        value = sessions.make(1000)
        self.assertTrue(sessions.is_valid(value, 1000 + LIFETIME - 1))
        self.assertFalse(sessions.is_valid(value, 1000 + LIFETIME))
        self.assertFalse(Sessions(b"other").is_valid(value, 1000))

    def test_no_changed_value_is_valid(self) -> None:
        sessions = Sessions(b"key")
        value = sessions.make(1000)
        for index in range(len(value)):
            for other in ("0", "9", ".", "é"):
                changed = value[:index] + other + value[index + 1 :]
                if changed != value:
                    self.assertFalse(sessions.is_valid(changed, 1000), changed)
        for odd in ("", ".", "..", value + "0", value[:-1], "9" * 150, value.upper(), f" {value}", f'"{value}"'):
            self.assertFalse(sessions.is_valid(odd, 1000), odd)

    def test_logging_out_ends_it(self) -> None:
        sessions = Sessions(b"key")
        one, other = sessions.make(), sessions.make()
        sessions.end(one)
        sessions.end("nonsense")
        self.assertFalse(sessions.is_valid(one))
        self.assertTrue(sessions.is_valid(other))

    def test_who_has_logged_out_stays_out_after_a_restart(self) -> None:
        file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "ended"
        sessions = Sessions(b"key", file)
        one, other = sessions.make(), sessions.make()
        sessions.end(one)
        again = Sessions(b"key", file)
        self.assertEqual((again.is_valid(one), again.is_valid(other)), (False, True))
        file.write_bytes(b"\xff\x00")
        self.assertTrue(Sessions(b"key", file).is_valid(other), "a broken file breaks nothing")

    def test_cookies_are_told_apart_by_their_whole_name(self) -> None:
        headers = [f"x{COOKIE}=1; {COOKIE}x=2; {COOKIE}=3; a={COOKIE}=4", f"{COOKIE.upper()}=5; {COOKIE} =6;{COOKIE}"]
        ours, others = split_cookies(headers, COOKIE)
        self.assertEqual(ours, ["3"])
        self.assertEqual(others, f"x{COOKIE}=1; {COOKIE}x=2; a={COOKIE}=4; {COOKIE.upper()}=5; {COOKIE} =6; {COOKIE}")

    def test_the_header(self) -> None:
        self.assertEqual(set_cookie("n", "v", True), "n=v; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure")
        self.assertNotIn("Secure", set_cookie("n", "v", False))
        self.assertIn("Max-Age=0", set_cookie("n", "", False))
        self.assertEqual(cookie_name({"VAST_CONTAINERLABEL": "C.12"}), "C.12_auth_token")
        self.assertEqual(cookie_name({"VAST_CONTAINERLABEL": "a;b\r\n=c"}), "abc_auth_token")
        self.assertEqual(cookie_name({}), COOKIE)


class TriesTest(unittest.TestCase):
    def test_ten_different_ones_and_then_a_wait_that_ends(self) -> None:
        tries = Tries()
        for number in range(MOST_OF_ONE):
            self.assertEqual(tries.wait("a", number), 0)
            tries.fail("a", digest(str(number)), number)
        self.assertAlmostEqual(tries.wait("a", 20), WINDOW - 20)
        self.assertEqual(tries.wait("b", 20), 0, "somebody else's")
        for _ in range(100):
            tries.fail("a", digest("more"), 30)
        self.assertEqual(tries.wait("a", WINDOW + 1), 0, "tries while it waits make it no longer")

    def test_the_same_one_again_is_no_guess(self) -> None:
        tries = Tries()
        for number in range(1000):
            tries.fail("a", digest("old"), number * 0.001)
        self.assertEqual(tries.wait("a", 1), 0)

    def test_a_try_is_forgotten_in_its_time_however_often_it_comes_again(self) -> None:
        tries = Tries()
        for number in range(MOST_OF_ONE):
            tries.fail("a", digest(str(number)), 0)
            tries.fail("a", digest(str(number)), WINDOW - 1)
        self.assertEqual(tries.wait("a", WINDOW), 0)

    def test_from_everywhere_strangers_wait_and_who_was_in_does_not(self) -> None:
        tries = Tries()
        tries.succeed("home")
        for number in range(MOST_OF_ALL):
            tries.fail(f"s{number}", digest("x"), 1)
        self.assertGreater(tries.wait("new", 2), 0)
        self.assertEqual(tries.wait("home", 2), 0)

    def test_it_remembers_no_more_than_it_should(self) -> None:
        tries = Tries()
        for number in range(MOST_SOURCES + 50):
            tries.fail(f"s{number}", digest(str(number)), 1)
            tries.succeed(f"t{number}")
        self.assertLessEqual(len(tries._failed), MOST_SOURCES)
        self.assertLessEqual(len(tries._known), MOST_SOURCES)
        self.assertLessEqual(len(tries._all), MOST_OF_ALL)

    def test_places(self) -> None:
        self.assertEqual(source_of("192.0.2.1"), "192.0.2.1")
        self.assertEqual(source_of("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(source_of("2001:db8::1"), source_of("2001:db8::ffff"))
        self.assertNotEqual(source_of("2001:db8::1"), source_of("2001:db8:1::1"))
        self.assertEqual(source_of("x" * 10_000), "unknown")


class ForeignTest(unittest.TestCase):
    def test_what_a_browser_says_counts(self) -> None:
        for method, headers, foreign in (
            ("POST", {"sec-fetch-site": "same-origin"}, False),
            ("POST", {"sec-fetch-site": "none"}, False),
            ("POST", {"sec-fetch-site": "same-site"}, True),
            ("POST", {"sec-fetch-site": "cross-site"}, True),
            ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True),
            ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
            ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
            ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, True),
            # A proxy changes the host; the browser knows better.
            ("POST", {"sec-fetch-site": "same-origin", "origin": "https://pod-8188.proxy.example"}, False),
        ):
            self.assertEqual(is_foreign(visit(method, "/", *headers.items())), foreign, (method, headers))
        odd = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
        self.assertTrue(is_foreign(visit("GET", "/ws", *odd, upgrade="websocket")), "nobody navigates to a websocket")

    def test_of_older_browsers_the_origin_counts(self) -> None:
        for origin, foreign in (
            ("http://box:8188", False),
            ("http://BOX:8188", False),
            ("http://box:8189", True),
            ("http://box", True),
            ("http://box:8188.evil.example", True),
            ("http://evil.example/box:8188", True),
            ("http://box:8188@evil.example", True),
            ("null", True),
            ("file://", True),
            ("http://[", True),
        ):
            for method, upgrade in (("POST", ""), ("DELETE", ""), ("GET", "websocket"), ("GET", "")):
                found = is_foreign(visit(method, "/", ("origin", origin), upgrade=upgrade))
                self.assertEqual(found, foreign, (origin, method, upgrade))
        twice = [("origin", "http://box:8188"), ("origin", "http://evil.example")]
        self.assertTrue(is_foreign(visit("POST", "/", *twice)))

    def test_hosts_with_a_usual_port_and_behind_a_proxy(self) -> None:
        self.assertFalse(is_foreign(visit("POST", "/", ("origin", "https://box"), host="box:443")))
        self.assertFalse(is_foreign(visit("POST", "/", ("origin", "https://box:443"), host="box")))
        self.assertTrue(is_foreign(visit("POST", "/", ("origin", "https://box"), host="box:80")))
        self.assertFalse(is_foreign(visit("POST", "/", ("origin", "https://p.example"), outer_host="p.example")))

    def test_programs_say_neither(self) -> None:
        self.assertFalse(is_foreign(visit("POST")))
        self.assertFalse(is_foreign(visit("GET", upgrade="websocket")))

    def test_origins_that_the_owner_named(self) -> None:
        headers = [("origin", "https://mine.example"), ("sec-fetch-site", "cross-site")]
        self.assertFalse(is_foreign(visit("POST", "/", *headers), frozenset({"https://mine.example"})))
        self.assertTrue(is_foreign(visit("POST", "/", *headers), frozenset({"https://mine.example:1"})))


class JudgeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.door = door(Path(self.enterContext(tempfile.TemporaryDirectory())))

    def judge(self, *arguments: Any, **more: str) -> Any:
        return judge(visit(*arguments, **more), self.door)

    def cookie(self) -> tuple[str, str]:
        return "cookie", f"{COOKIE}={self.door.sessions.make()}"

    def test_each_way_in(self) -> None:
        for header in (
            self.cookie(),
            ("authorization", f"Bearer {TOKEN}"),
            ("authorization", f"bearer  {TOKEN} "),
            basic("me", TOKEN),
            basic("me", PASSWORD),
        ):
            self.assertIs(self.judge("GET", "/", header).answer, Answer.PASS, header)
        bearer = "authorization", f"Bearer {PASSWORD}".encode().decode("latin-1")
        self.assertIs(self.judge("GET", "/", bearer).answer, Answer.PASS)

    def test_no_way_in(self) -> None:
        value = self.door.sessions.make()
        for headers in (
            [],
            [("cookie", f"{COOKIE}={TOKEN}")],
            [("cookie", f"x{COOKIE}={value}")],
            [("cookie", f"{COOKIE}x={value}")],
            [("cookie", f"{COOKIE}%20={value}")],
            [("cookie", f"a={COOKIE}={value}")],
            [("cookie", f"{COOKIE.title()}={value}")],
            [("authorization", f"Bearer {TOKEN}x")],
            [("authorization", f"Bearer {TOKEN[:-1]}")],
            [("authorization", "Bearer")],
            [("authorization", TOKEN)],
            [("authorization", f"Token {TOKEN}")],
            [basic("you", PASSWORD)],
            [basic("me", "")],
            [basic("", PASSWORD)],
            [("authorization", f"Basic {TOKEN}")],
            [("authorization", "Basic !!!")],
            [("x-strata-authorization", f"Bearer {TOKEN}")],
            [("remote-user", "me")],
        ):
            self.assertIs(self.judge("GET", "/", *headers).answer, Answer.LOGIN, headers)
        twice = [("authorization", "Bearer x"), ("authorization", f"Bearer {TOKEN}")]
        self.assertIs(self.judge("GET", "/", *twice).answer, Answer.BAD)

    def test_the_service_gets_what_is_not_the_doors(self) -> None:
        cookie = self.cookie()
        mixed = "cookie", f"a=1; {cookie[1]}; b=2"
        verdict = self.judge("GET", "/", mixed, ("authorization", "Bearer of-the-service"))
        self.assertEqual(
            verdict.headers, {"X-Strata-Cookie": "a=1; b=2", "X-Strata-Authorization": "Bearer of-the-service"}
        )
        for own in (("authorization", f"Bearer {TOKEN}"), basic("me", PASSWORD)):
            verdict = self.judge("GET", "/", cookie, own)
            self.assertEqual(verdict.headers, {"X-Strata-Cookie": "", "X-Strata-Authorization": ""}, own)

    def test_a_service_with_a_login_of_its_own(self) -> None:
        self.door = Door(**{**vars(self.door), "own_logins": {8188: "Bearer inner"}})
        verdict = self.judge("GET", "/", self.cookie())
        self.assertEqual(verdict.headers["X-Strata-Authorization"], "Bearer inner")
        verdict = self.judge("GET", "/", self.cookie(), ("authorization", "Bearer mine"))
        self.assertEqual(verdict.headers["X-Strata-Authorization"], "Bearer mine")
        self.assertEqual(self.judge("GET", "/", self.cookie(), site="8000").headers["X-Strata-Authorization"], "")

    def test_a_token_leaves_the_address_at_once(self) -> None:
        for uri, place in (
            (f"/?token={TOKEN}", "/"),
            (f"/a/b?x=1&token={TOKEN}&y=%20", "/a/b?x=1&y=%20"),
            (f"/?%74oken={TOKEN}", "/"),
            (f"/?token=wrong&token={TOKEN}", "/"),
            (f"//evil.example/?token={TOKEN}", "/evil.example/"),
            (f"/\\evil.example/?token={TOKEN}", "/evil.example/"),
            (f"///?token={TOKEN}", "/"),
        ):
            verdict = self.judge("GET", uri)
            self.assertEqual((verdict.answer, verdict.text), (Answer.REDIRECT, place), uri)
            value = verdict.headers["Set-Cookie"].split(";")[0].partition("=")[2]
            self.assertTrue(self.door.sessions.is_valid(value))
            self.assertNotIn(TOKEN, verdict.headers["Set-Cookie"])
        for method, upgrade in (("POST", ""), ("DELETE", ""), ("GET", "websocket")):
            verdict = self.judge(method, f"/?token={TOKEN}", self.cookie(), upgrade=upgrade)
            self.assertIs(verdict.answer, Answer.BAD, "or the service would log it")
        self.assertIs(self.judge("GET", f"/?xtoken={TOKEN}").answer, Answer.LOGIN)
        self.assertIs(self.judge("GET", f"/#?token={TOKEN}"[:2]).answer, Answer.LOGIN)
        # A service's own parameter of that name is the service's.
        self.assertIs(self.judge("GET", "/?token=inner", self.cookie()).answer, Answer.PASS)

    def test_secure_where_the_browser_speaks_tls(self) -> None:
        for more, secure in (
            ({}, False),
            ({"scheme": "https"}, True),
            ({"scheme": "tunnel"}, True),
            ({"outer_scheme": "https"}, True),
        ):
            verdict = judge(visit("GET", f"/?token={TOKEN}", **more), self.door)
            self.assertEqual("Secure" in verdict.headers["Set-Cookie"], secure, more)

    def test_others_pages_get_nothing_done(self) -> None:
        foreign = "origin", "https://evil.example"
        self.assertIs(self.judge("POST", "/prompt", self.cookie(), foreign).answer, Answer.FOREIGN)
        self.assertIs(self.judge("POST", "/prompt", basic("me", PASSWORD), foreign).answer, Answer.FOREIGN)
        self.assertIs(self.judge("GET", "/ws", self.cookie(), foreign, upgrade="websocket").answer, Answer.FOREIGN)
        bearer = "authorization", f"Bearer {TOKEN}"
        self.assertIs(
            self.judge("POST", "/prompt", bearer, foreign).answer, Answer.PASS, "no browser adds it by itself"
        )
        self.assertIs(self.judge("POST", "/prompt", bearer, self.cookie(), foreign).answer, Answer.FOREIGN)

    def test_an_open_port_is_open_to_programs_and_not_to_others_pages(self) -> None:
        self.door = Door(**{**vars(self.door), "open_sites": frozenset({8188})})
        self.assertIs(self.judge("POST").answer, Answer.PASS)
        self.assertIs(self.judge("POST", site="8189").answer, Answer.LOGIN)
        self.assertIs(self.judge("POST", "/", ("origin", "https://evil.example")).answer, Answer.FOREIGN)
        inner = Door(**{**vars(self.door), "own_logins": {8188: "Bearer inner"}})
        stranger, owner = judge(visit(), inner), judge(visit("GET", "/", self.cookie()), inner)
        self.assertEqual(stranger.headers["X-Strata-Authorization"], "", "the service's own login still stands")
        self.assertEqual(owner.headers["X-Strata-Authorization"], "Bearer inner")
        mixed = [("cookie", f"a=1; {self.cookie()[1]}"), ("authorization", f"Bearer {TOKEN}")]
        self.assertEqual(
            self.judge("GET", "/", *mixed).headers, {"X-Strata-Cookie": "a=1", "X-Strata-Authorization": ""}
        )

    def test_guessing_ends_and_the_owner_gets_in_all_the_same(self) -> None:
        for number in range(MOST_OF_ONE):
            self.assertFalse(self.judge("GET", "/", basic("me", f"guess {number}")).wait)
        self.assertGreater(self.judge("GET", "/", basic("me", PASSWORD)).wait, 0, "a guess that comes too late")
        for header in (self.cookie(), basic("me", TOKEN), ("authorization", f"Bearer {TOKEN}")):
            self.assertIs(self.judge("GET", "/", header).answer, Answer.PASS, header)
        self.assertIs(self.judge("GET", f"/?token={TOKEN}").answer, Answer.REDIRECT)
        self.assertIs(self.judge("GET", "/", basic("me", PASSWORD), client="192.0.2.2").answer, Answer.PASS)

    def test_nothing_random_opens(self) -> None:
        source = random.Random(17)
        value = self.door.sessions.make()
        names = ["cookie", "authorization", "x-strata-cookie", "origin", "x-forwarded-for", "sec-fetch-site", "accept"]
        pieces = [
            COOKIE,
            "=",
            ";",
            " ",
            value[:-1],
            TOKEN[:-1],
            "Bearer ",
            "Basic ",
            "\x00",
            "é",
            "%3d",
            ",",
            '"',
            "{",
            "}",
        ]
        for _ in range(20_000):
            headers = [
                (source.choice(names), "".join(source.choices(pieces, k=source.randrange(8))))
                for _ in range(source.randrange(4))
            ]
            uri = "/" + "".join(source.choices([*pieces, "?", "&", "token=", "/", "..", "%2e"], k=source.randrange(8)))
            verdict = self.judge(source.choice(["GET", "POST", "OPTIONS", "HEAD", "X"]), uri, *headers)
            self.assertIn(verdict.answer, (Answer.LOGIN, Answer.BAD), (uri, headers))


class PlacesTest(unittest.TestCase):
    def test_a_place_is_always_here(self) -> None:
        for text in ("//e", "/\\e", "https://e", "javascript:x", "", "/a\r\nb", "/\te", "\\/e", "/é", "/ \u2028", "e"):
            place = local_place(text)
            self.assertTrue(place.startswith("/"), text)
            self.assertNotIn(place[1:2], ("/", "\\"), text)
            self.assertTrue(place.isascii() and place.isprintable(), text)


class SettingsTest(unittest.TestCase):
    def test_a_mistyped_switch_or_port_opens_nothing(self) -> None:
        for name, value in (
            ("ENABLE_AUTH", "fales"),
            ("ENABLE_HTTPS", "maybe"),
            ("AUTH_EXCLUDE", "8188;8080"),
            ("AUTH_EXCLUDE", "all"),
            ("CADDY_CORS_ALLOWED_ORIGINS", "*"),
            ("CADDY_CORS_ALLOWED_ORIGINS", "https://*.example"),
        ):
            with self.assertRaises(ConfigurationError, msg=value):
                load_settings({name: value})

    def test_what_is_said(self) -> None:
        settings = load_settings({"ENABLE_AUTH": "False", "AUTH_EXCLUDE": " 8188, 6006,", "ENABLE_HTTPS": "true"})
        self.assertFalse(settings.has_login)
        self.assertEqual(settings.open_sites, {8188, 6006})
        self.assertTrue(settings.tls)
        self.assertTrue(load_settings({}).has_login)
        self.assertEqual(str(load_settings({}).places.run), "/run/strata")


if __name__ == "__main__":
    unittest.main()
