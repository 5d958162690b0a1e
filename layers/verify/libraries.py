"""Every library of the image finds its own libraries, their versions and every symbol, as the dynamic loader would.

Breakages of this kind show themselves on a user's machine, at the first import that nobody tried: a kernel built for
another torch, a wheel for a newer glibc, a library that is only where it was built. The loader itself cannot be asked
before the stages are one file system, so its rules (ld.so(8)) are applied to the stages as they lie here.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from elf import X86_64, Elf, machine_of, read_elf
from optional_libraries import DRIVER, LOADED_BY_TORCH, is_brought_along, may_lack
from problem import Problem
from tree import Tree

DRIVER_SYMBOLS = ("cu", "nvml")
SYSTEM_FOLDERS = ("/usr/local/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64")
SYMBOLS_SHOWN = 3


@dataclass
class Process:
    """A file that was loaded, with everything that came with it.

    `files` are paths by the name that asked for them, `missing` the names that nobody found with the file that asked
    first. `late`: something was found only because torch has loaded it.
    """

    files: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    late: bool = False


@dataclass(frozen=True)
class Loaded:
    """A file in a process, and what asked for it."""

    path: str
    elf: Elf
    asked_by: Loaded | None = None


class Libraries:
    """The programs and libraries of a tree. `site_packages` and `interpreter` are paths in it."""

    def __init__(self, tree: Tree, site_packages: str, interpreter: str) -> None:
        self._tree = tree
        self._site = site_packages
        self._elfs: dict[str, Elf] = {}
        # Extension modules do not name Python, and often not what Python itself has loaded, such as libm. Of a link the
        # loader takes the folder that it leads to.
        interpreter = tree.resolve(interpreter) or interpreter
        python = self._load(Loaded(interpreter, self._read(interpreter)))
        self._interpreter = [self._read(path).defined for path in (interpreter, *python.files.values())]
        torch = [tree.glob(f"{site_packages}/{folder}/*") for folder in LOADED_BY_TORCH]
        self._torch = {path.rpartition("/")[2]: path for found in torch for path, _ in found}

    def check(self, folder: str) -> str:
        """What was seen; raises Problem for everything below `folder` that does not find what it needs."""
        paths = sorted(find_elfs(self._tree, folder))
        processes, problems = {}, []
        for path in paths:
            try:
                processes[path] = self._load(Loaded(path, self._read(path)))
            except ValueError as error:
                problems.append(str(error))
        for path, process in processes.items():
            found = list(self._judge(path, process))
            # Libraries of a wheel may find each other only once the module that needs them has been loaded.
            users = (other for other in processes.values() if path in other.files.values())
            if found and not any(not list(self._judge(path, other)) for other in users):
                problems += [f"{path} {problem}" for problem in found]
        if problems:
            # One damaged library is met on many ways.
            raise Problem(list(dict.fromkeys(problems)))
        late = sum(process.late for process in processes.values())
        return f"{len(paths)} files; {late} of them only once torch or triton is loaded"

    def _read(self, path: str) -> Elf:
        """Raises ValueError, which names the file."""
        if path not in self._elfs:
            real = self._tree.real(path)
            if real is None:
                raise ValueError(f"{path} is not there")
            try:
                self._elfs[path] = read_elf(real)
            except ValueError as error:
                raise ValueError(f"{path} is {error}") from error
        return self._elfs[path]

    def _load(self, first: Loaded) -> Process:
        process = Process()
        may_be_late = first.path.startswith(self._site) and ".so" in first.path
        queue = deque([first])
        while queue:
            asking = queue.popleft()
            for name in asking.elf.needed:
                if name in process.files or name in process.missing:
                    continue
                found = self._search(name, asking)
                if found is None and may_be_late and name in self._torch:
                    found, process.late = self._torch[name], True
                if found is None:
                    process.missing[name] = asking.path
                else:
                    process.files[name] = found
                    queue.append(Loaded(found, self._read(found), asking))
        return process

    def _search(self, name: str, asking: Loaded) -> str | None:
        """The loader's order: RPATH from here to the first file, RUNPATH of this one, the system's folders."""
        folders: list[str] = []
        step: Loaded | None = None if asking.elf.runpath else asking
        while step:
            if not step.elf.runpath:
                folders += absolute(step.elf.rpath, step.path)
            step = step.asked_by
        for folder in (*folders, *absolute(asking.elf.runpath, asking.path), *SYSTEM_FOLDERS):
            if found := self._tree.resolve(f"{folder}/{name}"):
                return found
        return None

    def _judge(self, path: str, process: Process) -> Iterator[str]:
        """What is wrong with a file in a process."""
        elf = self._read(path)
        missing = {name: asking for name, asking in process.missing.items() if name not in DRIVER}
        for name, asking in missing.items():
            if not may_lack(asking, name):
                yield f"lacks {name}" + ("" if asking == path else f", which {asking} needs")
        for name, versions in elf.versions.items():
            if name in process.files:
                there = self._read(process.files[name]).defined_versions
                if lacking := [version.decode() for version in versions if version not in there]:
                    yield f"needs {', '.join(lacking)}, which {name} does not have"
        # Without a library its symbols are missing too, which says nothing new.
        if not missing and (symbols := self._missing_symbols(path, process)):
            more = f" and {len(symbols) - SYMBOLS_SHOWN} more" if len(symbols) > SYMBOLS_SHOWN else ""
            yield f"finds no {', '.join(symbols[:SYMBOLS_SHOWN])}{more}"

    def _missing_symbols(self, path: str, process: Process) -> list[str]:
        elf = self._read(path)
        scope = [elf.defined, *self._interpreter, *(self._read(file).defined for file in process.files.values())]
        without_driver = DRIVER & set(process.missing)
        return [
            name
            for name in sorted(symbol.decode() for symbol in elf.wanted if not any(symbol in there for there in scope))
            if not (without_driver and name.startswith(DRIVER_SYMBOLS)) and not is_brought_along(path, name)
        ]


def absolute(folders: list[str], path: str) -> list[str]:
    """Folders that a file names, from where it lies."""
    origin = path.rpartition("/")[0]
    return [folder.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for folder in folders]


def find_elfs(tree: Tree, folder: str) -> Iterator[str]:
    """Programs and libraries for this processor below `folder`; the smoke test names those for others."""
    for path, real in tree.walk(folder):
        if (".so" in real.name or os.access(real, os.X_OK)) and machine_of(real) == X86_64:
            yield path
