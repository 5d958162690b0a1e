"""Fetches the models of the image's manifest into the folder that bootstrap.py chose.

As a service it does so while ComfyUI runs; where ComfyUI waits, start_comfyui.py calls `fetch` first. Two containers on
one volume do not get in each other's way: the fetcher locks each file. How far it is stands in a file of the state folder
(`{"state", "comfyuiWaits", "lines"}`), for the image's service and for crash_guard.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import private

PROGRAM = Path("/opt/strata/model-fetch")
MANIFEST = Path("/opt/strata/models.json")
STATUS = "models-fetch.json"
# What it said last: each model that failed has one.
KEPT_LINES = 40


def command(plan: Mapping[str, str]) -> list[str]:
    """What fetches; what is in its environment is not for nodes that run beside it."""
    program = [sys.executable, str(Path(__file__).with_name("private.py")), "strata_models"]
    return [*program, "--manifest", str(MANIFEST), "--root", plan["root"]]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The fetcher's own: tokens of hosts are in it."""
    return {**variables, "PYTHONPATH": str(PROGRAM)}


def note(state: Path, how: str, plan: Mapping[str, str], lines: Iterable[str]) -> None:
    """Writes the file. A full disk is no reason to stop fetching."""
    content = {"state": how, "comfyuiWaits": plan["fetch"] == "wait", "lines": list(lines)}
    draft = state / f"{STATUS}.new"
    with suppress(OSError):
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(state / STATUS)


def run(plan: Mapping[str, str], variables: Mapping[str, str], state: Path) -> bool:
    """Returns whether all models are there. What the fetcher says goes to the log as it comes."""
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    note(state, "fetching", plan, lines)
    with subprocess.Popen(
        command(plan),
        env=environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
            note(state, "fetching", plan, lines)
    done = process.returncode == 0
    note(state, "done" if done else "failed", plan, lines)
    return done


def fetch(plan: Mapping[str, str], variables: Mapping[str, str], state: Path) -> bool:
    """The same for a ComfyUI that waits; what is missing has been told."""
    if run(plan, variables, state):
        return True
    print(
        "strata: ComfyUI waits for its models. STRATA_MODELS=background starts it without them, STRATA_MODELS=off"
        " fetches none.",
        file=sys.stderr,
        flush=True,
    )
    return False


def main() -> int:
    """Fetches beside a ComfyUI that runs; the exit status."""
    private.hide_process()
    state = Path(os.environ["STRATA_STATE"])
    plan = json.loads((state / "comfyui.json").read_text(encoding="utf-8"))["models"]
    return 0 if run(plan, os.environ, state) else 1


if __name__ == "__main__":
    sys.exit(main())
