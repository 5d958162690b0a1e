"""Who may come in by SSH: the keys that the container was given, for root, and root's for `user`."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .words import is_true, say

# vast.ai's and RunPod's.
VARIABLES = ("SSH_PUBLIC_KEY", "PUBLIC_KEY")
ROOT, USER = Path("/root"), "user"
# Options may come before the kind.
KEY = re.compile(
    r"(?:^|\s)(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r"\s+AAAA[0-9A-Za-z+/]{20,}={0,3}(?:\s|$)"
)


def given_keys(variables: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Lines for authorized_keys, and what people should know about the others; never the text, it may be a private key."""
    keys, messages = [], []
    for name in VARIABLES:
        # Some panels keep the end of a line as two letters.
        for line in variables.get(name, "").replace("\\n", "\n").splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if KEY.search(line):
                keys.append(line.strip())
            else:
                messages.append(f"{name}: a line in it is no public key of OpenSSH, and left out.")
                break
    return list(dict.fromkeys(keys)), messages


def read_lines(file: Path) -> list[str]:
    """Empty where there is no file."""
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return []


def add_lines(home: Path, lines: list[str], owner: tuple[int, int]) -> None:
    """Adds what is missing, and sets the modes that sshd insists on; raises OSError."""
    folder, file = home / ".ssh", home / ".ssh/authorized_keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    known = read_lines(file)
    if missing := [line for line in lines if line not in known]:
        text = "".join(f"{line}\n" for line in [*known, *missing])
        draft = file.with_name(".authorized_keys.new")
        draft.write_text(text, encoding="utf-8", errors="surrogateescape")
        draft.replace(file)
    for place, mode in ((folder, 0o700), (file, 0o600)):
        if place.exists():
            os.chown(place, *owner)
            place.chmod(mode)


def close_home(home: Path) -> None:
    """sshd heeds no keys in a home that others may write to; raises OSError."""
    mode = home.stat().st_mode & 0o7777
    if mode & 0o022:
        home.chmod(mode & ~0o022)


def main(_: list[str]) -> int:
    """For boot 46."""
    keys, messages = given_keys(os.environ)
    for message in messages:
        say(message)
    close_home(ROOT)
    add_lines(ROOT, keys, (0, 0))
    if is_true(os.environ, "STRATA_BOOT_USER_KEYS", True):
        try:
            account = pwd.getpwnam(USER)
        except KeyError:
            say(f"There is no account {USER}, so it gets no keys.")
            return 1
        home = Path(account.pw_dir)
        close_home(home)
        roots = [line for line in read_lines(ROOT / ".ssh/authorized_keys") if line.strip()]
        add_lines(home, roots, (account.pw_uid, account.pw_gid))
    return 1 if messages else 0
