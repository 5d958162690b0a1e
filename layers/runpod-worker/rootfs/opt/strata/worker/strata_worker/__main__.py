"""Takes RunPod's jobs: `python -m strata_worker`.

Away from RunPod it serves the SDK's own small copy of RunPod's interface (`POST /runsync`), or computes the one job in
`--test_input` or in the file test_input.json of the current folder.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import runpod.serverless

from .engine import Engine
from .failure import JobFailure
from .progress import Send
from .settings import Settings, SettingsError, load_settings
from .worker import Worker


def sender(job: Mapping[str, Any]) -> Send:
    """Updates about a job, by the SDK; it does not hand out the thread that it starts for each."""

    def send(state: dict[str, Any]) -> threading.Thread | None:
        before = set(threading.enumerate())
        runpod.serverless.progress_update(dict(job), state)
        return next(iter(set(threading.enumerate()) - before), None)

    return send


def printer(job: Mapping[str, Any]) -> Send:
    """Updates where there is no RunPod."""
    return lambda state: print(f"strata: {job['id']}: {state}", flush=True)


def readiness(settings: Settings) -> Callable[[], Any]:
    """RunPod's check before the first job: a worker whose ComfyUI does not start is replaced, and no job fails."""

    async def comfyui_answers() -> None:
        engine = Engine(settings)
        try:
            await engine.wait_until_ready()
        except JobFailure as failure:
            raise RuntimeError(settings.redactor.clean(str(failure.answer()["error"]))) from None
        finally:
            await engine.close()

    return comfyui_answers


def local_arguments(arguments: list[str], settings: Settings, folder: Path) -> list[str]:
    """What the SDK needs to serve its interface, where nothing else was asked of it."""
    asked = any(argument.startswith(("--test_input", "--rp_serve_api")) for argument in arguments)
    if settings.on_runpod or asked or (folder / "test_input.json").exists():
        return []
    return ["--rp_serve_api", "--rp_api_host", "0.0.0.0", "--rp_api_port", str(settings.port)]


def main() -> int:
    """Returns when the SDK does."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"strata: the worker cannot start:\n{error}", file=sys.stderr, flush=True)
        return 1
    # The SDK lets every library write what it does, a line for each request.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.argv += local_arguments(sys.argv[1:], settings, Path.cwd())
    runpod.serverless.register_fitness_check(readiness(settings))
    worker = Worker(settings, sender if settings.on_runpod else printer)
    runpod.serverless.start({"handler": worker.handle})
    return 0


if __name__ == "__main__":
    sys.exit(main())
