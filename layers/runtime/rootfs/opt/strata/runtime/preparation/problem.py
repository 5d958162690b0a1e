"""A mistake that a person can put right."""

from __future__ import annotations


class Problem(Exception):
    """ComfyUI cannot start like this: `subject` (a setting or a path), what is wrong with it, and the remedy."""

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        super().__init__(f"{subject}: {problem} {remedy}")
