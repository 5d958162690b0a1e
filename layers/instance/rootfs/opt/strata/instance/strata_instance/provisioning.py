"""PROVISIONING_SCRIPT: an address of a script that sets the instance up, once.

Its state is for the portal; what it prints goes to a log of its own and to the container's. One that failed is tried again by
the next start, one that succeeded never. ComfyUI waits for it, as it loads nodes when it starts; other services do not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .fetching import Unfetched, as_script, fetch, shown
from .words import STATE, say, write_json

VARIABLE = "PROVISIONING_SCRIPT"
# Seconds; a script that fetches models takes its time.
LIMIT_VARIABLE, LIMIT = "PROVISIONING_TIMEOUT", 7200.0
CONTAINER_LOG = 2
# Between asking it to end and making it.
GRACE = 10.0


@dataclass(frozen=True)
class Places:
    """Files that others look at."""

    state: Path = STATE / "provisioning.json"
    log: Path = Path("/var/log/portal/provisioning.log")
    script: Path = STATE / "provisioning.sh"
    running: Path = Path("/.provisioning")
    complete: Path = Path("/.provisioning_complete")
    failed: Path = Path("/.provisioning_failed")


def now() -> str:
    """As others read it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def is_due(places: Places) -> bool:
    """Whether there is a script that has not succeeded yet."""
    return bool(os.environ.get(VARIABLE)) and not places.complete.exists()


def announce(_: list[str], places: Places | None = None) -> int:
    """For boot 65, before any service starts. What an earlier boot left says nothing about this one."""
    places = places or Places()
    if is_due(places):
        places.running.touch()
        note(places, "running", None)
        return 0
    places.running.unlink(missing_ok=True)
    if not places.complete.exists():
        note(places, "none", "")
    elif not places.state.exists():
        note(places, "complete", "", places.complete.read_text(encoding="utf-8").strip() or None)
    return 0


def note(places: Places, state: str, detail: str | None, ended: str | None = None, started: str | None = None) -> None:
    """For the portal."""
    address = os.environ.get(VARIABLE, "")
    content: dict[str, Any] = {
        "state": state,
        "script": shown(address) if address else "",
        "started": started or (now() if state == "running" else ended),
        "ended": ended,
        "detail": detail or "",
    }
    write_json(places.state, content)


def limit() -> float:
    """Seconds that it may take."""
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not text:
        return LIMIT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        say(f'{LIMIT_VARIABLE}: expected seconds, got "{text}": {LIMIT:.0f} are taken.')
        return LIMIT
    return seconds


def provision(places: Places) -> int:
    """Fetches and runs it; its status, or 1."""
    started = now()
    note(places, "running", "fetching", started=started)
    state, detail, status = "failed", "", 1
    places.log.parent.mkdir(parents=True, exist_ok=True)
    # Readable for `user`, who is of root's group.
    with places.log.open("ab") as log:
        try:
            content = as_script(fetch(os.environ[VARIABLE]))
            places.script.write_bytes(content)
            note(places, "running", "the script runs", started=started)
            status = run(places.script, log, limit())
            detail = "" if status == 0 else f"the script ended with {status}"
            state = "complete" if status == 0 else "failed"
        except Unfetched as error:
            detail = f"it cannot be fetched: {error}"
        except TimeoutError:
            state, detail = "timed-out", f"it was ended after {limit():.0f} s ({LIMIT_VARIABLE})"
        except OSError as error:
            detail = str(error)
        finish(places, state, detail, started, log)
    return status


def finish(places: Places, state: str, detail: str, started: str, log: IO[bytes]) -> None:
    """Leaves the markers, and tells."""
    ended = now()
    note(places, state, detail, ended, started)
    places.running.unlink(missing_ok=True)
    if state == "complete":
        places.complete.write_text(f"{ended}\n", encoding="utf-8")
        places.failed.unlink(missing_ok=True)
        message = "The provisioning script has succeeded."
    else:
        places.failed.write_text(f"{ended} {detail}\n", encoding="utf-8")
        message = f"The provisioning script has failed: {detail}. The next start tries again; its log: {places.log}."
    log.write(f"{message}\n".encode())
    say(message)


def run(script: Path, log: IO[bytes], seconds: float) -> int:
    """Its status; raises TimeoutError when it has been ended. What it leaves running in the background goes on."""
    process = subprocess.Popen(
        ["/bin/bash", str(script)],
        cwd=os.environ.get("WORKSPACE") or "/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PATH": f"/venv/main/bin:{os.environ.get('PATH', '')}"},
    )
    assert process.stdout is not None
    printer = threading.Thread(target=copy_output, args=(process.stdout, log), daemon=True)
    printer.start()
    # With the boot's end comes the script's.
    signal.signal(signal.SIGTERM, lambda *_: (end_group(process.pid), sys.exit(1)))
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        end_group(process.pid, process)
        raise TimeoutError from None
    # What it left in the background may hold the pipe.
    printer.join(1)
    return status


def end_group(group: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Asks all that it started, and then does not ask."""
    with suppress(OSError):
        os.killpg(group, signal.SIGTERM)
    if process is None:
        return
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    process.wait()


def copy_output(source: IO[bytes], log: IO[bytes]) -> None:
    """To the log, and to the container's."""
    with source:
        for line in iter(source.readline, b""):
            with suppress(OSError, ValueError):
                log.write(line)
                log.flush()
            with suppress(OSError):
                os.write(CONTAINER_LOG, b"[provisioning] " + line)


def main(_: list[str], places: Places | None = None) -> int:
    """For boot 75."""
    places = places or Places()
    return provision(places) if is_due(places) else 0
