"""Which GPUs a library has code for, read from the file itself: the image has no cuobjdump."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .elf import opened
from .gpu_boxes import CODE, PTX, SECTION, read_boxes


@dataclass(frozen=True)
class GpuCode:
    """Code for the capability `number` (89 for 8.9), or PTX, which later ones can use too."""

    number: int
    is_ptx: bool = False

    def __str__(self) -> str:
        return f"{'compute' if self.is_ptx else 'sm'}_{self.number}"


def read_gpu_code(path: Path) -> set[GpuCode]:
    """What the library holds; nothing for one without GPU code. Raises ValueError for a file that is damaged."""
    try:
        with opened(path) as sections:
            return {
                GpuCode(entry.number, entry.kind == PTX)
                for begin, end in sections.named(SECTION)
                for box in read_boxes(sections.content, begin, end)
                for entry in box.entries
                if entry.kind in (PTX, CODE)
            }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def runs_on(codes: Iterable[GpuCode], capability: str) -> bool:
    """Whether something of `codes` runs on a GPU of `capability`.

    Code runs on later capabilities of the same major number too, PTX on all later ones. Code that is for one
    capability alone (sm_90a) looks like any other here: what it cannot do, a GPU host shows.
    """
    wanted = int(capability.replace(".", ""))
    return any(code.number <= wanted and (code.is_ptx or code.number // 10 == wanted // 10) for code in codes)
