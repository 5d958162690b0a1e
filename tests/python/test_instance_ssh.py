"""Who comes in by SSH, when there is a server at all, and whose certificate the instance shows."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import support

from strata_instance import ssh_keys, ssh_service, tls

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG4bK5w+3YQ/XsMlztABwot+EhVmPSza0ah2Fh5jWg70"


class Keys(unittest.TestCase):
    def setUp(self) -> None:
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root, self.user = root / "root", root / "user"
        self.root.mkdir()
        self.root.chmod(0o775)
        self.user.mkdir()
        self.user.chmod(0o775)
        self.enterContext(mock.patch.object(ssh_keys, "ROOT", self.root))
        account = SimpleNamespace(pw_dir=str(self.user), pw_uid=os.getuid(), pw_gid=os.getgid())
        self.enterContext(mock.patch.object(ssh_keys.pwd, "getpwnam", return_value=account))
        self.enterContext(mock.patch.object(ssh_keys.os, "chown"))
        self.told = self.enterContext(mock.patch.object(ssh_keys, "say"))

    def boot(self, **variables: str) -> int:
        with mock.patch.dict(os.environ, variables):
            return ssh_keys.main([])

    def lines(self, home: Path) -> list[str]:
        return ssh_keys.read_lines(home / ".ssh/authorized_keys")

    def test_given_keys_come_to_those_that_are_there_and_to_user(self) -> None:
        (self.root / ".ssh").mkdir(mode=0o755)
        (self.root / ".ssh/authorized_keys").write_text(f"{KEY} platform")
        second = f"restrict {KEY} mine"
        for _ in range(2):
            self.assertEqual(self.boot(SSH_PUBLIC_KEY=f"{second}\n", PUBLIC_KEY=f"# a comment\\n{second}"), 0)
            for home in (self.root, self.user):
                self.assertEqual(self.lines(home), [f"{KEY} platform", second])
                self.assertEqual((home / ".ssh").stat().st_mode & 0o777, 0o700)
                self.assertEqual((home / ".ssh/authorized_keys").stat().st_mode & 0o777, 0o600)
        for home in (self.root, self.user):
            self.assertEqual(home.stat().st_mode & 0o022, 0, "sshd heeds no keys in a home that others may write to")

    def test_not_for_user_where_it_is_not_wanted(self) -> None:
        self.boot(SSH_PUBLIC_KEY=KEY, STRATA_BOOT_USER_KEYS="false")
        self.assertEqual((self.lines(self.root), self.lines(self.user)), ([KEY], []))

    def test_what_is_no_public_key_is_left_out_and_never_shown(self) -> None:
        private = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"
        self.assertEqual(self.boot(SSH_PUBLIC_KEY=f"{KEY}\n{private}", PUBLIC_KEY="ssh-ed25519 short"), 1)
        self.assertEqual(self.lines(self.root), [KEY])
        told = " ".join(call.args[0] for call in self.told.call_args_list)
        self.assertRegex(told, "SSH_PUBLIC_KEY: .* PUBLIC_KEY: ")
        self.assertNotIn("c2VjcmV0", told)

    def test_kinds(self) -> None:
        for kind in ("ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"):
            self.assertEqual(len(ssh_keys.given_keys({"PUBLIC_KEY": f"{kind} AAAA{'x' * 40}== a"})[0]), 1, kind)


class Service(unittest.TestCase):
    def test_when_there_is_a_server(self) -> None:
        self.assertIsNone(ssh_service.why_not("args", True, False))
        self.assertRegex(str(ssh_service.why_not("ssh", True, False)), "platform")
        self.assertRegex(str(ssh_service.why_not("jupyter", True, False)), "platform")
        self.assertRegex(str(ssh_service.why_not("args", True, True)), "port 22")
        self.assertRegex(str(ssh_service.why_not("args", False, False)), "PUBLIC_KEY")

    def test_keys_in_a_home(self) -> None:
        home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (home / ".ssh").mkdir()
        (home / ".ssh/authorized_keys").write_text("# nobody\n\n")
        self.assertFalse(ssh_service.has_keys((home,)))
        (home / ".ssh/authorized_keys").write_text(KEY)
        self.assertTrue(ssh_service.has_keys((home,)))

    def test_host_keys_of_the_image_are_replaced_and_own_ones_stay(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "ssh_host_rsa_key").write_text("of the image")
        (folder / "ssh_host_dsa_key.pub").write_text("of the image")
        mark = folder / ".mark"
        ssh_service.make_host_keys(folder, mark)
        made = {file.name: file.read_bytes() for file in folder.glob("ssh_host_*")}
        self.assertEqual(len(made), 4)
        self.assertNotIn(b"of the image", made.values())
        self.assertEqual((folder / "ssh_host_ed25519_key").stat().st_mode & 0o777, 0o600)
        ssh_service.make_host_keys(folder, mark)
        self.assertEqual({file.name: file.read_bytes() for file in folder.glob("ssh_host_*")}, made)

    def test_pam_does_not_end_a_session_of_a_container(self) -> None:
        file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "sshd"
        file.write_text("session    required     pam_loginuid.so\nsession required pam_limits.so\n")
        for _ in range(2):
            ssh_service.ease_pam(file)
            self.assertEqual(
                file.read_text(), "session    optional     pam_loginuid.so\nsession required pam_limits.so\n"
            )


class Tls(unittest.TestCase):
    """openssl itself makes and judges everything here."""

    @classmethod
    def setUpClass(cls) -> None:
        # A key takes a second, so all have one; one test makes its own.
        cls.there = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.authority = (f"{cls.there}/ca", f"{cls.there}/key")
        request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root")
        assert tls.run(*request, "-out", cls.authority[0], "-keyout", cls.authority[1]) is not None

    def setUp(self) -> None:
        self.pair = self.new_pair(keyed=self._testMethodName != "test_vast_signs")
        self.asked: list[str] = []

    def new_pair(self, keyed: bool = True) -> tls.Pair:
        pair = tls.Pair(Path(self.enterContext(tempfile.TemporaryDirectory())))
        if keyed:
            pair.key.write_bytes(Path(self.authority[1]).read_bytes())
        return pair

    def sign(self, request: bytes, instance: str, days: str = "5") -> bytes:
        """Who signs, with a root certificate of its own."""
        self.asked.append(instance)
        sent = self.there / "csr"
        sent.write_bytes(request)
        certificate, key = self.authority
        signed = tls.run("x509", "-req", "-in", str(sent), "-CA", certificate, "-CAkey", key, "-days", days)
        self.assertIsNotNone(signed)
        return str(signed).encode()

    def refuse(self, _: bytes, instance: str) -> bytes:
        self.asked.append(instance)
        raise OSError("timed out")

    def issuer(self) -> str:
        return str(tls.run("x509", "-noout", "-issuer", "-in", str(self.pair.certificate)))

    def test_vast_signs(self) -> None:
        given = {"CONTAINER_ID": "12", "PUBLIC_IPADDR": "1.2.3.4"}
        self.assertEqual(tls.prepare(given, self.pair, self.sign), (True, []))
        self.assertEqual((self.pair.state(), self.asked), ("usable", ["12"]))
        self.assertIn("root", self.issuer())
        self.assertEqual(self.pair.key.stat().st_mode & 0o777, 0o600)
        text = str(tls.run("req", "-noout", "-text", "-in", str(self.pair.request)))
        self.assertIn("CN = jupyter.vast.ai", text.replace("CN=jupyter", "CN = jupyter"))
        self.assertRegex(text, "IP Address:0.0.0.0, IP Address:1.2.3.4")
        self.assertEqual(tls.prepare(given, self.pair, self.sign), (True, []))
        self.assertEqual(self.asked, ["12"], "the next boot asks nobody")

    def test_who_does_not_answer_holds_nothing_and_is_asked_again(self) -> None:
        usable, messages = tls.prepare({"CONTAINER_ID": "12"}, self.pair, self.refuse)
        self.assertTrue(usable)
        self.assertRegex(" ".join(messages), "did not sign.*signed by nobody")
        self.assertEqual((self.pair.state(), len(self.asked)), ("unsigned", 3))
        self.assertEqual(tls.prepare({"CONTAINER_ID": "12"}, self.pair, self.sign), (True, []))
        self.assertEqual(self.pair.state(), "usable")

    def test_an_address_that_is_none_is_left_out(self) -> None:
        for address, expected in (("1.2.3.4.5", False), ("", False), ("2001:db8::1", True)):
            self.assertTrue(tls.make_request(self.pair, address), address)
            text = str(tls.run("req", "-noout", "-text", "-in", str(self.pair.request)))
            self.assertEqual(text.count("IP Address:"), 2 if expected else 1, address)

    def test_a_name_server_that_is_silent_holds_nothing(self) -> None:
        silent = threading.Event()
        self.addCleanup(silent.set)
        with mock.patch.object(tls, "LONGEST", 0.3):
            begun = time.monotonic()
            answered = tls.have_signed(self.pair, "1", lambda *_: bytes(silent.wait(60)))
        self.assertEqual((answered, time.monotonic() - begun < 3), (False, True))

    def test_answers_that_are_no_certificate_of_ours_change_nothing(self) -> None:
        other = self.new_pair(keyed=False)
        tls.prepare({}, other)
        for answer in (b"", b"<html>login</html>", other.certificate.read_bytes()):
            tls.prepare({"CONTAINER_ID": "1"}, self.pair, lambda *_, answer=answer: answer)
            self.assertEqual(self.pair.state(), "unsigned")

    def test_elsewhere_nobody_is_asked(self) -> None:
        self.assertRegex(tls.prepare({}, self.pair, self.sign)[1][0], "signed by nobody")
        self.assertEqual((self.pair.state(), self.asked), ("unsigned", []))
        self.assertEqual(tls.prepare({}, self.pair, self.sign), (True, []))

    def test_an_expired_one_is_asked_for_again_and_used_meanwhile(self) -> None:
        tls.prepare({"CONTAINER_ID": "1"}, self.pair, lambda *given: self.sign(*given, days="0"))
        with mock.patch.object(tls, "run", lambda *a: None if "-checkend" in a else RUN(*a)):
            self.assertEqual(self.pair.state(), "expired")
            usable, messages = tls.prepare({"CONTAINER_ID": "1"}, self.pair, self.refuse)
        self.assertEqual((usable, messages[-1]), (True, "The TLS certificate has expired, and is used still."))

    def test_without_openssl_https_is_off(self) -> None:
        with (
            mock.patch.object(tls.subprocess, "run", side_effect=FileNotFoundError),
            mock.patch.object(tls, "Pair", return_value=self.pair),
            mock.patch.object(tls, "say"),
            mock.patch.object(tls, "print_exports") as exported,
            mock.patch.dict(os.environ, {"ENABLE_HTTPS": "true"}),
        ):
            self.assertEqual(tls.main([]), 0)
        exported.assert_called_once_with({"ENABLE_HTTPS": "false"})

    def test_nothing_happens_where_https_is_not_wanted(self) -> None:
        with (
            mock.patch.object(tls, "prepare", side_effect=AssertionError),
            mock.patch.dict(os.environ, {"ENABLE_HTTPS": "no"}),
        ):
            self.assertEqual(tls.main([]), 0)


RUN = tls.run


class SshdConfiguration(unittest.TestCase):
    def test_keys_only_for_root_and_user(self) -> None:
        file = support.LAYERS / "instance/rootfs/etc/ssh/sshd_config.d/10-strata.conf"
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        ssh_service.make_host_keys(folder, folder / "mark")
        try:
            done = subprocess.run(
                ["/usr/sbin/sshd", "-T", "-f", file, "-h", folder / "ssh_host_ed25519_key"],
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            self.skipTest("there is no sshd here")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = set(done.stdout.lower().splitlines())
        for line in (
            "permitrootlogin without-password",
            "passwordauthentication no",
            "kbdinteractiveauthentication no",
            "authenticationmethods publickey",
            "allowusers root",
            "allowusers user",
        ):
            self.assertIn(line, said)


if __name__ == "__main__":
    unittest.main()
