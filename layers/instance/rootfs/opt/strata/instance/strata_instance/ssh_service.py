"""The image's own SSH server: where the platform runs none, and there is a key to let in."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from pathlib import Path

from .launch import launch_mode
from .ssh_keys import read_lines
from .words import say

SERVER = "/usr/sbin/sshd"
FOLDER = Path("/etc/ssh")
MADE_HERE = FOLDER / ".strata-host-keys"
HOMES = (Path("/root"), Path("/home/user"))
PAM = Path("/etc/pam.d/sshd")
# Longer than startsecs: who ends sooner would be started again.
PAUSE = 6.0


def why_not(mode: str, is_key_there: bool, is_taken: bool) -> str | None:
    """Why there is no server of ours; None where there is to be one."""
    if mode != "args":
        return "the platform runs its own SSH server"
    if is_taken:
        return "something listens on port 22 already"
    if not is_key_there:
        return (
            "there is no key to let in: give SSH_PUBLIC_KEY or PUBLIC_KEY, or write /root/.ssh/authorized_keys and run"
            " supervisorctl start sshd"
        )
    return None


def is_port_taken(port: int = 22) -> bool:
    """Whether a server could not listen there."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


def has_keys(homes: tuple[Path, ...] = HOMES) -> bool:
    """Whether anybody can come in."""
    lines = [line.strip() for home in homes for line in read_lines(home / ".ssh/authorized_keys")]
    return any(line and not line.startswith("#") for line in lines)


def make_host_keys(folder: Path = FOLDER, mark: Path = MADE_HERE) -> None:
    """At the first start: those that came with the image would be the same for everybody. Raises OSError and others."""
    if mark.exists() and any(folder.glob("ssh_host_*_key")):
        return
    for key in folder.glob("ssh_host_*"):
        key.unlink()
    # Every client knows one of these; an RSA key would take seconds.
    for kind in ("ed25519", "ecdsa"):
        key = folder / f"ssh_host_{kind}_key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(key)], check=True, stdin=subprocess.DEVNULL
        )
    mark.touch()


def ease_pam(file: Path = PAM) -> None:
    """A container may not set who audits a session, and the distribution's PAM ends the session for it."""
    if file.is_file():
        text = file.read_text(encoding="utf-8")
        eased = re.sub(r"^(session\s+)required(\s+pam_loginuid\.so)", r"\1optional\2", text, flags=re.MULTILINE)
        if eased != text:
            file.write_text(eased, encoding="utf-8")


def main(_: list[str]) -> int:
    """Becomes sshd, or ends with success."""
    if reason := why_not(launch_mode(), has_keys(), is_port_taken()):
        say(f"No SSH server of the image's: {reason}.")
        skipped = Path("/tmp/supervisor-skip")
        skipped.mkdir(exist_ok=True)
        (skipped / "sshd").touch()
        time.sleep(PAUSE)
        return 0
    make_host_keys()
    ease_pam()
    # sshd refuses to start where this is another user's.
    run = Path("/run/sshd")
    run.mkdir(exist_ok=True)
    os.chown(run, 0, 0)
    run.chmod(0o755)
    os.execv(SERVER, [SERVER, "-D", "-e"])
