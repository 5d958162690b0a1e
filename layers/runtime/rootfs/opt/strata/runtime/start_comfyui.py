"""Starts ComfyUI as bootstrap.py planned it.

Called without arguments it sets the planned environment and calls itself again with ComfyUI's arguments, because Python
reads some variables only when it starts. ComfyUI-Manager does the same when it restarts ComfyUI: it calls this file
with the arguments it finds.

What cannot be said on ComfyUI's command line is done here: nodes of the volume that the image brings are kept out of
sight, the token that ComfyUI-Login writes into the log is taken out, and nodes that fail are noted.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fetch_models
from log_watch import NodeFailures, Redact
from preparation import secret_names


def hide(listing: Callable[..., list[Any]], folder: str, names: frozenset[str]) -> Callable[..., list[Any]]:
    """`os.listdir` that does not see `names` in `folder`. ComfyUI finds nodes and their start scripts with it alone."""
    real = os.path.realpath(folder)

    def listdir(path: Any = ".") -> list[Any]:
        found = listing(path)
        # A file descriptor or bytes: nothing of ComfyUI's.
        if not isinstance(path, (str, os.PathLike)) or os.path.realpath(path) != real:
            return found
        return [name for name in found if name not in names]

    return listdir


def planned_environment(plan: dict[str, Any], environment: dict[str, str]) -> dict[str, str]:
    """The variables of ComfyUI: without what is for the image's own service, the fetcher and the worker."""
    secrets = secret_names.withheld(environment)
    kept = {name: value for name, value in environment.items() if name not in secrets}
    # Set for the other services; ComfyUI is the one that sees what its user installed.
    kept.pop("PYTHONNOUSERSITE", None)
    # The process manager's line for llama-server: it names what is secret.
    kept.pop("STRATA_LLAMA_COMMAND", None)
    return kept | plan["environment"]


def run(main: Path, state: Path, plan: dict[str, Any]) -> None:
    """Becomes ComfyUI. `sys.argv[0]` stays this file, so that a restart comes by here again."""
    hidden = frozenset(plan["hiddenNodes"])
    if hidden:
        os.listdir = hide(os.listdir, f"{plan['volume']}/custom_nodes", hidden)
    logging.getLogger().addFilter(NodeFailures(state / "failed-nodes.jsonl", plan["neededNode"]))
    if plan["loginToken"]:
        logging.getLogger().addFilter(Redact(plan["loginToken"]))
    sys.path[0] = str(main.parent)
    module = sys.modules["__main__"].__dict__
    module["__file__"] = str(main)
    exec(compile(main.read_bytes(), str(main), "exec"), module)  # noqa: S102 - ComfyUI is meant to be a program


def main() -> None:
    """Replaces this process, or becomes ComfyUI in it."""
    state = Path(os.environ["STRATA_STATE"])
    plan = json.loads((state / "comfyui.json").read_text(encoding="utf-8"))
    if len(sys.argv) == 1:
        models = plan.get("models")
        if models and models["fetch"] == "wait" and not fetch_models.fetch(models, os.environ, state):
            sys.exit(1)
        command = [sys.executable, sys.argv[0], *plan["arguments"]]
        os.execve(sys.executable, command, planned_environment(plan, dict(os.environ)))
    # Its own folder, as with `python main.py` there.
    os.chdir(plan["code"])
    run(Path(plan["code"]) / "main.py", state, plan)


if __name__ == "__main__":
    main()
