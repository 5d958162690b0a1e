"""Brings every model of a manifest into its place."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .access import Access
from .locking import locked
from .manifest import Model
from .place import Records, check_space, is_there, place
from .problem import Later, Problem
from .progress import Lines, Report, amount
from .source import find_source
from .transfer import arrived, discard, is_whole, transfer

# A server that wants more patience than this is not going to serve today.
LONGEST_WAIT = 900
LONGEST_PAUSE = 60
# The bytes may have been damaged on the way, or by a run before; a second time they are what the source has.
HASH_TRIES = 2


@dataclass(frozen=True)
class Settings:
    """How a run behaves."""

    # Where models go: ComfyUI's folder, or a volume with the same folders.
    root: Path
    # Where what has arrived lies until it is whole; kept between runs.
    cache: Path
    connections: int = 8
    # Tries in a row that bring nothing.
    tries: int = 8
    # Seconds before the second try; it doubles each time.
    pause: float = 1
    # Seconds between lines of progress.
    interval: float = 5


def end_on_sigterm() -> None:
    """Ends what runs below, which keeps what has arrived."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)


def fetch_all(models: list[Model], settings: Settings, access: Access, report: Report | None = None) -> list[str]:
    """Fetches what is not there. Returns what went wrong, a message for each model; raises Problem for want of space."""
    report = report or Lines(settings.interval)
    records = Records(settings.cache / "verified")
    missing = [model for model in models if not is_there(model, settings.root / model.path, records)]
    total = sum(model.size for model in missing)
    report.say(f"{len(models)} models, {len(missing)} of them to fetch ({amount(total)})")
    # Models that are all there may be mounted read-only.
    if not missing:
        return []
    for folder in (settings.root, settings.cache):
        folder.mkdir(parents=True, exist_ok=True)
    check_space([(model, partial_of(model, settings)) for model in missing], settings.cache, settings.root)
    problems = []
    for number, model in enumerate(missing, 1):
        try:
            fetch(model, settings, access, records, report, f"{number}/{len(missing)}")
        except (Problem, OSError) as error:
            is_file = isinstance(error, OSError)
            problem = f"{model.path}: {error.strerror} ({error.filename or settings.root})" if is_file else str(error)
            report.say(problem)
            problems.append(problem)
    return problems


def partial_of(model: Model, settings: Settings) -> Path:
    """By content if that is known, so that it is found again whatever the file is called."""
    return settings.cache / f"{model.sha256 or hashlib.sha256(model.url.encode()).hexdigest()}.part"


def fetch(model: Model, settings: Settings, access: Access, records: Records, report: Report, number: str) -> None:
    """One model, under a lock. Raises Problem."""
    target, partial = settings.root / model.path, partial_of(model, settings)
    report.begin(model, number)
    with locked(partial.with_suffix(".lock"), report.waiting) as hold:
        # The process that had the lock before may have brought it.
        if is_there(model, target, records):
            report.say(f"{number} {model.path}: is there")
            return
        if hold is None:
            partial = partial.with_suffix(f".{socket.gethostname()}.{os.getpid()}.part")
        started = time.monotonic()
        for _ in range(HASH_TRIES):
            load(model, partial, settings, access, report, hold)
            report.verifying()
            wrong = place(model, partial, target, records)
            if wrong is None:
                seconds = time.monotonic() - started
                checked = "sha256 verified" if model.sha256 else "no sha256 is known"
                report.say(f"{number} {model.path}: {amount(model.size)} in {seconds:.0f} s, {checked}")
                return
            discard(partial)
            report.say(f"{number} {model.path}: the bytes have sha256 {wrong}; once more from the beginning")
    raise Problem(f"{model.path}: the source gives bytes with sha256 {wrong}, {model.promise} {model.sha256}")


def load(model: Model, partial: Path, settings: Settings, access: Access, report: Report, hold: int | None) -> None:
    """Tries until all bytes are there; a try that brought something does not count. Raises Problem."""
    failures = 0
    while not is_whole(partial, model):
        if partial.exists() and partial.stat().st_size > model.size:
            discard(partial)
        before = arrived(partial)
        try:
            source = find_source(model, access)
            transfer(model, source, partial, settings.connections, report.arrived, hold)
            if not is_whole(partial, model):
                # More than announced, or a file without holes that is shorter than it should be.
                discard(partial)
                raise Later("the number of bytes is not the announced one")
        except Later as later:
            failures = 0 if arrived(partial) > before else failures + 1
            if failures >= settings.tries:
                raise Problem(f"{model.path}: {later}; {failures} tries in a row brought nothing") from later
            wait(model, later, settings.pause * 2 ** max(0, failures - 1), report)


def wait(model: Model, later: Later, pause: float, report: Report) -> None:
    """As long as the server asks, else a little longer each time. Raises Problem where it asks for too much."""
    if later.wait is not None and later.wait > LONGEST_WAIT:
        raise Problem(f"{model.path}: {later}, and asks to come again in {later.wait / 60:.0f} minutes")
    # Many containers that start together should not come again together.
    seconds = later.wait if later.wait is not None else min(pause, LONGEST_PAUSE) * random.uniform(0.8, 1.2)
    report.say(f"{model.name}: {later}; next try in {seconds:.0f} s")
    time.sleep(seconds)
