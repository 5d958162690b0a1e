"""Usage: gpu_code.py CUOBJDUMP CAPABILITIES FILE... Checks which GPUs a library's own kernels were compiled for.

CAPABILITIES is such as `8.6;8.9`, also as CMake has it (`86-real;89-real`). Code has to be there for each of them and for
no other, and no PTX, which the driver would compile on the user's machine at the first start. A library has to hold GPU
code; of a wheel, those are looked at that do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

# `ELF file    1: libggml-cuda.1.sm_89.cubin`. The letters of sm_90a and sm_100f narrow what an instruction may be,
# not which capability the code is for.
CODE = re.compile(r"^(ELF|PTX) file\s+\d+: .*\.sm_(\d+)[a-z]?\.(?:cubin|ptx)$", re.MULTILINE)
NO_CODE = "does not contain device code"


def list_code(cuobjdump: str, library: Path) -> tuple[set[str], set[str]]:
    """Capabilities with code and capabilities with PTX; both empty without any. Exits when the file cannot be read."""
    answer = subprocess.run(
        [cuobjdump, "--list-elf", "--list-ptx", str(library)], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0 and NO_CODE not in answer.stdout + answer.stderr:
        sys.exit(f"{library}: cuobjdump ended with {answer.returncode}: {answer.stderr.strip()}")
    found = CODE.findall(answer.stdout)
    return ({number for kind, number in found if kind == "ELF"}, {number for kind, number in found if kind == "PTX"})


def compare(name: str, code: set[str], ptx: set[str], expected: set[str]) -> Iterator[str]:
    """What is wrong with a library."""
    if missing := expected - code:
        yield f"{name} has no code for {in_order(missing)}"
    if more := code - expected:
        yield f"{name} has code for {in_order(more)} that nobody asked for"
    if ptx:
        yield f"{name} has PTX for {in_order(ptx)}"


def in_order(numbers: set[str]) -> str:
    """Lowest first."""
    return ", ".join(sorted(numbers, key=int))


def check(cuobjdump: str, expected: set[str], file: Path) -> Iterator[str]:
    """What is wrong with a library, or with those in a wheel."""
    if file.suffix != ".whl":
        yield from compare(file.name, *list_code(cuobjdump, file), expected)
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(file) as wheel:
        for name in wheel.namelist():
            if ".so" in Path(name).name:
                code, ptx = list_code(cuobjdump, Path(wheel.extract(name, folder)))
                if code or ptx:
                    yield from compare(name, code, ptx, expected)


def main(cuobjdump: str, capabilities: str, files: list[str]) -> int:
    """1 when anything is wrong."""
    expected = set(re.findall(r"\d+", capabilities.replace(".", "")))
    problems = [problem for file in files for problem in check(cuobjdump, expected, Path(file))]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"GPU code for {in_order(expected)} and nothing else")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
