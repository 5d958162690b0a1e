"""Runs the boot scripts one after the other, then waits for the process manager. Also a container's first process.

Each script is sourced by a shell of its own, and what it exports is handed to the next: one that fails, says `exit` or hangs
itself with `set -e` is noted in boot.json and ends nothing. SIGTERM ends everything, whatever the boot is at.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .supervised import is_answering, supervisor_pid
from .words import STATE, say, write_json

SCRIPTS = Path("/etc/vast_boot.d")
SOURCE = Path(__file__).parents[1] / "source_script.sh"
# What a flag sets for the scripts; some ask for what is so anyway.
FLAGS: dict[str, tuple[str, str] | None] = {
    "--sync-home": ("STRATA_BOOT_SYNC_HOME", "true"),
    "--no-user-keys": ("STRATA_BOOT_USER_KEYS", "false"),
    "--no-export-env": ("STRATA_BOOT_EXPORT_ENV", "false"),
    "--no-cert-gen": ("STRATA_BOOT_CERT_GEN", "false"),
    "--no-activate-pyenv": ("STRATA_BOOT_PYENV", "false"),
    "--no-forward-compat": ("DISABLE_FORWARD_COMPAT", "true"),
    "--jupyter-override": ("JUPYTER_OVERRIDE", "true"),
    "--no-force-jupyter": ("FORCE_JUPYTER", "false"),
    "--no-update-portal": None,
    "--no-update-vast": None,
    "--no-agent-banner": None,
}
# A shell's own, which no other inherits.
OF_A_SHELL = {"_", "SHLVL", "PWD", "OLDPWD"}
# Everything has to be over ten seconds after SIGTERM: supervisord's services have seven.
PATIENCE = 8.5
# Names of services that decided not to run.
SKIPPED = Path("/tmp/supervisor-skip")
# linux/prctl.h
SET_CHILD_SUBREAPER = 36


class Ended(BaseException):
    """SIGTERM or SIGINT."""


def read_flags(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Variables for the scripts, and what people should know."""
    variables: dict[str, str] = {}
    messages = []
    for argument in arguments:
        if argument == "--sync-environment":
            messages.append("--sync-environment: this image keeps packages for ComfyUI in the workspace anyway.")
        elif argument not in FLAGS:
            messages.append(f"{argument} is no flag of this image's boot, and heeded by nobody.")
        elif setting := FLAGS[argument]:
            variables[setting[0]] = setting[1]
    return variables, messages


def read_exports(text: bytes) -> dict[str, str]:
    """Of `env -0`."""
    pairs = (entry.partition("=") for entry in os.fsdecode(text).split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs if name not in OF_A_SHELL}


class Boot:
    """One boot, and the processes that it started."""

    def __init__(self, scripts: Path = SCRIPTS, state: Path = STATE, patience: float = PATIENCE) -> None:
        self.scripts = scripts
        self.state = state
        self.patience = patience
        self.environment = dict(os.environ)
        self.failed: list[dict[str, Any]] = []

    def run_scripts(self) -> None:
        """In the order of their names."""
        write_json(self.state / "boot.json", {"failed": []})
        # Of the last boot.
        for folder in (self.state / "deaths", SKIPPED):
            shutil.rmtree(folder, ignore_errors=True)
        for script in sorted(self.scripts.glob("*.sh")):
            status = self.run_script(script)
            if status != 0:
                self.failed.append({"script": script.name, "status": status})
                write_json(self.state / "boot.json", {"failed": self.failed})
                say(f"{script} ended with {status}; the boot goes on.")

    def run_script(self, script: Path) -> int:
        """Its status; what it exports counts from now on."""
        with tempfile.NamedTemporaryFile(dir=self.state, prefix="exports.") as exports:
            # A group of its own, so that its end can be asked of all that it started.
            process = subprocess.Popen(
                ["/bin/bash", str(SOURCE), str(script), exports.name],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
            try:
                status = self.wait_for(process.pid)
            except Ended:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGTERM)
                raise
            # Reaped here and not by it.
            process.returncode = status
            if found := read_exports(exports.read()):
                self.environment = found
            return status

    def wait_for(self, pid: int) -> int:
        """Until a child has ended; orphans that came to us are taken meanwhile. Raises ChildProcessError."""
        ended = None
        while ended != pid:
            ended, status = os.waitpid(-1, 0)
        return os.waitstatus_to_exitcode(status)

    def wait_for_supervisor(self) -> int:
        """The status of the container: 0 where somebody asked supervisord to end."""
        pid = supervisor_pid()
        if pid is None:
            say("supervisord does not run (what it says stands above), so there is nothing to wait for.")
            return 1
        try:
            status = self.wait_for(pid)
        except ChildProcessError:
            # An earlier boot's, which was killed alone.
            while is_alive(pid):
                time.sleep(1)
            return 0
        if status != 0:
            say(f"supervisord ended with {status} and nobody asked it to: the rest ends as well.")
        return 1 if status else 0

    def end_all(self) -> None:
        """Asks all that is ours to end, and makes it end."""
        signal_children(signal.SIGTERM)
        last = time.monotonic() + self.patience
        while has_children():
            if time.monotonic() > last:
                # Again and again: what they started becomes ours.
                signal_children(signal.SIGKILL)
            time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


def children(processes: Path = Path("/proc")) -> list[int]:
    """Ours; orphans have become so."""
    found = []
    for status in processes.glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name before it may have blanks and brackets.
            parent = int(status.read_bytes().rpartition(b")")[2].split()[1])
            if parent == os.getpid():
                found.append(int(status.parent.name))
    return found


def signal_children(number: signal.Signals) -> None:
    """All of them."""
    for pid in children():
        with suppress(OSError):
            os.kill(pid, number)


def has_children() -> bool:
    """Takes those that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def end(*_: Any) -> None:
    """For a signal; a second one changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Ended


def lock(state: Path) -> Any:
    """Held as long as this process lives; None where another boot holds it."""
    stream = (state / "boot.lock").open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        return None
    return stream


def main(arguments: list[str]) -> int:
    """Returns when everything has ended."""
    STATE.mkdir(parents=True, exist_ok=True)
    os.umask(0o002)
    held = lock(STATE)
    if held is None:
        say("The instance has been started already" + ("." if is_answering() else " and is still booting."))
        return 0
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    variables, messages = read_flags(arguments)
    for message in messages:
        say(message)
    boot = Boot()
    boot.environment |= variables
    try:
        boot.run_scripts()
        say("The boot is over" + (f"; {len(boot.failed)} scripts failed." if boot.failed else "."))
        status = boot.wait_for_supervisor()
    except Ended:
        status = 0
    finally:
        boot.end_all()
        held.close()
    return status
