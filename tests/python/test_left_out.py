"""Files that nothing loads: they go from a stage with their rows in RECORD, and whoever asks for one is found."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path

from stages import REPOSITORY, SITE, StagesTestCase, load, load_from

leave_out = load_from("layers/cuda/leave_out.py")
left_out = load("left_out")
LIST = REPOSITORY / "layers/cuda/left-out.json"


class LeftOutTest(StagesTestCase):
    """A stage with NVIDIA's distributions by name, and stages beside it."""

    def setUp(self) -> None:
        super().setUp()
        self.write("torch", f"{SITE}/torch/lib/libtorch.so", b"\x7fELF libcusolver.so.12 libnvrtc.so.13\0")
        lib = "nvidia/cu13/lib"
        self.cuda(
            "nvidia_cuda_nvrtc",
            f"{lib}/libnvrtc.so.13",
            f"{lib}/libnvrtc.alt.so.13",
            f"{lib}/libnvrtc-builtins.alt.so.13.0",
        )
        self.cuda("nvidia_cusolver", f"{lib}/libcusolver.so.12", f"{lib}/libcusolverMg.so.12")
        self.cuda("nvidia_nvshmem_cu13", *(f"nvidia/nvshmem/lib/libnvshmem_device.{end}" for end in ("a", "bc")))

    def cuda(self, name: str, *files: str) -> None:
        """A distribution whose files name nothing."""
        self.install("cuda", name, "13.0", dict.fromkeys(files, "code"))

    def leave_out(self) -> str:
        """What the build of the stage prints."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            leave_out.main(self.site, LIST)
        return printed.getvalue()

    @property
    def site(self) -> Path:
        return self.stages / "cuda" / SITE.lstrip("/")

    def check(self) -> list[str]:
        return self.problems(lambda: left_out.check_left_out(self.tree(), SITE, "/opt"))

    def test_the_files_go_and_nothing_else_does(self) -> None:
        printed = self.leave_out()
        self.assertIn("nvidia_cusolver-13.0.dist-info: 0.0 MB left out, libcusolverMg.so.12", printed)
        left = {path.name for path in self.site.rglob("lib/*")}
        self.assertEqual(left, {"libnvrtc.so.13", "libcusolver.so.12", "libnvshmem_device.bc"})

    def test_record_is_what_is_there(self) -> None:
        self.leave_out()
        self.assertEqual(self.problems(lambda: load("environment").check_files(self.installed())), [])
        for info in self.site.glob("*.dist-info"):
            with (info / "RECORD").open(newline="") as record:
                rows = {row[0]: row for row in csv.reader(record)}
            self.assertTrue(all((self.site / path).exists() for path in rows), rows)
            notice = rows[f"{info.name}/strata-left-out.json"]
            self.assertEqual(int(notice[2]), (self.site / notice[0]).stat().st_size)
            said = json.loads((self.site / notice[0]).read_text())
            self.assertTrue(said["reason"] and said["files"])

    def test_a_list_that_does_not_fit_the_versions(self) -> None:
        (self.site / "nvidia_cusolver-13.0.dist-info/RECORD").write_text("nvidia/cu13/lib/libcusolver.so.12,,\n")
        self.assertRaisesRegex(
            ValueError, r"nvidia_cusolver-13.0.dist-info has no nvidia/\*/lib/libcusolverMg", self.leave_out
        )

    def test_two_cudas_in_a_stage(self) -> None:
        self.cuda("nvidia_cusolver_cu12", "nvidia/cusolver/lib/libcusolverMg.so.11")
        self.assertRaisesRegex(ValueError, "nvidia-cusolver and nvidia-cusolver-cu12 are there 2 times", self.leave_out)

    def test_nobody_asks(self) -> None:
        self.assertEqual(left_out.check_left_out(self.tree(), SITE, "/opt"), "nothing is left out")
        self.leave_out()
        self.write("torch", f"{SITE}/torch/empty.py")
        self.write("torch", f"{SITE}/torch/README.txt", "libcusolverMg.so")
        self.write("torch", f"{SITE}/cuda/pathfinder/names.py", '"libcusolverMg.so.12"')
        said = left_out.check_left_out(self.tree(), SITE, "/opt")
        self.assertEqual(said, "4 names in none of 4 files")

    def test_a_program_that_opens_one_by_its_name(self) -> None:
        self.leave_out()
        self.write("cupy", f"{SITE}/cupy/solver.cpython-311-x86_64-linux-gnu.so.1", b"dlopen\0libcusolverMg.so.12\0")
        self.write("cupy", f"{SITE}/cupy/nvrtc.py", "libnvrtc.alt.so")
        self.assertEqual(
            sorted(self.check()),
            [
                f"{SITE}/cupy/nvrtc.py names libnvrtc.alt.so, left out of nvidia_cuda_nvrtc-13.0",
                f"{SITE}/cupy/solver.cpython-311-x86_64-linux-gnu.so.1 names libcusolverMg.so, left out of nvidia_cusolver-13.0",
            ],
        )
