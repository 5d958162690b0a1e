"""The boot: scripts in their order, exports handed on, failures noted, and an end within seconds whatever it is at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from support import INSTANCE

from strata_instance import boot

# The boot takes every child's end, so it is a process of its own here, too.
RUN = """
import sys
sys.path.insert(0, {instance!r})
from pathlib import Path
from strata_instance import boot
boot.STATE, boot.SCRIPTS = Path({state!r}), Path({scripts!r})
boot.SKIPPED = Path({state!r}, "skipped")
boot.Boot.__init__.__defaults__ = (boot.SCRIPTS, boot.STATE, 1.5)
boot.supervisor_pid = lambda: int(Path({state!r}, "pid").read_text()) if Path({state!r}, "pid").exists() else None
boot.is_answering = lambda: True
sys.exit(boot.main(sys.argv[1:]))
"""


class BootCase(unittest.TestCase):
    def setUp(self) -> None:
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.state, self.scripts, self.out = root / "state", root / "scripts", root / "out"
        self.scripts.mkdir()

    def script(self, name: str, text: str) -> None:
        (self.scripts / name).write_text(text.replace("OUT", str(self.out)).replace("STATE", str(self.state)))

    def begin(self, *flags: str, **variables: str) -> subprocess.Popen[str]:
        program = RUN.format(instance=str(INSTANCE), state=str(self.state), scripts=str(self.scripts))
        process = subprocess.Popen(
            [sys.executable, "-c", program, *flags],
            env={**os.environ, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stderr and process.stderr.close()))
        return process

    def boot(self, *flags: str, **variables: str) -> tuple[int, str]:
        """Its status, and what it told."""
        process = self.begin(*flags, **variables)
        _, told = process.communicate(timeout=30)
        return process.returncode, told

    def failed(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads((self.state / "boot.json").read_text())["failed"]
        return found

    def wait_for(self, file: Path) -> None:
        last = time.monotonic() + 20
        while not file.exists() and time.monotonic() < last:
            time.sleep(0.02)
        self.assertTrue(file.exists(), file)


class Scripts(BootCase):
    def test_order_and_exports(self) -> None:
        self.script("20-b.sh", 'export B="$A two\nlines"; cd /; unset GONE')
        self.script("10-a.sh", "export A=one\nPRIVATE=x")
        self.script("30-c.sh", 'printf "%s" "$B|${PRIVATE:-none}|${GONE:-gone}|$(umask)|$GIVEN" >OUT')
        self.script("40-not-a-script.txt", "exit 1")
        status, told = self.boot(GONE="x", GIVEN="given")
        self.assertEqual(self.out.read_text(), "one two\nlines|none|gone|0002|given")
        self.assertEqual(self.failed(), [])
        self.assertEqual(status, 1)
        self.assertIn("supervisord does not run", told)

    def test_whatever_a_script_does_the_next_runs_and_it_is_noted(self) -> None:
        self.script("10-exit.sh", "export A=1; exit 3")
        self.script("11-set-e.sh", "set -eu; export B=2; false; export B=3")
        self.script("12-return.sh", "return 4")
        self.script("13-syntax.sh", "if then")
        self.script("14-killed.sh", "kill -9 $$")
        self.script("15-exec.sh", "exec false")
        self.script("16-good.sh", "exit 0")
        self.script("90-last.sh", 'printf "%s" "$A$B" >OUT')
        _, told = self.boot()
        self.assertEqual(self.out.read_text(), "12")
        statuses = {str(each["script"])[:2]: each["status"] for each in self.failed()}
        self.assertEqual(statuses, {"10": 3, "11": 1, "12": 4, "13": 2, "14": -9, "15": 1})
        self.assertIn("12-return.sh ended with 4; the boot goes on", told)
        self.assertIn("6 scripts failed", told)

    def test_a_second_boot_forgets_the_first_ones_failures(self) -> None:
        self.script("10-once.sh", "[ -e OUT ] || { : >OUT; exit 5; }")
        self.boot()
        self.assertEqual(len(self.failed()), 1)
        self.boot()
        self.assertEqual(self.failed(), [])
        self.assertEqual([file.name for file in self.state.iterdir() if file.name.startswith("exports")], [])

    def test_flags(self) -> None:
        self.script("10-a.sh", "env >OUT")
        _, told = self.boot("--sync-home", "--no-update-vast", "--nonsense", "--sync-environment")
        self.assertIn("STRATA_BOOT_SYNC_HOME=true\n", self.out.read_text())
        self.assertIn("--nonsense is no flag", told)
        self.assertIn("--sync-environment: this image", told)
        self.assertNotIn("--no-update-vast", told)


class End(BootCase):
    STUBBORN = "trap '' TERM; setsid bash -c 'trap \"\" TERM; echo $$ >STATE/pid.new; mv STATE/pid.new STATE/pid; sleep 60; sleep 60' &\n"

    def test_sigterm_ends_all_while_a_script_hangs(self) -> None:
        self.script("10-service.sh", self.STUBBORN)
        self.script("20-hangs.sh", "trap '' TERM; (trap '' TERM; sleep 60; sleep 60) & : >OUT; sleep 60; sleep 60")
        process = self.begin()
        self.wait_for(self.out)
        self.wait_for(self.state / "pid")
        service = int((self.state / "pid").read_text())
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertLess(time.monotonic() - begun, 4)
        self.assertFalse(boot.is_alive(service))

    def test_what_heeds_sigterm_ends_at_once(self) -> None:
        self.script("10-hangs.sh", ": >OUT; sleep 60; sleep 60")
        process = self.begin()
        self.wait_for(self.out)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertLess(time.monotonic() - begun, 1.2)

    def test_it_waits_for_supervisord_and_fails_when_that_was_killed(self) -> None:
        for command, expected in (("kill -9", 1), ("kill -TERM", 1)):
            with self.subTest(command):
                (self.state / "pid").unlink(missing_ok=True)
                self.script("10-service.sh", "setsid sleep 60 & echo $! >STATE/pid")
                process = self.begin()
                self.wait_for(self.state / "pid")
                time.sleep(0.5)
                self.assertIsNone(process.poll())
                second, told = self.boot()
                self.assertEqual((second, "has been started already" in told), (0, True))
                subprocess.run(f"{command} $(cat {self.state}/pid)", shell=True, check=True)
                self.assertEqual(process.wait(10), expected)

    def test_the_status_is_0_where_supervisord_was_asked(self) -> None:
        self.script("10-service.sh", "setsid sleep 1 & echo $! >STATE/pid")
        self.assertEqual(self.boot()[0], 0)


class Entrypoint(unittest.TestCase):
    """The script itself, with other places for what it starts."""

    def setUp(self) -> None:
        self.bin = Path(self.enterContext(tempfile.TemporaryDirectory()))
        original = INSTANCE.parents[1] / "instance-tools/bin/entrypoint.sh"
        text = original.read_text().replace("/opt/instance-tools/bin", str(self.bin))
        text = text.replace("/opt/services/bin/python -Es /opt/strata/instance", str(self.bin / "fetch"))
        (self.bin / "entrypoint.sh").write_text(text)
        self.program("boot_default.sh", 'echo "default $*"')
        self.program("fetch", 'echo "fetches $2"; [ "$BOOT_SCRIPT" = good ] && echo \'echo "custom $*"\' >"$3"')

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *arguments: str, **variables: str) -> list[str]:
        command = ["/bin/bash", str(self.bin / "entrypoint.sh"), *arguments]
        variables = {"PATH": "/usr/bin:/bin", **variables}
        done = subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, text=True, check=True, stderr=subprocess.DEVNULL
        )
        return done.stdout.splitlines()

    def test_the_images_boot_with_its_flags_or_a_command(self) -> None:
        self.assertEqual(self.start(), ["default "])
        self.assertEqual(self.start("--sync-home", "x"), ["default --sync-home x"])
        self.assertEqual(self.start("bash", "-c", 'echo "${PATH%%:*}"'), [str(self.bin)])

    def test_a_boot_script_of_ones_own_is_fetched_once(self) -> None:
        self.assertEqual(self.start(BOOT_SCRIPT="bad"), ["fetches BOOT_SCRIPT", "default "])
        self.assertEqual(self.start("--a", BOOT_SCRIPT="good"), ["fetches BOOT_SCRIPT", "custom --a"])
        self.assertEqual(self.start(BOOT_SCRIPT="good"), ["custom "])
        self.assertEqual(self.start(), ["default "])


if __name__ == "__main__":
    unittest.main()
