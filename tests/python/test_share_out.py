"""A stage's files in several layers: each distribution whole, no file twice, and the layers of the others as they were."""

from __future__ import annotations

import hashlib
import os
import stat
import unittest
from pathlib import Path

from stages import SITE, StagesTestCase, load

share_out = load("share_out")
EPOCH = 315532800


class ShareOutTest(StagesTestCase):
    """`out` as an installer leaves it: two large distributions, a small one, and files of nobody."""

    def setUp(self) -> None:
        super().setUp()
        self.fill("1.0")

    def fill(self, version: str) -> None:
        self.install(
            "out",
            "nvidia-cublas",
            version,
            {"nvidia/cublas/lib/libcublas.so": f"cublas {version}", "nvidia/__init__.py": "same"},
        )
        self.install("out", "torch", "2.0", {"torch/__init__.py": "import os", "../../../bin/torchrun": "#!/bin/sh"})
        self.install("out", "Small_Pkg", "3", {"small.py": "1", "nvidia/__init__.py": "same"})
        for name in ("torch/__pycache__/__init__.cpython-312.pyc", "__pycache__/small.cpython-312.pyc"):
            self.write("out", f"{SITE}/{name}", "compiled")
        self.write("out", "/opt/strata/own", "rootfs")
        (self.out / "opt/strata/empty").mkdir(mode=0o755)
        os.chmod(self.out / "opt/venv", 0o750)

    @property
    def out(self) -> Path:
        return self.stages / "out"

    def share(self, *shares: list[str]) -> list[Path]:
        """The folders of the layers, `out` last."""
        share_out.main(self.out, self.stages / "layers", list(shares), EPOCH)
        return [self.stages / "layers" / str(number) for number in range(1, len(shares) + 1)] + [self.out]

    @staticmethod
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    @staticmethod
    def digest(folder: Path) -> str:
        """Of all that a layer is made of."""
        entries = []
        for path in [folder, *sorted(folder.rglob("*"))]:
            state = path.stat()
            content = path.read_bytes() if path.is_file() else b""
            time = state.st_mtime_ns if path.is_dir() else 0
            entries.append((str(path.relative_to(folder)), stat.filemode(state.st_mode), time, content))
        return hashlib.sha256(repr(entries).encode()).hexdigest()

    def test_each_distribution_is_whole_in_its_layer(self) -> None:
        cublas, torch, rest = self.share(["nvidia-cublas"], ["torch"])
        site = SITE.lstrip("/")
        self.assertEqual(
            self.files(cublas),
            {f"{site}/nvidia/cublas/lib/libcublas.so"}
            | {f"{site}/nvidia_cublas-1.0.dist-info/{name}" for name in ("METADATA", "RECORD")},
        )
        self.assertIn("opt/venv/bin/torchrun", self.files(torch))
        self.assertIn(f"{site}/torch/__pycache__/__init__.cpython-312.pyc", self.files(torch))
        self.assertIn(f"{site}/__pycache__/small.cpython-312.pyc", self.files(rest))
        self.assertIn("opt/strata/own", self.files(rest))

    def test_all_files_are_there_once(self) -> None:
        before = self.files(self.out)
        layers = self.share(["nvidia-cublas"], ["torch", "small-pkg"])
        self.assertEqual(sorted(before), sorted(file for layer in layers for file in self.files(layer)))
        # Two distributions say that it is theirs.
        self.assertIn(f"{SITE}/nvidia/__init__.py".lstrip("/"), self.files(layers[-1]))

    def test_folders_keep_modes_and_have_the_stage_s_time_and_none_is_left_over(self) -> None:
        layers = self.share(["nvidia-cublas"], ["torch"])
        for layer in layers:
            self.assertEqual(stat.S_IMODE((layer / "opt/venv").stat().st_mode), 0o750)
            for folder in (path for path in [layer, *layer.rglob("*")] if path.is_dir()):
                self.assertEqual(folder.stat().st_mtime, EPOCH, folder)
        self.assertFalse((self.out / SITE.lstrip("/") / "torch").exists())
        self.assertTrue((self.out / "opt/strata/empty").is_dir())

    def test_when_one_moves_the_layers_of_the_others_stay_as_they_are(self) -> None:
        shares = (["nvidia-cublas"], ["torch"])
        former = [self.digest(layer) for layer in self.share(*shares)]
        self.stages = self.stages / "again"
        self.fill("2.0")
        now = [self.digest(layer) for layer in self.share(*shares)]
        self.assertNotEqual(former[0], now[0])
        self.assertEqual(former[1:], now[1:])

    def test_what_is_not_installed_stops_the_build(self) -> None:
        with self.assertRaisesRegex(ValueError, "^numpy is not installed"):
            self.share(["torch"], ["numpy"])


if __name__ == "__main__":
    unittest.main()
