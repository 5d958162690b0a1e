"""What is in a folder, file by file: what the image brings, and what lies in the workspace."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

# Compiled ahead with no look at the source: beside a file that somebody edits it would hide the change.
COMPILED = ".pyc"
# Bytes above which a file of the image is no code but a model: a link shows it, as a copy would take minutes and room.
LARGEST_COPY = 64 << 20
# By path below the folder: `link:TARGET`, or `x:HASH` and `-:HASH` for a file that is a program, or none.
Tree = dict[str, str]
FOLDER = "folder"


def describe(file: Path) -> str | None:
    """None where nothing is; raises OSError."""
    try:
        status = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return f"link:{os.readlink(file)}"
    if not stat.S_ISREG(status.st_mode):
        return FOLDER
    with file.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{'x' if status.st_mode & 0o100 else '-'}:{content}"


def same_content(one: str | None, other: str | None) -> bool:
    """Whether two descriptions differ in modes at most: not every file system keeps them."""
    return one is not None and other is not None and one.lstrip("x-") == other.lstrip("x-")


def read_tree(folder: Path) -> Tree:
    """All files and links below an image's folder; raises OSError."""
    found: Tree = {}

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = [name for name in folders if name not in links]
        for name in (*files, *links):
            if name.endswith(COMPILED):
                continue
            file = Path(place, name)
            description = f"link:{file}" if is_linked(file) else describe(file)
            if description not in (None, FOLDER):
                found[str(file.relative_to(folder))] = str(description)
    return found


def is_linked(file: Path) -> bool:
    """Whether a file of the image stays there."""
    status = file.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size > LARGEST_COPY


def version_of(tree: Tree) -> str:
    """Another one for every change of a file."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def size_of(folder: Path, paths: list[str]) -> int:
    """Bytes that a copy takes."""
    return sum((folder / path).lstat().st_size for path in paths if not is_linked(folder / path))


def draft_of(target: Path) -> Path:
    """Always the same name: what an interruption left is written over, or found."""
    return target.with_name(f".{target.name}.strata-new")


def copy_file(source: Path, target: Path) -> None:
    """Whole or not at all, with the time of now, by which Python compiles it anew; raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(target)
    draft.unlink(missing_ok=True)
    if source.is_symlink():
        draft.symlink_to(os.readlink(source))
    elif is_linked(source):
        draft.symlink_to(source)
    else:
        shutil.copyfile(source, draft)
        with suppress(PermissionError):
            draft.chmod(0o775 if os.access(source, os.X_OK) else 0o664)
    draft.replace(target)
    forget_compiled(target)


def forget_compiled(file: Path) -> None:
    """Removes what Python compiled of it."""
    if file.suffix == ".py":
        for compiled in (file.parent / "__pycache__").glob(f"{glob_escaped(file.stem)}.*.pyc"):
            compiled.unlink(missing_ok=True)


def glob_escaped(name: str) -> str:
    """For `glob`, which reads brackets."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def why(error: OSError) -> str:
    """In words, with the place."""
    words = {
        errno.ENOSPC: "there is no room left",
        errno.EDQUOT: "the quota is used up",
        errno.EROFS: "it is mounted read-only",
        errno.EACCES: "this user may not write there",
        errno.EPERM: "this user may not write there",
    }
    place = f" ({error.filename})" if error.filename else ""
    return f"{words.get(error.errno or 0, error.strerror or str(error))}{place}"
