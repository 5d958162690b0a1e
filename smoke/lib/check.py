"""What a check is given: the image, the GPU, and steps that turn what happens in them into results."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from .image import Image
from .result import Fail, Inconclusive, Result, Skip, Status, skip_without_gpu

# Receives ("result" | "version" | "measurement", content).
Report = Callable[[str, Any], None]


@dataclass
class Check:
    """One numbered check while it runs.

    `id` is such as `30-torch`; `require_gpu`: the host has to have a GPU; `free_bytes`: what was free of its memory
    before any check ran, None where nobody knows.
    """

    id: str
    title: str
    image: Image
    gpu: dict[str, Any] | None
    report: Report
    require_gpu: bool = False
    free_bytes: int | None = None
    reported: int = 0

    def has(self, part: str) -> bool:
        """Whether the image's description has this part, such as `llama`."""
        return bool(self.image.get(part))

    def is_older_gpu(self, lowest: tuple[int, int]) -> bool:
        """Whether there is a GPU, and it lacks what came with the compute capability `lowest`."""
        if self.gpu is None:
            return False
        major, minor = map(int, self.gpu["computeCapability"].split("."))
        return (major, minor) < lowest

    def step(self, name: str, title: str) -> Step:
        """One result of this check: `with check.step("matmul-cpu", "…"):`; what is raised inside decides it."""
        return Step(self, f"{self.id}.{name}" if name else self.id, title)

    def add(self, result: Result) -> None:
        """Reports a result."""
        self.reported += 1
        self.report("result", result.to_json())

    def version(self, name: str, value: str | None) -> None:
        """Records the version of a part of the image; None is not recorded."""
        if value is not None:
            self.report("version", [name, value])

    def measure(self, name: str, value: float) -> None:
        """Records a measurement."""
        self.report("measurement", [name, round(value, 3)])

    def need_gpu(self) -> None:
        """Skips the step where there is no GPU."""
        if self.gpu is None:
            raise skip_without_gpu()


@dataclass
class Step:
    """A step passes when its block ends; Fail, Skip, Inconclusive or any other exception decides otherwise.

    Exceptions end the step, not the check. `note` becomes the reason of a pass.
    """

    check: Check
    id: str
    title: str
    note: str | None = None
    passed: bool = False
    _started: float = field(default=0.0, repr=False)

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, KeyboardInterrupt):
            return False
        seconds = time.monotonic() - self._started
        status, reason, output = judge(error, self.note, self.check.require_gpu)
        self.passed = status is Status.PASS
        self.check.add(Result(self.id, self.title, status, seconds, reason, output))
        return True


def judge(error: BaseException | None, note: str | None, require_gpu: bool) -> tuple[Status, str | None, str | None]:
    """Status, reason and output of a step that ended with `error`."""
    match error:
        case None:
            return Status.PASS, note, None
        case Skip() if error.gpu and require_gpu:
            return Status.FAIL, f"{error}, but this host has to have one", None
        case Skip():
            return Status.SKIP, str(error), None
        case Inconclusive():
            return Status.INCONCLUSIVE, str(error), None
        case Fail():
            return Status.FAIL, str(error), error.output
        case _:
            text = str(error).strip()
            reason = type(error).__name__ + (f": {text.splitlines()[0]}" if text else "")
            return Status.FAIL, reason, "".join(traceback.format_exception(error))
