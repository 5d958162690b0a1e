"""The smoke test: proves on the real image that it does what it is for.

    python3 /smoke/run.py --out evidence.json [--checks 10,20] [--gpu [--gpu-memory BYTES] [--ram BYTES]]

Exits 0 when the verdict is `pass`, 1 otherwise, and writes the evidence in either case. `--gpu` says that this host
has to have a GPU: a check that is skipped for want of one is then a failure. Where the host itself cannot test the
image (no device, an old driver, another card, too little memory), no check runs, and the verdict is `inconclusive`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from lib.discover import choose_checks, find_checks, is_due
from lib.evidence import Evidence
from lib.gpu import find_gpu
from lib.host import find_trouble, too_little
from lib.image import METADATA, VENV_PYTHON, read_image
from lib.lane import run_lane
from lib.process import become
from lib.result import Result, Status
from lib.runner import Run, Settings

CHECKS = Path(__file__).resolve().parent / "checks"


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Proves that the image works.")
    parser.add_argument("--out", type=Path, required=True, help="where the evidence is written, as JSON")
    parser.add_argument("--checks", help="numbers of the checks to run, such as 10,20 (default: all)")
    parser.add_argument("--gpu", action="store_true", help="this host has to have a GPU")
    parser.add_argument("--gpu-memory", type=int, default=0, help="bytes that have to be free on the first card")
    parser.add_argument("--ram", type=int, default=0, help="bytes of memory that the host has to have")
    parser.add_argument("--user", help="whom the checks run as where root is not asked for by the image")
    parser.add_argument("--folder", type=Path, default=CHECKS, help="where the checks are")
    parser.add_argument("--image", type=Path, default=METADATA, help="the image's description")
    parser.add_argument("--venv-python", type=Path, default=VENV_PYTHON, help="the image's own Python")
    return parser.parse_args(arguments)


def show(result: Result) -> None:
    """`pass 30-torch.matmul-cpu  0.4 s`, the reason behind it, the output of a failure below it."""
    reason = f"  {result.reason}" if result.reason else ""
    print(f"{result.status} {result.id}  {result.seconds:.1f} s{reason}", flush=True)
    if result.output and result.status is Status.FAIL:
        print("".join(f"    {line}\n" for line in result.output.splitlines()), end="", flush=True)


def interrupt(number: int, _: Any) -> NoReturn:
    """Turns a signal into an exception, so that the evidence is still written."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def run_checks(options: argparse.Namespace, evidence: Evidence) -> None:
    """Runs what the command line asks for; raises whatever prevents that."""
    image = read_image(options.image)
    due = [check for check in find_checks(options.folder) if is_due(check, image)]
    # On an instance everything is root's; elsewhere an ordinary user has to do.
    if options.user and not image.get("instance"):
        become(options.user)
    evidence.due = [check.id for check in due]
    checks = choose_checks(due, options.checks.split(",")) if options.checks else due
    sight = find_gpu()
    evidence.gpu = sight.gpu
    too_small = too_little(sight, options.gpu_memory, options.ram)
    if options.gpu and (trouble := find_trouble(sight, image, os.environ) or too_small):
        # Whatever the checks found here, it would say nothing about the image.
        show(evidence.add(Result("00-host", "the host can test this image", Status.INCONCLUSIVE, 0.0, trouble)))
        return
    settings = Settings(
        image=image,
        gpu=sight.gpu,
        free_bytes=sight.free_bytes,
        require_gpu=options.gpu,
        venv_python=options.venv_python,
    )
    Run(settings, evidence, show).run(checks)


def main(arguments: list[str]) -> int:
    """Runs the checks and writes the evidence, whatever happens."""
    if arguments[:1] == ["--lane"]:
        order = json.loads(arguments[1])
        # A service that a check starts must not hold the pipe open.
        os.set_inheritable(order["pipe"], False)
        with os.fdopen(order["pipe"], "w", encoding="utf-8") as pipe:
            run_lane(order, pipe)
        return 0

    options = parse_arguments(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    evidence, started = Evidence(), time.monotonic()
    try:
        run_checks(options, evidence)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the evidence is written whatever happens
        reason = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - started
        show(evidence.add(Result("00-run", "the run itself", Status.FAIL, seconds, reason)))
    evidence.seconds = time.monotonic() - started
    print(f"{evidence.verdict}: {evidence.summary()}, {evidence.seconds:.1f} s", flush=True)
    try:
        evidence.write(options.out)
    except OSError as error:
        print(f"{options.out} cannot be written: {error}\n{json.dumps(evidence.to_json())}", file=sys.stderr)
        return 1
    return 0 if evidence.verdict is Status.PASS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
