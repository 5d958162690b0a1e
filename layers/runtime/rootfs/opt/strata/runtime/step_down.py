"""Starts as root, gives the volume to who is to use it, and becomes that user: `step_down.py PROGRAM ARGUMENT...`.

Who that is, the first that applies:

1. `PUID` (and `PGID`), as people know them from other images; 0 stays root.
2. The owner of the folder that is mounted for the user's files, so that what is written there is his.
3. root, where root of this container is an ordinary user outside: Docker and podman without root.
4. The image's own user, 1000.

A mounted folder that is root's becomes that user's, and what is root's in it: Docker makes a missing folder so, RunPod its
volumes, and other images leave such files. Files of anybody else stay as they are. A container that is started as another user
(`--user`, Kubernetes' `runAsUser`) never comes here.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preparation import volume

IMAGE = Path("/opt/strata/image.json")
UID_MAP = Path("/proc/self/uid_map")
OWN_USER = 1000
# What a number that is mapped to nobody shows as; no process can become it.
NOBODY = 65534
LARGEST = 2**32 - 2


@dataclass(frozen=True)
class User:
    """Numbers of a user and of the first group."""

    uid: int
    gid: int


class Refusal(Exception):
    """The container cannot start like this; what is wrong, and the remedy."""


def written_folders(
    variables: Mapping[str, str], image: Mapping[str, Any], is_mount: Callable[[str], bool] = os.path.ismount
) -> list[str]:
    """What is mounted and has to be written to: the volume, and the library where this image fetches models into it."""
    models = image.get("models") or {}
    fetches = models.get("strategy") == "volume" and variables.get("STRATA_MODELS") != "off"
    places = [
        volume_of(variables),
        *([variables.get("STRATA_LIBRARY") or str(volume.NETWORK_VOLUME)] if fetches else []),
    ]
    return [place for place in dict.fromkeys(places) if is_mount(place)]


def volume_of(variables: Mapping[str, str]) -> str:
    """Where a user's files are."""
    return variables.get("STRATA_VOLUME") or str(volume.DEFAULT)


def is_root_outside(uid_map: str) -> bool:
    """By /proc/self/uid_map. False where root here is one ordinary user outside, who runs the engine."""
    for line in uid_map.splitlines():
        inside, outside, length = (int(number) for number in line.split())
        if inside == 0:
            return outside == 0 or length > 1
    return True


def given_number(variables: Mapping[str, str], name: str) -> int | None:
    """`PUID` or `PGID`; raises Refusal."""
    text = variables.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > LARGEST:
        raise Refusal(f'{name}: expected the number of a user or group, got "{text}". Try {name}=$(id -u).')
    return int(text)


def choose_user(variables: Mapping[str, str], owner: User | None, root_outside: bool) -> User:
    """Who runs the services; `owner` is that of the mounted volume. Raises Refusal."""
    uid, gid = given_number(variables, "PUID"), given_number(variables, "PGID")
    if uid is None:
        if owner and owner.uid not in (0, NOBODY):
            uid, gid = owner.uid, owner.gid if gid is None else gid
        else:
            uid = OWN_USER if root_outside else 0
    return User(uid, uid if gid is None else gid)


def owner_of(folder: str) -> User | None:
    """None where it cannot be asked."""
    with suppress(OSError):
        status = os.stat(folder)
        return User(status.st_uid, status.st_gid)
    return None


def hand_over(folder: str, user: User) -> int:
    """
    Gives a mounted folder that is root's to `user`, and what is root's in it, on its file system alone and without following
    links; returns how many entries. What cannot be given away, as on NFS that knows no root, is the start's to judge.
    """
    owner = owner_of(folder)
    if owner is None or owner.uid != 0:
        return 0
    device = os.stat(folder).st_dev
    count = 0
    # By descriptors: another container that shares the volume could put a link in the place of a folder meanwhile.
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        status = {name: stat_in(descriptor, name) for name in [*folders, *files]}
        folders[:] = [name for name in folders if (found := status[name]) and found.st_dev == device]
        for name, found in status.items():
            if found and found.st_uid == 0 and found.st_dev == device:
                count += give(name, user, descriptor)
    # The folder itself comes last: who is interrupted goes on with the next start.
    return count + give(folder, user)


def stat_in(descriptor: int, name: str) -> os.stat_result | None:
    """None where it is gone, or may not be asked."""
    with suppress(OSError):
        return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    return None


def give(name: str, user: User, descriptor: int | None = None) -> bool:
    """Whether it could be given away."""
    with suppress(OSError):
        os.chown(name, user.uid, user.gid, dir_fd=descriptor, follow_symlinks=False)
        return True
    return False


def step_down(user: User, groups: Iterable[int]) -> dict[str, str]:
    """Becomes `user` and returns the variables that change with it; raises Refusal."""
    # What the engine writes the log through is root's: services open it by its name.
    for descriptor in (1, 2):
        with suppress(OSError):
            os.fchown(descriptor, user.uid, user.gid)
    try:
        return become(user, [group for group in groups if group != 0])
    except OSError as error:
        raise Refusal(
            f"root of this container may not become user {user.uid} ({error.strerror}). Start the container as that user:"
            f" --user {user.uid}:{user.gid}, or leave it the capabilities SETUID, SETGID and CHOWN."
        ) from error


def become(user: User, groups: list[int]) -> dict[str, str]:
    """Makes this process `user`'s for good, and returns the variables that change with it; raises OSError."""
    # The user last: nobody else may change groups.
    os.setgroups(groups)
    os.setgid(user.gid)
    os.setuid(user.uid)
    try:
        account = pwd.getpwuid(user.uid)
    except KeyError:
        return {"HOME": "/"}
    return {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}


def main(program: list[str]) -> None:
    """Becomes `program`, as the user who is to run it."""
    folders = written_folders(os.environ, json.loads(IMAGE.read_text(encoding="utf-8")))
    mounted = volume_of(os.environ)
    root_outside = is_root_outside(UID_MAP.read_text(encoding="ascii"))
    try:
        user = choose_user(os.environ, owner_of(mounted) if mounted in folders else None, root_outside)
        changed: dict[str, str] = {}
        if user.uid != 0:
            for folder in folders:
                if count := hand_over(folder, user):
                    print(
                        f"strata: {folder} was root's and is user {user.uid}'s now ({count} entries).", file=sys.stderr
                    )
            changed = step_down(user, os.getgroups())
    except Refusal as refusal:
        print(f"strata: {refusal}", file=sys.stderr)
        sys.exit(1)
    # The program does not come here again, and knows that `chown` has been tried.
    os.execve(program[0], program, {**os.environ, **changed, "STRATA_STARTED_AS": "root"})


if __name__ == "__main__":
    main(sys.argv[1:])
