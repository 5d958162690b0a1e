"""A Python without the GIL stays without it: one extension that does not say it can do so switches the GIL on for all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES

from lib.check import Check
from lib.result import Fail

TITLE = "free threads"
VENV = True
NEEDS = "freeThreaded"
DEADLINE = 600

# Imports its arguments one after the other; an extension that fails to load is check 10's matter. `free`: whether the
# interpreter was compiled for it at all; `culprit`: the first module that switched the GIL on.
PROBE = """
import importlib, json, sys, sysconfig
on = getattr(sys, "_is_gil_enabled", lambda: True)
free, start, culprit = bool(sysconfig.get_config_var("Py_GIL_DISABLED")), on(), None
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        pass
    if on() and not start:
        culprit = name
        break
print("\\n" + json.dumps({"free": free, "start": start, "culprit": culprit}))
"""


def run(check: Check) -> None:
    """The interpreter alone, then torch, then every distribution that brings extensions."""
    with check.step("interpreter", "this Python has no GIL") as step:
        require_free(probe([]))
        step.note = sys.version.split()[0]
    with check.step("torch", "torch leaves the GIL off"):
        require_free(probe(["torch"]))
    with check.step("extensions", "no extension switches the GIL on") as step:
        step.note = judge_extensions(extensions(metadata.distributions()))


def extensions(distributions: Iterable[metadata.Distribution]) -> dict[str, list[str]]:
    """The extension modules of each distribution that has any, by their own records."""
    found: dict[str, list[str]] = {}
    for distribution in distributions:
        names = {module_name(str(file)) for file in distribution.files or []} - {None}
        if names:
            found[distribution.metadata["Name"]] = sorted(name for name in names if name)
    return found


def module_name(path: str) -> str | None:
    """`torch/_C.cpython-314t-x86_64-linux-gnu.so` is torch._C; None for what this Python does not import."""
    # The longest first: `.so` alone ends every other one too, and libraries as well.
    suffixes = sorted((suffix for suffix in EXTENSION_SUFFIXES if suffix != ".so"), key=len, reverse=True)
    suffix = next((suffix for suffix in suffixes if path.endswith(suffix)), None)
    if suffix is None or path.startswith(".."):
        return None
    name = path.removesuffix(suffix).replace("/", ".")
    return name if all(part.isidentifier() for part in name.split(".")) else None


def judge_extensions(found: dict[str, list[str]]) -> str:
    """How many were imported; raises Fail with each distribution that switches the GIL on."""
    guilty = [
        f"{name} ({culprit})"
        for name, modules in sorted(found.items())
        if (culprit := probe(modules)["culprit"]) is not None
    ]
    if guilty:
        raise Fail(f"the GIL is on after importing {', '.join(guilty)}")
    return f"{sum(map(len, found.values()))} extensions of {len(found)} packages"


def require_free(seen: dict[str, object]) -> None:
    """Raises Fail unless a process ended without a GIL."""
    if not seen["free"]:
        raise Fail("this Python was compiled with the GIL")
    if seen["start"]:
        raise Fail(f"the GIL is on from the start: PYTHON_GIL={os.environ.get('PYTHON_GIL', '')}")
    if seen["culprit"] is not None:
        raise Fail(f"the GIL is on after importing {seen['culprit']}")


def probe(modules: Sequence[str], python: str = sys.executable) -> dict[str, object]:
    """What a process of its own sees; raises Fail where it does not live to tell."""
    done = subprocess.run([python, "-c", PROBE, *modules], capture_output=True, text=True, check=False)
    try:
        seen: dict[str, object] = json.loads(done.stdout.rsplit("\n", 2)[-2])
    except (IndexError, ValueError) as error:
        names = ", ".join(modules) or "nothing"
        raise Fail(f"importing {names} ended the process ({done.returncode})", done.stderr[-2000:]) from error
    return seen
