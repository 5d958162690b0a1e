"""The portal's answers: addresses without tokens, who may ask, logs without secrets."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import unittest
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from support import PORTAL

MISSING = [name for name in ("fastapi", "httpx", "pynvml", "supervisor", "yaml") if find_spec(name) is None]
if not MISSING:
    from starlette.testclient import TestClient
    from starlette.websockets import WebSocketDisconnect

    import portal_instance
    from portal.app import create_app
    from portal.log_files import LogFiles
    from portal.log_follow import Follower
    from portal.overview import read_object
    from portal.settings import Settings
    from portal_common.addresses import direct_url
    from portal_common.applications import Application, Entrance, read_applications, read_entrances
    from portal_common.guard import objection
    from portal_common.redaction import Redaction

HOST = "http://127.0.0.1:11111"
LIVE = "ws://127.0.0.1:11111/ws-logs"
LOG = f"{LIVE}?name=comfyui"
VAST = {"CONTAINER_ID": "7", "PUBLIC_IPADDR": "203.0.113.9", "VAST_TCP_PORT_8188": "40123"}


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class PortalCase(unittest.TestCase):
    """An instance in a folder, without processes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        portal_instance.prepare(self.folder, 1, 2)

    def client(self, **variables: str) -> Any:
        """Asks the portal."""
        return TestClient(create_app(portal_instance.portal_settings(self.folder, 2, **variables)), base_url=HOST)


class ApplicationsTest(PortalCase):
    """Cards and their addresses."""

    def test_cards_are_those_of_the_file_in_its_order_and_no_address_has_a_token(self) -> None:
        secret = {"OPEN_BUTTON_TOKEN": "open-sesame", "WEB_PASSWORD": "open-sesame", "JUPYTER_TOKEN": "open-sesame"}
        answer = self.client(**VAST, **secret).get("/get-applications")
        self.assertEqual([card["name"] for card in answer.json()], list(portal_instance.APPLICATIONS))
        self.assertNotIn("open-sesame", answer.text)
        self.assertNotIn("token", answer.text)
        urls = {card["name"]: card["direct_url"] for card in answer.json()}
        # Only what the host maps is reached from outside.
        self.assertEqual(urls["ComfyUI"], "https://203.0.113.9:40123/")
        self.assertIsNone(urls["Jupyter"])

    def test_addresses_on_every_kind_of_host(self) -> None:
        terminal = Application("Jupyter Terminal", "localhost", 8080, 18080, "terminals/1")
        door = Entrance(8080, "https", "/x.sock")
        cases: list[tuple[dict[str, str], str | None, str | None]] = [
            ({}, "localhost", "https://localhost:8080/terminals/1"),
            ({}, None, None),
            ({"RUNPOD_POD_ID": "abc"}, "x", "https://abc-8080.proxy.runpod.net/terminals/1"),
            (
                {"RUNPOD_POD_ID": "abc", "RUNPOD_PUBLIC_IP": "198.51.100.4", "RUNPOD_TCP_PORT_8080": "30001"},
                "x",
                "https://198.51.100.4:30001/terminals/1",
            ),
            ({"PUBLIC_IPADDR": "2001:db8::1", "VAST_TCP_PORT_8080": "9"}, "x", "https://[2001:db8::1]:9/terminals/1"),
            ({"CONTAINER_ID": "7"}, "x", None),
        ]
        for variables, asked, expected in cases:
            self.assertEqual(direct_url(terminal, door, variables, asked), expected, variables)
        self.assertIsNone(direct_url(terminal, Entrance(8080, "https", "/x.sock", direct=False), {}, "localhost"))
        # Nobody listens on the external port of what the door does not stand before.
        self.assertIsNone(direct_url(terminal, None, {}, "localhost"))
        own = Application("Jupyter", "localhost", 8080, 8080, "/")
        self.assertEqual(direct_url(own, None, {}, "h"), "http://h:8080/")
        self.assertEqual(
            direct_url(own, None, {"PUBLIC_IPADDR": "192.0.2.1", "VAST_TCP_PORT_8080": "5"}, "h"),
            "https://192.0.2.1:5/",
        )

    def test_through_a_tunnel_no_port_of_its_name_is_offered(self) -> None:
        headers = {"cf-ray": "8f00", "host": "calm-stone.trycloudflare.com", "x-forwarded-for": "192.0.2.7"}
        cards = self.client().get("/get-applications", headers=headers).json()
        self.assertEqual({card["direct_url"] for card in cards}, {None})

    def test_a_card_says_where_the_door_lets_everybody_through(self) -> None:
        def protected(**variables: str) -> dict[int, bool]:
            return {
                card["external_port"]: card["protected"]
                for card in self.client(**variables).get("/get-applications").json()
            }

        self.assertEqual(set(protected().values()), {True})
        self.assertEqual(protected(AUTH_EXCLUDE="6006, 9"), {1111: True, 8188: True, 8080: True, 6006: False})
        self.assertEqual(set(protected(ENABLE_AUTH="false").values()), {False})

    def test_a_direct_address_for_scripts(self) -> None:
        client = self.client(**VAST)
        self.assertEqual(client.get("/get-direct-url/8188").json(), {"url": "https://203.0.113.9:40123/"})
        self.assertEqual(client.get("/get-direct-url/6006").status_code, 404)

    def test_half_written_files_are_nothing_rather_than_an_error(self) -> None:
        client = self.client()
        for text in (
            "",
            "{",
            "applications: 3",
            "applications: {a: 1, b: {external_port: x, internal_port: 2}}",
            "\x00",
        ):
            (self.folder / "portal.yaml").write_text(text)
            (self.folder / "entrances.json").write_text(text)
            self.assertEqual(client.get("/get-applications").json(), [], text)
        self.assertEqual(read_applications(self.folder / "absent"), [])
        self.assertEqual(read_entrances(self.folder / "absent"), {})


class GuardTest(PortalCase):
    """Other websites."""

    def test_every_answer_forbids_what_the_page_does_not_need(self) -> None:
        client = self.client()
        for path in ("/", "/health", "/static/js/main.js", "/static/index.html", "/nothing", "/get-applications"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy, path)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(client.get("/docs").status_code, 404)
        self.assertEqual(client.get("/openapi.json").status_code, 404)

    def test_the_page_holds_no_script_or_style_that_its_policy_forbids(self) -> None:
        text = (PORTAL / "portal/static/index.html").read_text()
        self.assertEqual(re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|https?://", text), [])
        for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
            self.assertEqual(self.client().get(name).status_code, 200, name)

    def test_another_site_may_neither_order_nor_listen(self) -> None:
        client = self.client()
        for headers in (
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://127.0.0.1:8888"},
        ):
            answer = client.post("/supervisor/process/comfyui/restart", headers=headers)
            self.assertEqual(answer.status_code, 403, headers)
            with self.assertRaises(WebSocketDisconnect), client.websocket_connect(LOG, headers=headers):
                pass
        # 503: there is no supervisor here, so the order got as far as that.
        own = {"origin": HOST, "sec-fetch-site": "same-origin"}
        with client.websocket_connect(LOG, headers=own):
            pass
        self.assertEqual(client.post("/supervisor/process/comfyui/restart", headers=own).status_code, 503)
        self.assertEqual(client.get("/get-applications", headers={"sec-fetch-site": "cross-site"}).status_code, 200)

    def test_a_name_that_someone_points_to_loopback_opens_nothing(self) -> None:
        for host in ("evil.example:11111", "127.0.0.1.evil.example", "", "localhost.evil.example", "[::1"):
            self.assertIsNotNone(objection("http", "GET", "/", {"host": host}), host)
        for host in ("localhost:11111", "127.0.0.1", "[::1]:11111"):
            self.assertIsNone(objection("http", "GET", "/", {"host": host}), host)
        # Behind the door any name is right; the login is the door's.
        through = {"host": "calm.trycloudflare.com", "x-forwarded-for": "192.0.2.1"}
        self.assertIsNone(objection("http", "POST", "/x", {**through, "origin": "https://calm.trycloudflare.com"}))
        self.assertIsNotNone(objection("http", "POST", "/x", {**through, "origin": "https://other.trycloudflare.com"}))
        # It opens a tunnel, so it is no mere question.
        self.assertIsNotNone(
            objection("http", "GET", "/get-quick-tunnel/8188", {"host": "localhost", "sec-fetch-site": "cross-site"})
        )


class StateTest(PortalCase):
    """What boot and provisioning left."""

    def test_what_boot_and_provisioning_wrote_is_told(self) -> None:
        (self.folder / "boot.json").write_text('{"failed": [{"script": "36-sync.sh", "status": 1}, 7]}')
        (self.folder / "workspace.json").write_text('{"messages": ["nodes.py was kept as nodes.py.kept"]}')
        (self.folder / "provisioning.json").write_text(
            '{"state": "failed", "script": "https://example.org/p.sh", "started": "2026-11-29T10:00:00Z", "ended": null, '
            '"detail": "status 22"}'
        )
        found = self.client(VAST_CONTAINERLABEL="C.12").get("/state").json()
        self.assertEqual(found["instance"], "C.12")
        self.assertEqual(found["messages"], ["nodes.py was kept as nodes.py.kept"])
        self.assertFalse(found["has_login"])
        through = {"x-forwarded-for": "192.0.2.1"}
        self.assertTrue(self.client().get("/state", headers=through).json()["has_login"])
        self.assertEqual(found["boot_failures"], [{"script": "36-sync.sh", "status": "1"}])
        self.assertEqual(found["provisioning"]["state"], "failed")
        self.assertIsNone(found["provisioning"]["ended"])
        self.assertEqual(found["image"]["recipe"], "vast")

    def test_before_anything_was_written_there_is_nothing_to_tell(self) -> None:
        for name in ("boot.json", "provisioning.json", "image.json"):
            (self.folder / name).write_text("{")
        found = self.client().get("/state").json()
        self.assertEqual((found["provisioning"]["state"], found["boot_failures"], found["image"]), ("none", [], {}))
        self.assertEqual(read_object(self.folder / "absent"), {})

    def test_settings_come_from_the_environment(self) -> None:
        settings = Settings.load(
            {"DATA_DIRECTORY": "/data/", "PORTAL_UNSTOPPABLE": "sshd, jupyter", "STRATA_DOOR_STATE": "/door"}
        )
        self.assertEqual(settings.workspace, Path("/data"))
        self.assertEqual(settings.passwords, (Path("/door/password"),))
        self.assertEqual(settings.unstoppable, {"instance_portal", "caddy", "tunnel_manager", "sshd", "jupyter"})


class RedactionTest(PortalCase):
    """Secrets."""

    def redaction(self, **variables: str) -> Any:
        """With the door's password in its file."""
        found = Redaction(variables, [self.folder / "password"])
        found.refresh()
        return found

    def test_values_of_secret_variables_go_in_every_spelling(self) -> None:
        clean = self.redaction(HF_TOKEN="hf_a/b+c=", WEB_PASSWORD='pa"ss word', WORKSPACE="/workspace", X_KEY="1").clean
        self.assertEqual(clean("hf_a/b+c= hf_a%2Fb%2Bc%3D hf_a/b%2Bc%3D"), "<hidden> <hidden> <hidden>")
        self.assertEqual(clean('{"p": "pa\\"ss word"} pa%22ss+word pa%22ss%20word'), '{"p": "<hidden>"} <hidden> <hidden>')
        # vastai:pa"ss word
        self.assertEqual(clean("dmFzdGFpOnBhInNzIHdvcmQ="), "<hidden>")
        self.assertEqual(clean("in /workspace, 1"), "in /workspace, 1")
        self.assertEqual(clean(f"user vastai, {portal_instance.PASSWORD}!"), "user vastai, <hidden>!")

    def test_a_password_that_was_made_later_is_known_then(self) -> None:
        (self.folder / "password").unlink()
        redaction = self.redaction()
        self.assertEqual(redaction.clean("made-later"), "made-later")
        (self.folder / "password").write_text("made-later\n")
        redaction.refresh()
        self.assertEqual(redaction.clean("made-later"), "<hidden>")

    def test_logins_of_others_in_addresses_and_headers_go_too(self) -> None:
        clean = self.redaction().clean
        self.assertEqual(
            clean("http://h:8080/lab?token=0123abc&x=1 /?a=1&api_key=zz"),
            "http://h:8080/lab?token=<hidden>&x=1 /?a=1&api_key=<hidden>",
        )
        self.assertEqual(clean("Authorization: Bearer abc.def"), "Authorization: Bearer <hidden>")
        self.assertEqual(clean("tokens: 12, tokenizer=fast"), "tokens: 12, tokenizer=fast")


class LogsTest(PortalCase):
    """Files that grow, turn over, or are none."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.folder / "logs/comfyui.log"
        self.redaction = Redaction({"HF_TOKEN": "hf_very_secret"}, [])

    def follower(self) -> Any:
        """Of the log."""
        found = Follower(LogFiles(self.folder / "logs", self.redaction), "comfyui", self.redaction)
        self.addCleanup(found.close)
        return found

    def test_lines_as_they_come_and_an_unfinished_one_as_it_stands(self) -> None:
        self.log.write_text("one\ntwo")
        follower = self.follower()
        news = follower.read()
        self.assertEqual((news.lines, news.unfinished), (["one"], "two"))
        news = follower.read()
        self.assertEqual((news.lines, news.unfinished), ([], None))
        with self.log.open("a") as file:
            file.write(" and\r 10%\r 20%")
        self.assertEqual(follower.read().unfinished, " 20%")
        with self.log.open("a") as file:
            file.write("\r100%\r\nthree\n")
        news = follower.read()
        self.assertEqual((news.lines, news.unfinished), (["100%", "three"], ""))

    def test_a_log_that_turns_over_loses_nothing(self) -> None:
        self.log.write_text("one\nhalf")
        follower = self.follower()
        follower.read()
        with self.log.open("a") as file:
            file.write(" is whole\nlast\n")
        self.log.rename(self.folder / "logs/comfyui.log.1")
        self.log.write_text("fresh\n")
        lines = [line for _ in range(4) for line in follower.read().lines]
        self.assertEqual(lines, ["half is whole", "last", "fresh"])
        # Emptied in place.
        self.log.write_text("x\n")
        self.assertEqual([line for _ in range(3) for line in follower.read().lines], ["x"])

    def test_a_line_cut_by_the_turn_stays_one_line(self) -> None:
        self.log.write_text("half")
        follower = self.follower()
        follower.read()
        self.log.rename(self.folder / "logs/comfyui.log.1")
        self.log.write_text(" is whole\n")
        self.assertEqual([line for _ in range(4) for line in follower.read().lines], ["half is whole"])

    def test_a_log_that_is_not_there_yet(self) -> None:
        follower = self.follower()
        self.assertEqual(follower.read().lines, [])
        self.assertFalse(follower.exists)
        self.log.write_text("now\n")
        self.assertEqual([line for _ in range(2) for line in follower.read().lines], ["now"])

    def test_a_long_log_begins_near_its_end_with_a_whole_line(self) -> None:
        self.log.write_text("".join(f"line {number}\n" for number in range(100_000)))
        lines = self.follower().read().lines
        self.assertRegex(lines[0], r"^line \d+$")
        self.assertLess(len(lines), 30_000)
        self.assertEqual(lines[-1], "line 99999")

    def test_a_line_without_an_end_does_not_fill_the_memory(self) -> None:
        self.log.write_text("x" * 200_000)
        follower = self.follower()
        self.assertEqual(len(follower.read().lines), 1)
        self.assertEqual(follower._rest, b"")

    def test_a_secret_is_never_shown_also_while_it_is_being_written(self) -> None:
        self.log.write_text("key hf_very_")
        follower = self.follower()
        self.assertEqual(follower.read().unfinished, "key ")
        with self.log.open("a") as file:
            file.write("secret!\n")
        news = follower.read()
        self.assertEqual(news.lines, ["key <hidden>!"])
        with self.log.open("a") as file:
            file.write("key hf_vast is none")
        self.assertEqual(follower.read().unfinished, "key hf_vast is none")

    def test_only_plain_files_of_the_folder(self) -> None:
        outside = self.folder / "secret.log"
        outside.write_text("secret")
        (self.folder / "logs/link.log").symlink_to(outside)
        os.mkfifo(self.folder / "logs/pipe.log")
        (self.folder / "logs/folder.log").mkdir()
        self.log.write_text("x")
        client = self.client()
        self.assertEqual([log["name"] for log in client.get("/logs").json()], ["comfyui"])
        for name in ("link", "pipe", "folder", "../secret", "..%2fsecret", "/etc/passwd", ""):
            self.assertEqual(client.get("/download-logs", params={"name": name}).status_code, 404, name)

    def test_a_download_is_the_whole_log_without_secrets(self) -> None:
        self.log.write_text("a\x1b[31mb\x1b[0m hf_very_secret\n" * 40_000 + "end")
        answer = self.client(HF_TOKEN="hf_very_secret").get("/download-logs?name=comfyui")
        self.assertEqual(answer.text, "a\x1b[31mb\x1b[0m <hidden>\n" * 40_000 + "end")
        self.assertIn('filename="comfyui.log"', answer.headers["content-disposition"])

    def test_all_logs_in_one_archive(self) -> None:
        self.log.write_text("hf_very_secret\n")
        (self.folder / "logs/jupyter.log").write_text("/lab?token=abcdef\n")
        answer = self.client(HF_TOKEN="hf_very_secret").get("/download-logs")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            self.assertEqual(sorted(archive.namelist()), ["comfyui.log", "jupyter.log"])
            self.assertEqual(archive.read("comfyui.log"), b"<hidden>\n")
            self.assertEqual(archive.read("jupyter.log"), b"/lab?token=<hidden>\n")

    def test_a_log_is_live_over_a_websocket(self) -> None:
        self.log.write_text("one\n10%")
        with self.client().websocket_connect(LOG) as socket:
            self.assertEqual(socket.receive_json(), {"type": "append", "lines": ["one"]})
            self.assertEqual(socket.receive_json(), {"type": "overwrite", "text": "10%"})
            with self.log.open("a") as file:
                file.write("\r20%\n")
            self.assertEqual(socket.receive_json(), {"type": "append", "lines": ["20%"]})
        with self.client().websocket_connect(f"{LIVE}?name=absent") as socket:
            self.assertEqual(json.loads(socket.receive_text())["type"], "system")


if __name__ == "__main__":
    unittest.main()
