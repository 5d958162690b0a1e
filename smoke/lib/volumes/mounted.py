"""The volume that ComfyUI keeps its user's files in: the one that is mounted, or a folder that stands in for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEFAULT = Path("/workspace")


def mounted_volume(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the image expects its volume, if something is mounted there."""
    volume = Path(environment.get("STRATA_VOLUME") or DEFAULT)
    return volume if os.path.ismount(volume) else None


def why_not_writable(volume: Path) -> str | None:
    """Tries it, because mode bits tell nothing about read-only mounts."""
    try:
        with tempfile.TemporaryFile(dir=volume):
            return None
    except OSError as error:
        owner = volume.stat()
        return f"user {os.geteuid()} cannot write to {volume}, which is {owner.st_uid}'s: {error.strerror}"


@contextmanager
def volumes(mounted: Path | None) -> Iterator[Path]:
    """A folder for volumes, on the mounted one where that can be used; gone afterwards."""
    where = mounted if mounted and why_not_writable(mounted) is None else None
    with tempfile.TemporaryDirectory(prefix="strata-volume.", dir=where) as folder:
        yield Path(folder)
