"""Brings what the image has in /opt/workspace-internal into the workspace: new code, and never over what a user made.

A mark in the workspace says which files an image laid there, and of which version, so that edited files are known. It is
written before the first file as well: an interrupted copy goes on with the next start. Where the workspace is read-only or
full, ComfyUI runs from the image.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from preparation.volume import why_not_writable

from .file_tree import Tree, copy_file, draft_of, forget_compiled, read_tree, size_of, version_of, why
from .merge import NODES, Decision, decide, node_of
from .words import STATE, read_json, say, write_json, write_whole

INTERNAL = Path("/opt/workspace-internal")
MARKS = Path(".strata/sync")
# Where a folder came from that has no mark of ours: too many files to keep each beside.
KEPT = Path(".strata/kept")
# Room that stays, for what people do next.
SPARE = 64 << 20
# With less, ComfyUI could not even keep its settings.
LEAST = 8 << 20
# Another container that shares the volume may be at it.
PATIENCE = 120.0
MOST_NAMES = 8


class Unwritable(Exception):
    """Why the workspace does not have this image's code, in words."""


class Folder:
    """One folder of the image, and its place in the workspace."""

    def __init__(self, source: Path, workspace: Path, stamp: str) -> None:
        self.name = source.name
        self.source = source.resolve()
        self.target = workspace / source.name
        self.workspace = workspace
        self.mark = workspace / MARKS / f"{source.name}.json"
        self.stamp = stamp
        self.messages: list[str] = []

    def bring(self) -> None:
        """Everything; raises Unwritable."""
        new = read_tree(self.source)
        version = version_of(new)
        try:
            self.check_use()
            if self.is_current(version):
                return
            with locked(self.mark.with_suffix(".lock")):
                # It may have been done meanwhile.
                if not self.is_current(version):
                    self.update(new, version)
        except OSError as error:
            raise Unwritable(f"{self.target} does not have this image's code: {why(error)}.") from error

    def check_use(self) -> None:
        """Whether ComfyUI could write there; raises Unwritable."""
        place = self.target if self.target.is_dir() else self.workspace
        if reason := why_not_writable(place):
            raise Unwritable(f"{place} cannot be written to ({reason}).")
        if (free := free_bytes(place)) < LEAST:
            raise Unwritable(f"{self.workspace} is full: {free >> 20} MB are free.")

    def read_mark(self) -> dict[str, Any]:
        """Empty for a folder that no image of ours wrote, or that somebody removed."""
        found = read_json(self.mark)
        return found if isinstance(found, dict) and self.target.is_dir() else {}

    def is_current(self, version: str) -> bool:
        """Whether nothing is to be done. Who moves his own node away gets the image's."""
        mark = self.read_mark()
        nodes = self.target / NODES
        own_are_there = all((nodes / name).exists() for name in mark.get("own", []))
        return mark.get("version") == version and not mark.get("copying") and own_are_there

    def update(self, new: Tree, version: str) -> None:
        """Raises OSError, Unwritable."""
        mark = self.read_mark()
        done, begun = (tree if isinstance(tree := mark.get(name), dict) else {} for name in ("files", "copying"))
        is_marked = bool(done or begun)
        had_files = self.target.is_dir() and any(self.target.iterdir())
        decision = decide(self.target, new, done, begun)
        self.check_room(decision)
        # What is the user's own was not laid by an image.
        own = set(decision.own_nodes)
        laid = {path: description for path, description in new.items() if node_of(path) not in own}
        # All that may be there: an update may be interrupted, and followed by another image's.
        before = {"version": mark.get("version"), "files": done, "own": sorted(own)}
        write_whole(self.mark, json.dumps({**before, "copying": {**begun, **laid}}), 0o664)
        for path in begun:
            draft_of(self.target / path).unlink(missing_ok=True)
        self.lay(decision, is_marked)
        sync_disk(self.target)
        write_whole(self.mark, json.dumps({"version": version, "files": laid, "own": sorted(own)}), 0o664)
        self.tell(decision, is_marked, had_files)

    def check_room(self, decision: Decision) -> None:
        """Before anything is written; raises Unwritable."""
        needed = size_of(self.source, [*decision.bring, *decision.keep])
        free = free_bytes(self.workspace if not self.target.is_dir() else self.target)
        if needed and free < needed + SPARE:
            raise Unwritable(
                f"{self.workspace} is full: {self.name} needs {(needed + SPARE) >> 20} MB there, {free >> 20} MB are free."
            )

    def lay(self, decision: Decision, is_marked: bool) -> None:
        """Writes what was decided; raises OSError."""
        for path in decision.keep:
            kept = self.kept(path, is_marked)
            kept.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.target / path, kept)
        for path in (*decision.bring, *decision.keep):
            copy_file(self.source / path, self.target / path)
        for path in decision.remove:
            (self.target / path).unlink(missing_ok=True)
            forget_compiled(self.target / path)
            # Folders that nothing is left in.
            with suppress(OSError):
                os.removedirs((self.target / path).parent)

    def kept(self, path: str, is_marked: bool) -> Path:
        """Where a user's file goes that makes way: beside, under a name that nothing loads."""
        if is_marked:
            return self.target / f"{path}.kept-{self.stamp}"
        return self.workspace / KEPT / f"{self.name}-{self.stamp}" / path

    def tell(self, decision: Decision, is_marked: bool, had_files: bool) -> None:
        """What people should know."""
        if had_files and not decision.is_nothing():
            self.messages.append(f"{self.target} has this image's code now ({len(decision.bring)} files came).")
        if decision.keep and is_marked:
            names = listed([f"{path}.kept-{self.stamp}" for path in decision.keep])
            self.messages.append(f"Edited in {self.target} and changed by the image; yours are kept as {names}.")
        elif decision.keep:
            place = self.kept("", is_marked)
            self.messages.append(
                f"{self.target} came from elsewhere: {len(decision.keep)} files that differ from the image's are kept in"
                f" {place}: {listed(decision.keep)}."
            )
        if decision.edited:
            self.messages.append(f"Edited in {self.target} and still in use: {listed(decision.edited)}.")
        if decision.own_nodes:
            self.messages.append(
                f"Left as they are in {self.target}/custom_nodes, in place of the image's: {listed(decision.own_nodes)}."
                " Move one away to have the image's."
            )
        if decision.removed_nodes:
            self.messages.append(
                f"Removed in {self.target}/custom_nodes, and not brought back: {listed(decision.removed_nodes)}."
            )


def free_bytes(folder: Path) -> int:
    """Where a folder is; raises OSError."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def listed(names: list[str]) -> str:
    """The first of them."""
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Only one container at a time; raises OSError, Unwritable. Where the file system knows no locks, it has to do without."""
    file.parent.mkdir(parents=True, exist_ok=True)
    last = time.monotonic() + PATIENCE
    with file.open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > last:
                    raise Unwritable(f"another container has been writing {file.stem} for {PATIENCE:.0f} s") from error
                time.sleep(0.5)
            except OSError:
                break
        yield


def sync_disk(folder: Path) -> None:
    """So that the mark never says more than what is on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def sync_workspace(internal: Path, workspace: Path, state: Path) -> list[str]:
    """All folders; returns what people should know, and leaves in the state folder which ComfyUI runs."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    messages: list[str] = []
    comfyui = None
    for source in sorted(place for place in internal.iterdir() if place.is_dir()):
        folder = Folder(source, workspace, stamp)
        place = folder.target
        try:
            folder.bring()
        except Unwritable as problem:
            messages.append(f"{problem} What is in the image runs instead; what it makes goes with the container.")
            place = folder.source
        messages.extend(folder.messages)
        if folder.name == "ComfyUI":
            comfyui = str(place)
    write_json(state / "workspace.json", {"comfyui": comfyui, "messages": messages})
    return messages


def main(_: list[str]) -> int:
    """For boot 36."""
    messages = sync_workspace(INTERNAL, Path(os.environ["WORKSPACE"]), STATE)
    for message in messages:
        say(message)
    return 0
