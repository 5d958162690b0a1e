"""Runs some checks one after the other in this process and reports to the runner through a pipe, in lines of JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TextIO

from .check import Check, judge
from .discover import CheckFile, load_check
from .process import adopt_orphans
from .result import Fail, Result


def run_check(file: CheckFile, check: Check) -> None:
    """Everything that goes wrong in the check outside its steps, even while it is loaded, becomes a result."""
    started = time.monotonic()
    try:
        load_check(file).run(check)
        if check.reported == 0:
            raise Fail("the check reported nothing")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a check may raise anything, and it becomes a result
        status, reason, output = judge(error, None, check.require_gpu)
        check.add(Result(check.id, check.title, status, time.monotonic() - started, reason, output))


def run_lane(order: dict[str, Any], pipe: TextIO) -> None:
    """Runs `order["checks"]`; the order also holds image, gpu, requireGpu and freeBytes."""

    def send(kind: str, content: Any) -> None:
        # The check's own output has to be in the log before the runner looks there.
        sys.stdout.flush()
        sys.stderr.flush()
        pipe.write(json.dumps([kind, content]) + "\n")
        pipe.flush()

    adopt_orphans()
    for fields in order["checks"]:
        file = CheckFile(**fields)
        # Where its output begins: when the runner reads this, the check may have written already.
        sys.stdout.flush()
        send("start", os.fstat(sys.stdout.fileno()).st_size)
        check = Check(
            id=file.id,
            title=file.title,
            image=order["image"],
            gpu=order["gpu"],
            report=send,
            require_gpu=order["requireGpu"],
            free_bytes=order["freeBytes"],
        )
        run_check(file, check)
        send("end", file.id)
