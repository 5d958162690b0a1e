"""Fetches the models of the image's manifest into the folder that bootstrap.py chose.

As a service it does so while ComfyUI runs; where ComfyUI waits, start_comfyui.py calls `fetch` first. Two containers on
one volume do not get in each other's way: the fetcher locks each file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = Path("/opt/strata/model-fetch")
MANIFEST = Path("/opt/strata/models.json")


def command(plan: Mapping[str, str]) -> list[str]:
    """What fetches."""
    return [sys.executable, "-m", "strata_models", "--manifest", str(MANIFEST), "--root", plan["root"]]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The fetcher's own: tokens of hosts are in it."""
    return {**variables, "PYTHONPATH": str(PROGRAM)}


def fetch(plan: Mapping[str, str], variables: Mapping[str, str]) -> bool:
    """Returns whether all models are there; what is missing has been told."""
    if subprocess.run(command(plan), env=environment(variables), check=False).returncode == 0:
        return True
    print(
        "strata: ComfyUI waits for its models. STRATA_MODELS=background starts it without them, STRATA_MODELS=off"
        " fetches none.",
        file=sys.stderr,
        flush=True,
    )
    return False


def main() -> None:
    """Becomes the fetcher."""
    plan = json.loads((Path(os.environ["STRATA_STATE"]) / "comfyui.json").read_text(encoding="utf-8"))["models"]
    arguments = command(plan)
    os.execve(arguments[0], arguments, environment(os.environ))


if __name__ == "__main__":
    main()
