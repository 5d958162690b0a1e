"""What is there, whether it is right, and putting it in place in one step."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from .manifest import Model
from .problem import Problem
from .transfer import arrived

CHUNK = 1 << 22
# Kept free beside the models themselves.
SPARE = 64 << 20


class Records:
    """Files that were verified, by size and time of change: 37 GB are not read again at every start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def knows(self, model: Model, target: Path) -> bool:
        """Whether the file has been verified and not touched since."""
        try:
            return json.loads(self._file(model).read_text()) == self._state(model, target)
        except (OSError, ValueError):
            return False

    def add(self, model: Model, target: Path) -> None:
        """
        Notes that the file is right. Where there is no room for the note, or the folder is read-only, the file is read once more
        at the next start.
        """
        draft = self._file(model).with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(self._state(model, target)))
            draft.replace(self._file(model))
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def _file(self, model: Model) -> Path:
        return self._folder / f"{hashlib.sha256(str(model.path).encode()).hexdigest()[:32]}.json"

    def _state(self, model: Model, target: Path) -> dict[str, object]:
        status = target.stat()
        return {
            "path": str(model.path),
            "sha256": model.sha256,
            "size": status.st_size,
            "changed": status.st_mtime_ns,
            "inode": status.st_ino,
        }


def sha256_of(file: Path) -> str:
    """The hash of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_there(model: Model, target: Path, records: Records) -> bool:
    """Whether the right file is in its place; one that is only of the right size is read once."""
    if not target.is_file() or target.stat().st_size != model.size:
        return False
    if records.knows(model, target):
        return True
    if sha256_of(target) != model.sha256:
        return False
    records.add(model, target)
    return True


def place(model: Model, partial: Path, target: Path, records: Records) -> str | None:
    """Verifies and moves; the target appears whole or not at all. Returns the hash where it is a wrong one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    is_here = partial.stat().st_dev == target.parent.stat().st_dev
    try:
        draft = partial if is_here else Path(shutil.copyfile(partial, beside))
        if model.sha256 is not None and (found := sha256_of(draft)) != model.sha256:
            return found
        draft.chmod(0o644)
        try:
            draft.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Two mounts of one file system.
            Path(shutil.copyfile(partial, beside)).replace(target)
    finally:
        beside.unlink(missing_ok=True)
    partial.unlink(missing_ok=True)
    records.add(model, target)
    return None


def check_space(missing: list[tuple[Model, Path]], cache: Path, root: Path) -> None:
    """Before anything is fetched. Raises Problem with what is missing and where."""
    rest = [max(0, model.size - arrived(partial)) for model, partial in missing]
    if cache.stat().st_dev == root.stat().st_dev:
        need(sum(rest), root)
    else:
        # Each leaves the cache before the next one comes.
        need(max(rest, default=0), cache)
        need(sum(model.size for model, _ in missing), root)


def need(wanted: int, folder: Path) -> None:
    """Raises Problem where the file system of `folder` has less than `wanted` bytes free."""
    free = shutil.disk_usage(folder).free
    if wanted and wanted + SPARE > free:
        raise Problem(
            f"{folder}: {wanted / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; make room, or take fewer models"
        )
