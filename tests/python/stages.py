"""Stages made for one test, and the modules that look at them."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib
import importlib.util
import io
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"/opt/venv/lib/python{PYTHON}/site-packages"

for folder in ("layers/shared", "layers/verify"):
    sys.path.insert(0, str(REPOSITORY / folder))


def load(name: str) -> Any:
    """A module of layers/verify or layers/shared."""
    return importlib.import_module(name)


def load_from(path: str) -> Any:
    """A module by its file, under its own name."""
    file = REPOSITORY / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


# In the builds they lie beside the others; the rest of the smoke library has modules of the same names.
elf = load_from("smoke/lib/libraries/elf.py")
gpu_boxes = load_from("smoke/lib/libraries/gpu_boxes.py")
optional_libraries = load_from("smoke/lib/libraries/optional_libraries.py")
Problem = load("problem").Problem


class StagesTestCase(unittest.TestCase):
    """A folder with stages, removed when the test ends."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stages = Path(folder.name)

    def tree(self) -> Any:
        """The stages together."""
        return load("tree").Tree(sorted(self.stages.iterdir()))

    def write(self, stage: str, path: str, content: str | bytes = "") -> Path:
        """A file of a stage."""
        file = self.stages / stage / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def install(
        self, stage: str, name: str, version: str = "1.0", files: dict[str, str] | None = None, requires: str = ""
    ) -> None:
        """A distribution in the environment: its files, below site-packages, and its metadata."""
        metadata = f"{name.replace('-', '_')}-{version}.dist-info"
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires.splitlines())
        files = {f"{metadata}/METADATA": f"Name: {name}\nVersion: {version}\n{lines}", **(files or {})}
        record = io.StringIO()
        rows = csv.writer(record)
        rows.writerow([f"{metadata}/RECORD", "", ""])
        for path, content in files.items():
            self.write(stage, f"{SITE}/{path}", content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            rows.writerow([path, f"sha256={digest}", len(content)])
        self.write(stage, f"{SITE}/{metadata}/RECORD", record.getvalue())

    def installed(self) -> Any:
        """What is installed in all stages."""
        return load("environment").read_distributions(self.tree(), SITE)

    def problems(self, check: Any) -> list[str]:
        """The lines of the Problem that `check` raises; none when it passes."""
        try:
            check()
        except Problem as problem:
            return list(problem.lines)
        return []
