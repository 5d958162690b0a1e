"""Decides what starts in this container. Prints it as lines for the entrypoint's shell, which evaluates them.

What people should know goes to stderr, and so does what cannot work: then the exit status is 2.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from preparation import driver, options, services
from preparation.problem import Problem

IMAGE = Path("/opt/strata/image.json")


def main() -> int:
    """The exit status."""
    image: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        image = json.loads(IMAGE.read_text(encoding="utf-8"))
    decision = services.decide(os.environ, services.Installed.here())
    if options.why_no_gpu(os.environ) is None:
        judge_driver(decision, image, driver.find_driver(), os.environ)
    for problem in decision.problems:
        print(f"strata: {problem}", file=sys.stderr)
    if decision.problems:
        return 2
    for message in decision.messages:
        print(f"strata: {message}", file=sys.stderr)
    for name in decision.removed:
        print(f"unset {name}")
    for name, value in decision.variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def judge_driver(
    decision: services.Decision, image: Mapping[str, Any], found: driver.Driver, settings: Mapping[str, str]
) -> None:
    """ComfyUI would only die of a driver that runs nothing: minutes later, four times, and with torch's message."""
    finding = driver.judge(image, found)
    if not finding:
        return
    on_cpu = "--cpu" in settings.get("STRATA_COMFYUI_ARGS", "").split()
    if finding.is_hopeless and decision.variables["STRATA_COMFYUI"] == "on" and not on_cpu:
        remedy = "STRATA_COMFYUI_ARGS=--cpu computes without the GPU."
        decision.problems.append(Problem("ComfyUI cannot start", finding.message, remedy))
    else:
        decision.messages.append(finding.message)


if __name__ == "__main__":
    sys.exit(main())
