"""supervisord of an instance: what services print is kept and shown, one that is killed comes back, all end at once."""

from __future__ import annotations

import configparser
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xmlrpc.client
from pathlib import Path

from support import INSTANCE, LAYERS

from strata_instance import supervised, words

try:
    import supervisor  # noqa: F401

    missing = False
except ImportError:
    missing = True

ROOTFS = LAYERS / "instance/rootfs"
PROGRAM = """
import sys
sys.path.insert(0, {instance!r})
from pathlib import Path
from strata_instance import supervise_instance
supervise_instance.CONFIGURATION, supervise_instance.LOGS = Path({configuration!r}), Path({logs!r})
supervise_instance.note_death.__defaults__ = (Path({state!r}),)
supervise_instance.main([])
"""
# Hears SIGTERM and takes its time.
SLOW = "trap 'sleep 2; exit' TERM; echo {name} begins; while :; do sleep 0.1; done"


@unittest.skipIf(missing, "supervisor is not installed")
class Supervise(unittest.TestCase):
    """The image's own configuration, with other paths and programs."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        text = (ROOTFS / "etc/supervisor/supervisord.conf").read_text()
        for old, new in (
            ("/var/run", str(self.root)),
            ("/etc/supervisor", str(self.root)),
            ("user=root\n", "" if os.getuid() else "user=root\n"),
        ):
            text = text.replace(old, new)
        self.configuration = self.root / "supervisord.conf"
        self.configuration.write_text(text)
        (self.root / "conf.d").mkdir()
        (self.root / "logs").mkdir()

    def program(self, name: str, script: str) -> None:
        """As comfyui.conf, with another command."""
        (self.root / f"{name}.sh").write_text(script)
        text = (ROOTFS / "etc/supervisor/conf.d/comfyui.conf").read_text().replace("comfyui", name)
        text = text.replace("/var/log/portal", str(self.root / "logs"))
        text = re.sub(r"command=.*", f"command=/bin/bash {self.root}/{name}.sh", text)
        (self.root / "conf.d" / f"{name}.conf").write_text(text)

    def begin(self) -> subprocess.Popen[bytes]:
        program = PROGRAM.format(
            instance=str(INSTANCE),
            configuration=str(self.configuration),
            logs=str(self.root / "logs"),
            state=str(self.root),
        )
        output = self.enterContext((self.root / "output").open("wb"))
        process = subprocess.Popen([sys.executable, "-c", program], stdout=output, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def output(self) -> str:
        return (self.root / "output").read_text()

    def wait_for(self, pattern: str) -> None:
        last = time.monotonic() + 20
        while not re.search(pattern, self.output()) and time.monotonic() < last:
            time.sleep(0.05)
        self.assertRegex(self.output(), pattern)

    def test_all_end_at_once(self) -> None:
        for name in ("a", "b", "c", "d"):
            self.program(name, SLOW.format(name=name))
        process = self.begin()
        for name in ("a", "b", "c", "d"):
            self.wait_for(rf"\[{name}\] {name} begins\n")
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(12)
        self.assertLess(time.monotonic() - begun, 6, "one after the other takes eight seconds")

    def test_health(self) -> None:
        socket = self.root / "supervisor.sock"
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(supervised.health([], socket), 1)
            self.program("a", "sleep 100")
            process = self.begin()
            self.wait_for("spawned: 'a'")
            self.assertEqual(supervised.health([], socket), 0)
            self.assertEqual(supervised.supervisor_pid(socket), process.pid)
        self.assertEqual(said.getvalue(), "supervisord does not answer\na STARTING\n")

    def test_health_where_a_service_does_not_start(self) -> None:
        self.program("a", "exit 1")
        self.begin()
        self.wait_for("gave up|exited: a")
        time.sleep(0.3)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(supervised.health([], self.root / "supervisor.sock"), 1)

    def test_it_prints_whole_lines_and_keeps_them_and_a_killed_service_comes_back(self) -> None:
        self.program(
            "a", f"echo $$ >{self.root}/pid; printf 'half '; sleep 0.3; echo line; printf '10%%\\r20%%\\n'; sleep 100"
        )
        self.begin()
        self.wait_for(r"(?m)^\[a\] half line\n\[a\] 20%$")
        self.assertIn("half line\n", (self.root / "logs/a.log").read_text())
        os.kill(int((self.root / "pid").read_text()), signal.SIGKILL)
        self.wait_for(r"(?s)half line.*SIGKILL.*half line")
        self.assertEqual(words.read_deaths(self.root, "a"), [], "it had not got far: supervisord counts those itself")

    def test_a_death_is_noted_and_a_restart_is_none(self) -> None:
        self.program("a", f"echo $$ >{self.root}/pid; echo begun; sleep 100")
        configuration = self.root / "conf.d/a.conf"
        configuration.write_text(configuration.read_text().replace("startsecs=5", "startsecs=0"))
        self.begin()
        self.wait_for(r"\[a\] begun")
        os.kill(int((self.root / "pid").read_text()), signal.SIGKILL)
        self.wait_for(r"(?s)begun.*begun")
        self.assertEqual(len(words.read_deaths(self.root, "a")), 1)
        path = self.root / "supervisor.sock"
        with xmlrpc.client.ServerProxy("http://x", transport=supervised.SocketTransport(path)) as proxy:
            proxy.supervisor.stopProcess("a")
            proxy.supervisor.startProcess("a")
        self.assertEqual(len(words.read_deaths(self.root, "a")), 1)


class Configuration(unittest.TestCase):
    """What the instance's parts rely on in each service's file."""

    def test_every_service_is_kept_alike(self) -> None:
        files = sorted(LAYERS.glob("*/rootfs/etc/supervisor/conf.d/*.conf"))
        self.assertGreaterEqual(len(files), 2)
        for file in files:
            with self.subTest(file.name):
                parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
                parser.read(file)
                name = f"program:{file.stem}"
                self.assertEqual(parser.sections(), [name], "one file, one service, and no group before its name")
                program = dict(parser[name])
                self.assertEqual(program["stdout_logfile"], f"/var/log/portal/{file.stem}.log")
                self.assertEqual(program["stdout_events_enabled"], "true", "it is shown in the container's log")
                self.assertEqual(program["stdout_logfile_maxbytes"], "5MB")
                self.assertLessEqual(int(program["stopwaitsecs"]), 7, "ten seconds are all that there is")
                self.assertEqual((program["stopasgroup"], program["killasgroup"]), ("true", "true"))
                self.assertTrue(
                    (file.parents[3] / program["command"].lstrip("/")).exists() or " " in program["command"]
                )


if __name__ == "__main__":
    unittest.main()
