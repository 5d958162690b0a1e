"""A host with a GPU: the library of tests/fake_driver.c, device nodes, and what the kernel module says of itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

COMPILER = shutil.which("gcc")
SOURCE = Path(__file__).with_suffix(".c")
VERSION = "595.64"


class FakeHost:
    """`environment` makes `run.py` see it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.libraries = folder / "root", folder / "libraries"
        self.libraries.mkdir(parents=True)
        self.add_driver(VERSION)
        self.add_device()
        self.set_kernel(VERSION)

    @property
    def environment(self) -> dict[str, str]:
        """Where the library and the folders of the kernel are."""
        return {"LD_LIBRARY_PATH": str(self.libraries), "STRATA_SMOKE_ROOT": str(self.root)}

    def add_driver(self, version: str) -> None:
        """libcuda of this version, and libnvidia-ml."""
        library = self.libraries / f"libcuda.so.{version}"
        subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
        for link in ("libcuda.so.1", "libnvidia-ml.so.1"):
            (self.libraries / link).unlink(missing_ok=True)
            (self.libraries / link).symlink_to(library.name)

    def remove_driver(self) -> None:
        """No library of the driver is left."""
        shutil.rmtree(self.libraries)

    def break_driver(self) -> None:
        """A libcuda that the loader refuses."""
        (self.libraries / f"libcuda.so.{VERSION}").write_text("no library\n" * 10)

    def add_device(self) -> None:
        """/dev/nvidia0, and beside it a node that is no GPU."""
        (self.root / "dev").mkdir(parents=True)
        for name in ("nvidia0", "nvidiactl"):
            (self.root / "dev" / name).touch()

    def remove_device(self) -> None:
        """No GPU was given to the container."""
        shutil.rmtree(self.root / "dev")

    def set_kernel(self, version: str) -> None:
        """/proc/driver/nvidia/version as the open kernel module writes it."""
        file = self.root / "proc/driver/nvidia/version"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build  (dvs-builder)\n"
            "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
        )
