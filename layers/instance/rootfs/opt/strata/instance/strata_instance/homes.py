"""Keeps home folders in the workspace: what is in them lies there, and a link shows it in the home.

The homes themselves stay on the container's disk, and SSH's keys in them: a volume that several instances share must not say
who may come in, and sshd heeds no keys in a folder that others may write to.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .words import say

HOMES = (Path("/root"), Path("/home/user"))
PLACE = "home"
# Keys, what the platform writes at each start, and what is not worth a slow disk.
STAYS = {
    ".ssh",
    ".cache",
    ".launch",
    "onstart.sh",
    "ports.log",
    ".vast_containerlabel",
    ".vast_api_key",
    ".no_auto_tmux",
}


def keep_home(home: Path, kept: Path) -> None:
    """One home; raises OSError. Done twice it does nothing."""
    kept.mkdir(parents=True, exist_ok=True)
    owner = home.stat()
    os.chown(kept, owner.st_uid, owner.st_gid)
    kept.chmod(0o700)
    for name in sorted({entry.name for entry in (*home.iterdir(), *kept.iterdir())} - STAYS):
        if not name.endswith(".older") and ".strata-new" not in name:
            keep_entry(home / name, kept / name)


def keep_entry(here: Path, there: Path) -> None:
    """Of two files the newer one counts, and the other is kept beside it; of two folders the one in the workspace."""
    if here.is_symlink():
        return
    if here.exists():
        if not there.exists():
            bring(here, there)
        elif here.is_file() and there.is_file() and here.read_bytes() != there.read_bytes():
            older = there.with_name(f"{there.name}.older")
            if here.stat().st_mtime > there.stat().st_mtime:
                there.replace(older)
                bring(here, there)
        elif here.is_dir() and there.is_dir():
            # Whatever is only in the home's goes along; what is in both stays in the workspace.
            for entry in here.iterdir():
                if not (there / entry.name).exists():
                    bring(entry, there / entry.name)
        here.rename(here.with_name(f"{here.name}.strata-old"))
    here.symlink_to(there)
    old = here.with_name(f"{here.name}.strata-old")
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def bring(here: Path, there: Path) -> None:
    """A copy, whole or not at all; raises OSError."""
    draft = there.with_name(f".{there.name}.strata-new")
    if draft.is_dir() and not draft.is_symlink():
        shutil.rmtree(draft)
    if here.is_dir() and not here.is_symlink():
        shutil.copytree(here, draft, symlinks=True)
    else:
        shutil.copy2(here, draft, follow_symlinks=False)
    draft.rename(there)


def main(_: list[str]) -> int:
    """For boot 35."""
    status = 0
    for home in HOMES:
        if not home.is_dir():
            continue
        try:
            keep_home(home, Path(os.environ["WORKSPACE"]) / PLACE / home.name)
        except (OSError, shutil.Error) as error:
            say(f"{home} is not kept in the workspace: {error}.")
            status = 1
    return status
