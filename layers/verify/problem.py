"""What a check says when something is wrong."""

from __future__ import annotations


class Problem(Exception):
    """One line for each thing that is wrong."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
