"""ComfyUI-Manager's first settings.

Where it keeps them depends on ComfyUI: in `user/__manager` where ComfyUI reserves such names for the system, else in
`user/default/ComfyUI-Manager`. It moves its settings itself when ComfyUI is upgraded, and runs pip when it finds both
files, so ours is written only where there is neither.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

OLD, NEW = Path("user/default/ComfyUI-Manager/config.ini"), Path("user/__manager/config.ini")
# Its lists are fetched by a thread of its own: without a network it complains, but ComfyUI starts. `offline` would
# keep it quiet, and useless where there is one. pip, because uv cannot install beside an environment that it may not
# write to. The container engine keeps the log.
SETTINGS = """\
[default]
network_mode = public
security_level = normal
use_uv = False
file_logging = False
"""


def settings_file(code: Path) -> Path:
    """Where the Manager looks for its settings with this ComfyUI, below the volume."""
    with suppress(OSError):
        if "def get_system_user_directory" in (code / "folder_paths.py").read_text(encoding="utf-8"):
            return NEW
    return OLD


def write_settings(volume: Path, code: Path) -> str | None:
    """Leaves first settings where there are none. Returns why it could not: another user's folder stops nobody."""
    file = volume / settings_file(code)
    try:
        if not any((volume / known).exists() for known in (OLD, NEW)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(SETTINGS, encoding="utf-8")
    except OSError as error:
        return f"ComfyUI-Manager has no settings of the image's: {file} cannot be written ({error.strerror})."
    return None
