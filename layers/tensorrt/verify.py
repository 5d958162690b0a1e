"""libnvinfer loads, says that it is VERSION, and has a builder: a stub imports, and has none of it.

What compiles engines needs a GPU: the smoke test's check builds one.
"""

import ctypes
import os
import sys
from pathlib import Path

VERSION = os.environ["VERSION"]
# What a program calls to build an engine and to run one.
ENTRIES = ("createInferBuilder_INTERNAL", "createInferRuntime_INTERNAL")


def expected_number(version: str) -> int:
    """The number that the library gives for `11.4.0.106`: two digits each for minor and patch."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return major * 10000 + minor * 100 + patch


def main() -> None:
    """Exits with what is wrong."""
    found = sorted(path for path in Path("/out").rglob("libnvinfer.so*") if path.is_file())
    if not found:
        sys.exit("libnvinfer.so is in none of the wheels: they are stubs, which fetch it when somebody builds them")
    library = ctypes.CDLL(str(found[0]), mode=os.RTLD_NOW)
    missing = [entry for entry in ENTRIES if not hasattr(library, entry)]
    if missing:
        sys.exit(f"{found[0].name} has no {' and no '.join(missing)}")
    library.getInferLibVersion.restype = ctypes.c_int32
    number = library.getInferLibVersion()
    if number != expected_number(VERSION):
        sys.exit(f"{found[0].name} says that it is {number}, the wheels are {VERSION}")
    print(f"{found[0].name} {VERSION}")


if __name__ == "__main__":
    main()
