"""Why a job failed, as whoever sent it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something wrong at a place in the job: `images[0].name`."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class JobFailure(Exception):
    """The job cannot be computed.

    `log`: what ComfyUI printed last. `is_crash`: ComfyUI died of it. `is_last`: no other job can be computed here.
    """

    def __init__(
        self,
        message: str,
        problems: list[Problem] | None = None,
        *,
        log: str | None = None,
        is_crash: bool = False,
        is_last: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems or []
        self.log = log
        self.is_crash = is_crash
        self.is_last = is_last

    def answer(self) -> dict[str, Any]:
        """In RunPod's terms. RunPod shows the text of `error` everywhere, the rest not, so everything is in there."""
        lines = [self.message, *(f"  {problem}" for problem in self.problems)]
        if self.log:
            lines += ["The end of ComfyUI's log:", self.log]
        content: dict[str, Any] = {"error": "\n".join(lines)}
        if self.problems:
            content["problems"] = [vars(problem) for problem in self.problems]
        return content
