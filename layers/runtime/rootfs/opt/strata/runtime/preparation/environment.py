"""ComfyUI's environment variables.

Packages that a user or ComfyUI-Manager installs later go to pip's user folder, in the volume. Python looks there only
after the environment of the image, pip itself refuses to put a package there that the image has in another version,
and the constraints (set by the entrypoint) say so before anything is downloaded: nothing in a volume can replace what
the image brings. Each pair of Python and torch has a folder of its own, because compiled packages fit only one.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def sees_user_packages(configuration: Path) -> bool:
    """Whether Python in this environment looks at the user folder at all: pip refuses to install there otherwise."""
    with suppress(OSError):
        for line in configuration.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "include-system-site-packages":
                return value.strip().lower() == "true"
    return False


def package_settings(volume: Path, python: str, torch: str) -> dict[str, str]:
    """What pip and Python read: where to install, and to give up soon where there is no network."""
    return {
        "PYTHONUSERBASE": str(volume / "python" / f"{python}-torch{torch}"),
        "PIP_USER": "1",
        "PIP_RETRIES": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def folder_settings(code: Path, volume: Path) -> dict[str, str]:
    """Where nodes find ComfyUI, and where their libraries keep the models that they fetch themselves."""
    return {
        "COMFYUI_PATH": str(code),
        "COMFYUI_FOLDERS_BASE_PATH": str(volume),
        "HF_HOME": str(volume / "cache/huggingface"),
        "TORCH_HOME": str(volume / "cache/torch"),
        # A private repository asks for a name: nobody is there to answer.
        "GIT_TERMINAL_PROMPT": "0",
    }


def user_settings(environment: Mapping[str, str], spare_home: Path) -> dict[str, str]:
    """A name and a home for users whom the image does not know (`--user 1234`): libraries ask for both."""
    settings = {}
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        settings |= {"USER": "strata", "LOGNAME": "strata"}
    home = environment.get("HOME", "/")
    if home == "/" or not os.access(home, os.W_OK):
        spare_home.mkdir(exist_ok=True)
        settings["HOME"] = str(spare_home)
    return settings
