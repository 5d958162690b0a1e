"""What a check can say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

NO_GPU = "no GPU"


class Status(StrEnum):
    """A skip is not a pass, and an inconclusive result is not a skip: something prevented the test."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    INCONCLUSIVE = "inconclusive"


@dataclass
class Result:
    """One finding. `reason` says why it is not a pass, or what was seen; `output` is kept for failures."""

    id: str
    title: str
    status: Status
    seconds: float
    reason: str | None = None
    output: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The result without the fields that say nothing."""
        fields = asdict(self) | {"status": str(self.status), "seconds": round(self.seconds, 3)}
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Result:
        """The reverse of `to_json`."""
        return cls(**(fields | {"status": Status(fields["status"])}))


class Fail(Exception):
    """The product is broken; `output` helps to see how."""

    def __init__(self, reason: str, output: str | None = None) -> None:
        super().__init__(reason)
        self.output = output


class Skip(Exception):
    """The test does not apply here. `gpu` marks a test that a host with a GPU has to run."""

    def __init__(self, reason: str, gpu: bool = False) -> None:
        super().__init__(reason)
        self.gpu = gpu


class Inconclusive(Exception):
    """The test could not be made, so nothing is known."""


def skip_without_gpu() -> Skip:
    """The one skip that `--gpu` turns into a failure."""
    return Skip(NO_GPU, gpu=True)
