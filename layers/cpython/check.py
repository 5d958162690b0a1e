"""Whether an interpreter is the one that was asked for, and has every module that packages expect.

CPython leaves out quietly what it finds no library for.
"""

from __future__ import annotations

import importlib
import sys
import sysconfig

EXPECTED = ["bz2", "ctypes", "curses", "hashlib", "lzma", "readline", "sqlite3", "ssl", "uuid", "venv", "zlib"]
SINCE_3_14 = ["compression.zstd"]


def main(version: str, python: str) -> str | None:
    """What is wrong, or None."""
    free = python.endswith("t")
    found = sys.version.split()[0]
    if found != version:
        return f"this is Python {found}, and not {version}"
    if bool(sysconfig.get_config_var("Py_GIL_DISABLED")) != free:
        return f"this Python is {'not ' if free else ''}free-threaded"
    if free and sys._is_gil_enabled():
        return "its GIL is on"
    missing = [name for name in EXPECTED + (SINCE_3_14 if sys.version_info >= (3, 14) else []) if not imports(name)]
    return f"has no {', '.join(missing)}" if missing else None


def imports(name: str) -> bool:
    """Whether a module is there. Libraries of the distribution's are not, here; the product has them, which is tested."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return "cannot open shared object file" in str(error)
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
