"""pip for people: `docker exec CONTAINER pip install …` adds packages where this container's ComfyUI looks for them.

They go to the volume (preparation/environment.py), under the constraints of the image, and as the user who runs ComfyUI,
also where root calls.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from preparation import environment
from step_down import IMAGE, User, become, volume_of

CONSTRAINTS = Path("/opt/strata/constraints.txt")
# Each says another place than a user's packages.
ELSEWHERE = ("--target", "-t", "--prefix", "--root", "--no-user")


def running(folders: Iterable[Path]) -> Path | None:
    """The state folder of the services that run here; the newest, if another was left behind."""
    found: list[tuple[float, Path]] = []
    for folder in folders:
        for plan in [*folder.glob("strata.*/comfyui.json"), *folder.glob(".strata.*/comfyui.json")]:
            with suppress(OSError):
                found.append((plan.stat().st_mtime, plan.parent))
    return max(found)[1] if found else None


def settings(
    variables: Mapping[str, str], image: Mapping[str, Any], volume: Path, arguments: list[str]
) -> dict[str, str]:
    """What pip is told; a place that a person named stays."""
    python = ".".join(platform.python_version_tuple()[:2])
    wanted = environment.package_settings(volume, python, str(image.get("torch") or "none"))
    # Of other commands it means something else: `pip list --user`.
    if "install" not in arguments or any(argument.split("=")[0] in ELSEWHERE for argument in arguments):
        del wanted["PIP_USER"]
    # A person is there to answer, and to wait.
    del wanted["PIP_NO_INPUT"], wanted["PIP_RETRIES"]
    if CONSTRAINTS.exists():
        wanted["PIP_CONSTRAINT"] = str(CONSTRAINTS)
    return {name: value for name, value in wanted.items() if name not in variables}


def become_owner(owner: os.stat_result) -> dict[str, str]:
    """The user of the services, where root calls: what root puts into the volume ComfyUI could not change any more."""
    if os.geteuid() != 0 or owner.st_uid == 0:
        return {}
    return become(User(owner.st_uid, owner.st_gid), [])


def main() -> None:
    """Becomes pip."""
    variables = dict(os.environ)
    home = Path(variables.get("HOME") or "/")
    state = running([Path(variables.get("TMPDIR") or "/tmp"), Path("/tmp"), home])
    volume = Path(volume_of(variables))
    if state:
        volume = Path(json.loads((state / "comfyui.json").read_text(encoding="utf-8"))["volume"])
        variables |= become_owner(state.stat())
    image = json.loads(IMAGE.read_text(encoding="utf-8"))
    arguments = sys.argv[1:]
    variables |= settings(variables, image, volume, arguments)
    if "install" in arguments and variables.get("PIP_USER"):
        print(f"strata: into {variables['PYTHONUSERBASE']}, where ComfyUI looks; it sees it when it starts again.")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "pip", *arguments], variables)


if __name__ == "__main__":
    main()
