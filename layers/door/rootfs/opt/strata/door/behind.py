"""Moves the image's services behind the door. Prints it as lines for the entrypoint's shell, which evaluates them.

Which services run, and on which ports people want them, is what the image's own start decides (preparation/services.py):
those ports become the door's. What cannot work goes to stderr, and then the exit status is 2.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from preparation import options, services
from preparation.problem import Problem

DISTANCE = 10_000
HIGHEST = 65535
INSIDE = "127.0.0.1"
COMFYUI, BACKEND, LLAMA = "STRATA_COMFYUI_PORT", "STRATA_BACKEND_PORT", "LLAMA_ARG_PORT"
ARGUMENTS = "STRATA_COMFYUI_ARGS"


def inner_port(port: int) -> int:
    """Where a service listens whose public port is `port`."""
    return port + DISTANCE if port + DISTANCE <= HIGHEST else port - DISTANCE


def move(given: Mapping[str, str], decision: services.Decision) -> dict[str, str]:
    """The variables that the services and the door are started with; raises Problem."""
    decided = decision.variables
    shown = {
        "ComfyUI": (COMFYUI, decided["STRATA_COMFYUI"] == "on" and decided["STRATA_MODE"] != "worker"),
        "Service": (BACKEND, True),
        "llama-server": (LLAMA, decided["STRATA_LLAMA"] == "on"),
    }
    applications = {}
    moved = {}
    for label, (name, is_shown) in shown.items():
        if is_shown:
            if problem := options.port_problem(decided[name], name, services.PORTS[name]):
                raise problem
            moved[name] = str(inner_port(int(decided[name])))
            applications[label] = {
                "hostname": "localhost",
                "external_port": int(decided[name]),
                "internal_port": int(moved[name]),
                # Both have a login of their own, which knows the token: nobody has to log in twice.
                **({"own_token": True} if label == "Service" else {}),
                **({"login": True} if label == "ComfyUI" else {}),
            }
    taken = [entry[kind] for entry in applications.values() for kind in ("external_port", "internal_port")]
    if twice := sorted({port for port in taken if taken.count(port) > 1}):
        raise Problem("ports", f"{twice[0]} would be used twice.", f"Keep {DISTANCE} free above each public port.")
    return {
        **moved,
        # program.conf asks for it: an image with the door starts nothing that came another way.
        "STRATA_DOOR": "on",
        "LLAMA_ARG_HOST": INSIDE,
        ARGUMENTS: f"--listen={INSIDE} {own_arguments(given)}".strip(),
        "STRATA_DOOR_APPLICATIONS": json.dumps({"applications": applications}),
        "WEB_USERNAME": given.get("WEB_USERNAME") or "strata",
    }


def own_arguments(given: Mapping[str, str]) -> str:
    """A person's arguments for ComfyUI; raises Problem for those that lead around the door."""
    text = given.get(ARGUMENTS, "")
    if options.names_option(options.split_arguments(text), "--listen"):
        raise Problem(ARGUMENTS, "--listen would open ComfyUI beside the door.", "Leave it out; see AUTH_EXCLUDE.")
    for name in ("LLAMA_ARG_SSL_KEY_FILE", "LLAMA_ARG_SSL_CERT_FILE"):
        if given.get(name):
            raise Problem(name, "the door speaks TLS, and llama-server behind it cannot.", "Set ENABLE_HTTPS to true.")
    return text


def main() -> int:
    """The exit status. Whatever is wrong, nothing starts: without the door the services would be open."""
    decision = services.decide(os.environ, services.Installed.here())
    problems = decision.problems
    moved: dict[str, str] = {}
    try:
        if not problems:
            moved = move(os.environ, decision)
    except Problem as problem:
        problems = [problem]
    for problem in problems:
        print(f"strata: {problem}", file=sys.stderr)
    for name, value in moved.items():
        print(f"export {name}={shlex.quote(value)}")
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
