"""What people are told, files that are written whole, and lines for the shell that called."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# What the parts of the image tell each other.
STATE = Path("/run/strata")


def say(message: str) -> None:
    """To the container's log."""
    with suppress(OSError):
        print(f"strata: {message}", file=sys.stderr, flush=True)


def print_exports(variables: Mapping[str, str]) -> None:
    """For `eval` in the script that called."""
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file whole or not at all, never readable for more than `mode` says; raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(draft, mode)
        os.replace(draft, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def write_json(file: Path, content: Any) -> None:
    """For other programs; raises OSError."""
    write_whole(file, json.dumps(content, indent=2) + "\n")


def read_json(file: Path) -> Any:
    """None where there is none, or nothing whole."""
    with suppress(OSError, ValueError):
        return json.loads(file.read_text(encoding="utf-8"))
    return None


def is_true(variables: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A variable that is `true` or `false`; anything else is the default."""
    return {"true": True, "false": False}.get(variables.get(name, "").strip().lower(), default)


def deaths_file(state: Path, service: str) -> Path:
    """When a service ended and nobody had asked it to; of this boot."""
    return state / "deaths" / f"{service}.json"


def read_deaths(state: Path, service: str) -> list[float]:
    """The last ones."""
    found = read_json(deaths_file(state, service))
    return found if isinstance(found, list) else []
