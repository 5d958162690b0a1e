"""Who may talk to the image's service, and to a ComfyUI with ComfyUI-Login in it.

ComfyUI-Login keeps a bcrypt hash of its password in `login/PASSWORD` beside ComfyUI's code, shows whoever comes first a
page to choose one while there is none, and takes the hash itself as a token. It is written here at each start, so that
nobody else can choose, and the image's service knows the token. After an upgrade the password is still the same,
because it comes from the environment or from the volume.
"""

from __future__ import annotations

import importlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from .problem import Problem

TOKEN_FILE = Path("user/strata-token")
SHORTEST = 16
# bcrypt looks at no more.
LONGEST_PASSWORD = 72
USER = "strata"


def check_token(token: str) -> str:
    """`STRATA_TOKEN`; raises Problem for what could be guessed or not be sent."""
    if len(token) < SHORTEST:
        raise Problem("STRATA_TOKEN", f"has fewer than {SHORTEST} characters.", "Make one: openssl rand -hex 32")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Problem("STRATA_TOKEN", "has characters that no HTTP header carries.", "Make one: openssl rand -hex 32")
    return token


def keep_token(file: Path) -> str:
    """
    The token that an earlier start left in `file`, or a new one. Only the container's user can read it; one that another user
    left is used where it can be read.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        token = ""
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(str(file), f"cannot be read: {error}.", "Remove it: another is made.") from error
    if len(token) < SHORTEST:
        token = secrets.token_urlsafe(32)
        write_secret(file, f"{token}\n")
    with suppress(PermissionError):
        file.chmod(0o600)
    return token


def write_secret(file: Path, text: str) -> None:
    """Writes a file that was never readable for others, whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)


def hash_password(password: str) -> str:
    """bcrypt's, which is there because ComfyUI-Login needs it."""
    bcrypt = importlib.import_module("bcrypt")
    hashed: bytes = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
    return hashed.decode()


def set_password(login: Path, password: str) -> str:
    """Writes ComfyUI-Login's file into its folder and returns the token that it takes; raises Problem, OSError."""
    if len(password.encode()) > LONGEST_PASSWORD:
        raise Problem(
            "STRATA_LOGIN_PASSWORD",
            f"has more than {LONGEST_PASSWORD} bytes (without it, STRATA_TOKEN is the password).",
            "Give a shorter one.",
        )
    token = hash_password(password)
    login.mkdir(exist_ok=True)
    write_secret(login / "PASSWORD", f"{token}\n{USER}")
    return token
