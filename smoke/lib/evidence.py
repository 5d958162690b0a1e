"""The evidence: what a run leaves behind. Its schema is in lib/evidence/evidence.ts of the project."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .redact import redact
from .result import Result, Status

SCHEMA = 3
OUTPUT_TAIL = 4000


@dataclass
class Evidence:
    """Everything a run found out. `started` is the time of day in UTC, `seconds` how long the run took.

    `due` are the checks that this image has to pass, also those that this run was told to leave out.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    due: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    measurements: dict[str, float] = field(default_factory=dict)
    gpu: dict[str, Any] | None = None

    def add(self, result: Result) -> Result:
        """Keeps `result`, without secrets and with the end of its output; returns what is kept."""
        result.reason = redact(result.reason) if result.reason else None
        result.output = redact(result.output)[-OUTPUT_TAIL:] if result.output else None
        self.results.append(result)
        return result

    @property
    def verdict(self) -> Status:
        """`pass` takes at least one pass, no failure and nothing inconclusive."""
        return judge_run([result.status for result in self.results])

    def summary(self) -> str:
        """`14 passed, 0 failed, 3 skipped`."""
        count = Counter(result.status for result in self.results)
        words = [f"{count[Status.PASS]} passed", f"{count[Status.FAIL]} failed", f"{count[Status.SKIP]} skipped"]
        if count[Status.INCONCLUSIVE]:
            words.append(f"{count[Status.INCONCLUSIVE]} inconclusive")
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """The document, results in the order of their checks."""
        return {
            "schema": SCHEMA,
            "verdict": str(self.verdict),
            "startedAt": self.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seconds": round(self.seconds, 3),
            "due": self.due,
            "checks": [result.to_json() for result in sorted(self.results, key=lambda result: result.id[:2])],
            "versions": dict(sorted(self.versions.items())),
            "gpu": self.gpu,
            "measurements": self.measurements,
        }

    def write(self, path: Path) -> None:
        """Writes the document in one go, so that nobody reads half of it; raises OSError."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)


def judge_run(statuses: Sequence[Status]) -> Status:
    """The verdict over all results."""
    if Status.FAIL in statuses:
        return Status.FAIL
    if Status.PASS in statuses and Status.INCONCLUSIVE not in statuses:
        return Status.PASS
    return Status.INCONCLUSIVE
