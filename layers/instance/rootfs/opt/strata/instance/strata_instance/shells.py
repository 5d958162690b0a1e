"""What shells of people know: the instance's variables, its programs, and git in folders of other users.

SSH gives a session none of the variables that the container was started with, so they are written to /etc/environment, in lines
of ours: what people add stays, and comes later, so theirs counts.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .words import is_true, say, write_whole

ENVIRONMENT = Path("/etc/environment")
BEGIN, END = "# strata: written at each start", "# strata: end"
# Who has one of these passes the login, or runs the tunnel: nothing for a shell.
OF_THE_LOGIN = {"WEB_PASSWORD", "OPEN_BUTTON_TOKEN", "JUPYTER_TOKEN", "CF_TUNNEL_TOKEN"}
OF_A_PROCESS = {"HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "TERM", "PWD", "OLDPWD", "SHLVL", "_", "MAIL"}
# PAM reads no longer line.
LONGEST = 1000
HOMES = (Path("/root"), Path("/home/user"))
CALL = ". /opt/instance-tools/bashrc  # strata: variables and programs of the instance"


def quoted(value: str) -> str | None:
    """As PAM and shells read it alike; None for what they do not."""
    if re.fullmatch(r"[\w@%+=:,./|-]*", value, re.ASCII):
        return value
    for mark, unsafe in (("'", "'"), ('"', '"$`\\')):
        if value.isprintable() and not any(letter in value for letter in unsafe):
            return f"{mark}{value}{mark}"
    return None


def environment_lines(variables: Mapping[str, str]) -> list[str]:
    """One for each variable that a session may have."""
    lines = []
    for name, value in sorted(variables.items()):
        if name in OF_THE_LOGIN | OF_A_PROCESS or name.startswith("STRATA_BOOT_"):
            continue
        text = quoted(value)
        if text is not None and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and len(name) + len(text) < LONGEST:
            lines.append(f"{name}={text}")
    return lines


def with_lines(before: str, lines: list[str]) -> str:
    """The file with our part anew."""
    kept = re.sub(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", "", before, flags=re.DOTALL)
    # The distribution's PATH, which comes later, would hide ours.
    kept = re.sub(r'^PATH="?/usr/local/sbin:[^\n]*\n', "", kept, flags=re.MULTILINE)
    return "".join(f"{line}\n" for line in (BEGIN, *lines, END)) + kept


def call_from(bashrc: Path) -> None:
    """A line at its beginning, before what ends it for shells that nobody types in; raises OSError."""
    text = bashrc.read_text(encoding="utf-8", errors="surrogateescape") if bashrc.exists() else ""
    if CALL not in text:
        # Not anew: it may be a link into the workspace, and its owner stays.
        bashrc.write_text(f"{CALL}\n{text}", encoding="utf-8", errors="surrogateescape")


def trust_folders() -> None:
    """git refuses repositories of other users, as the files of a volume often are."""
    known = subprocess.run(
        ["git", "config", "--system", "--get-all", "safe.directory"], capture_output=True, text=True, check=False
    )
    if "*" not in known.stdout.split():
        subprocess.run(["git", "config", "--system", "--add", "safe.directory", "*"], check=True)


def main(_: list[str]) -> int:
    """For boot 45."""
    status = 0
    if is_true(os.environ, "STRATA_BOOT_EXPORT_ENV", True):
        before = ""
        with suppress(OSError):
            before = ENVIRONMENT.read_text(encoding="utf-8", errors="replace")
        # For root and for `user`, who is of root's group.
        write_whole(ENVIRONMENT, with_lines(before, environment_lines(os.environ)), 0o640)
    switch = Path("/run/strata/no-python-environment")
    if is_true(os.environ, "STRATA_BOOT_PYENV", True):
        switch.unlink(missing_ok=True)
    else:
        switch.touch()
    for home in HOMES:
        try:
            if home.is_dir():
                call_from(home / ".bashrc")
        except OSError as error:
            say(f"{home}/.bashrc: {error.strerror}.")
            status = 1
    try:
        trust_folders()
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"git: {error}.")
        status = 1
    return status
