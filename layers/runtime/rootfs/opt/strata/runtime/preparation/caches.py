"""Where compiled kernels are kept. They are libraries that a process loads, which a file system mounted noexec refuses.

Docker mounts `--tmpfs /tmp` noexec, and with `--read-only` the home folder is there, too: Triton, SageAttention and
torch.compile would fail at the first use. Triton's cache is below HOME, torch.compile's in the folder for temporary files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def may_run_code(folder: Path) -> bool:
    """Whether this user can make files there that a process may load."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return not os.statvfs(folder).f_flag & os.ST_NOEXEC
    except OSError:
        return False


def cache_settings(
    variables: Mapping[str, str], places: Iterable[Path], may_run: Callable[[Path], bool] = may_run_code
) -> tuple[dict[str, str], str | None]:
    """
    Variables that move the caches to the first of `places` that may hold code, as far as their own place may not and nobody
    chose one; and what people should know where none may.
    """
    home = Path(variables.get("HOME") or "/")
    temporary = Path(variables.get("TMPDIR") or "/tmp")
    wanted = {
        "TRITON_CACHE_DIR": (home / ".triton/cache", "triton"),
        "TORCH_EXTENSIONS_DIR": (home / ".cache/torch_extensions", "torch_extensions"),
        "TORCHINDUCTOR_CACHE_DIR": (temporary, "inductor"),
    }
    moved = {name: folder for name, (place, folder) in wanted.items() if name not in variables and not may_run(place)}
    if not moved:
        return {}, None
    place = next((place for place in places if may_run(place)), None)
    if place is None:
        return {}, (
            "Compiled kernels find no folder: HOME and the folder for temporary files are read-only or mounted noexec, so Triton,"
            " SageAttention and torch.compile will fail. Mount one without noexec: --tmpfs /tmp:exec, or a volume."
        )
    return {name: str(place / folder) for name, folder in moved.items()}, None
