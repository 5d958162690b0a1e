"""Check 20 on libraries made for it: what is missing is found, and only what may be missing is excused."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import fake_gpu_code
from support import load

from lib.libraries.fatbin import GpuCode, read_gpu_code, runs_on
from lib.libraries.loader import Loadable, find_loadable, missing_libraries
from lib.result import Fail, Skip

checks = load("20")
PACKAGES = Path("/opt/venv/lib/python3.11/site-packages")


def finding(path: str, *missing: str, alone: tuple[str, ...] | None = None) -> object:
    """A file of the image's Python that lacks `missing` even beside torch, and `alone` on its own."""
    return checks.Finding(PACKAGES / path, missing if alone is None else alone, missing)


class JudgeTest(unittest.TestCase):
    """The rules, without files."""

    def test_everything_found(self) -> None:
        self.assertEqual(checks.judge_found([finding("a.so")])[:7], "1 files")

    def test_no_file_at_all_is_a_failure(self) -> None:
        self.assertRaises(Fail, checks.judge_found, [])

    def test_a_missing_library_is_a_failure(self) -> None:
        with self.assertRaises(Fail) as caught:
            checks.judge_found([finding("a.so"), finding("b.so", "libgone.so.1")])
        self.assertEqual(str(caught.exception).split(": ")[0], "1 of 2 files lack a library")
        self.assertIn("b.so: libgone.so.1", str(caught.exception.output))

    def test_a_file_that_the_loader_refuses(self) -> None:
        refused = checks.Finding(Path("/opt/cut.so"), refused="/opt/cut.so: SIGBUS")
        self.assertRaisesRegex(
            Fail, "refuses 1 of 2 files: /opt/cut.so", checks.judge_found, [finding("a.so"), refused]
        )

    def test_a_library_that_torch_loads_is_told_apart(self) -> None:
        note = checks.judge_found([finding("torchvision/_C.so", alone=("libc10.so",))])
        self.assertEqual(note, "1 files; 1 of them only once torch or triton is loaded")

    def test_only_optional_files_may_lack_their_libraries(self) -> None:
        plugin = finding("nvidia/nvshmem/lib/nvshmem_transport_ucx.so.3", "libucs.so.0")
        checks.judge_found([plugin])
        with self.assertRaises(Skip):
            checks.judge_optional([plugin])
        self.assertRaises(Fail, checks.judge_found, [finding("torch/lib/libtorch.so", "libucs.so.0")])
        other = finding("nvidia/nvshmem/lib/nvshmem_transport_ucx.so.3", "libcudart.so.13")
        self.assertRaises(Fail, checks.judge_found, [other])

    def test_the_driver_may_be_missing_only_without_a_gpu(self) -> None:
        findings = [finding("torch/lib/libcaffe2_nvrtc.so", "libcuda.so.1")]
        checks.judge_found(findings)
        self.assertRaises(Fail, checks.judge_driver, findings, True)
        with self.assertRaises(Skip) as caught:
            checks.judge_driver(findings, False)
        self.assertTrue(caught.exception.gpu)
        checks.judge_driver([finding("a.so")], True)


@unittest.skipUnless(shutil.which("gcc"), "needs gcc")
class GpuCodeTest(unittest.TestCase):
    """Which GPUs a library has code for."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.opt = Path(folder.name)
        self.packages = self.opt / "venv/lib/python3.11/site-packages"

    def library(self, path: Path, *boxes: bytes) -> Path:
        """A library with these boxes of GPU code."""
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
        subprocess.run(command, input=fake_gpu_code.source(*boxes) if boxes else "", text=True, check=True)
        return path

    def codes(self, *boxes: bytes) -> list[str]:
        """What is read of a library."""
        return sorted(str(code) for code in read_gpu_code(self.library(self.opt / "a.so", *boxes)))

    def test_every_entry_of_every_box(self) -> None:
        box = fake_gpu_code.box
        self.assertEqual(self.codes(), [])
        self.assertEqual(self.codes(box("sm_89")), ["sm_89"])
        self.assertEqual(self.codes(box("sm_75", "compute_90"), box("sm_120")), ["compute_90", "sm_120", "sm_75"])

    def test_a_damaged_file(self) -> None:
        file = self.library(self.opt / "a.so", fake_gpu_code.box("sm_89"))
        file.write_bytes(file.read_bytes()[:3000])
        self.assertRaisesRegex(ValueError, "damaged", read_gpu_code, file)

    def test_what_runs_where(self) -> None:
        codes = {GpuCode(75), GpuCode(86), GpuCode(100, is_ptx=True)}
        for capability, runs in {
            "7.5": True,
            "8.0": False,
            "8.9": True,
            "9.0": False,
            "10.0": True,
            "12.0": True,
        }.items():
            self.assertEqual(runs_on(codes, capability), runs, capability)

    def judge(self, *files: tuple[str, list[str]]) -> tuple[str, str | None]:
        """What is said of the packages that the image is for, and of the others."""
        paths = [self.library(self.packages / path, fake_gpu_code.box(*codes)) for path, codes in files]
        codes = checks.collect_code(self.opt, paths)
        image = {"attention": ["flash-attn"]}
        try:
            checks.judge_other_kernels(codes, ["8.9", "12.0"], image)
            others = None
        except Skip as skip:
            others = str(skip)
        return checks.judge_kernels(codes, ["8.9", "12.0"], image), others

    def test_files_of_a_package_may_be_for_one_gpu_each(self) -> None:
        good = ("torch/lib/libtorch_cuda.so", ["sm_86", "sm_120"])
        self.assertEqual(self.judge(good), ("torch", None))
        kernels = ("flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so", ["sm_80"]), ("flash_attn_2_cuda.so", ["sm_120"])
        self.assertEqual(self.judge(good, *kernels), ("flash_attn_2_cuda, torch", None))
        with self.assertRaisesRegex(Fail, "^flash_attn_2_cuda has no code for 12.0$"):
            self.judge(good, kernels[0])

    def test_somebody_elses_wheel_is_named_and_nvidias_own_are_not(self) -> None:
        files = ("onnxruntime/capi/providers.so", ["sm_90"]), ("nvidia/cu13/lib/libcufft.so", ["sm_75"])
        expected = ("no library has GPU code", "onnxruntime has no code for 8.9, 12.0")
        self.assertEqual(self.judge(*files), expected)

    def test_llama_without_any(self) -> None:
        with self.assertRaisesRegex(Fail, "llama.cpp has no GPU code"):
            checks.judge_kernels({}, ["8.9"], {"llama": {"cuda": True}})
        checks.judge_kernels({}, ["8.9"], {"llama": {"cuda": False}})


class TrimmedTest(unittest.TestCase):
    """Packages of which the image says that they lost code for other GPUs."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.opt = Path(folder.name)
        self.site = self.opt / "venv/lib/python3.11/site-packages"
        info = self.site / "onnx_cards-1.0.dist-info"
        info.mkdir(parents=True)
        self.library = self.site / "cards.so"
        self.library.write_text("code")
        digest = "sha256=VpTQii5T_8rgwxA-Wtb2B2q9lg6x-KVldwQLwQKPcCs"
        (info / "RECORD").write_text(f'"other, one.py",,\ncards.so,{digest},4\n')
        self.notice = info / "strata-trimmed.json"
        self.notice.write_text(json.dumps({"capabilities": ["8.9"], "files": {"cards.so": {"zeros": 8}}}))

    def judge(self, *capabilities: str) -> str:
        return str(checks.judge_trimmed(self.opt, ["onnx-cards"], list(capabilities)))

    def test_as_they_were_built(self) -> None:
        self.assertEqual(self.judge("8.9"), "onnx-cards for 8.9")

    def test_what_was_changed_or_is_gone(self) -> None:
        self.library.write_text("cold")
        self.assertRaisesRegex(Fail, "1 differences: cards.so is not as onnx-cards's RECORD has it", self.judge, "8.9")
        self.library.unlink()
        self.assertRaisesRegex(Fail, "cards.so is not as", self.judge, "8.9")

    def test_code_for_other_cards_than_the_image_s(self) -> None:
        self.assertRaisesRegex(Fail, "onnx-cards has code for 8.9 alone", self.judge, "8.9", "9.0")
        self.assertRaisesRegex(Fail, "onnx-cards has code for 8.9 alone", self.judge)

    def test_a_package_that_was_installed_anew(self) -> None:
        self.notice.unlink()
        self.assertRaisesRegex(Fail, "onnx-cards has 0 notices", self.judge, "8.9")


@unittest.skipUnless(shutil.which("gcc"), "needs gcc")
class LoaderTest(unittest.TestCase):
    """The loader on real files."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.compile("libinner.so", "-shared", "-fPIC")
        self.compile("outer.so", "-shared", "-fPIC", "-L.", "-Wl,--no-as-needed", "-linner")

    def compile(self, name: str, *options: str) -> None:
        """Compiles an empty library or program."""
        source = self.folder / "source.c"
        source.write_text("int main(void) { return 0; }\n")
        output = str(self.folder / name)
        subprocess.run(["gcc", "-o", output, "source.c", *options], cwd=self.folder, check=True)

    def find(self) -> dict[str, list[str]]:
        """The files and what they lack."""
        return {file.path.name: missing_libraries(file) for file in find_loadable(self.folder)}

    def one(self, path: Path) -> Loadable:
        """A file as the search finds it."""
        (found,) = [file for file in find_loadable(self.folder) if file.path == path]
        return found

    def test_a_missing_library(self) -> None:
        self.assertEqual(self.find(), {"libinner.so": [], "outer.so": ["libinner.so"]})

    def test_a_search_path_finds_it(self) -> None:
        file = self.one(self.folder / "outer.so")
        self.assertEqual(missing_libraries(file, str(self.folder)), [])

    def test_a_runpath_finds_it(self) -> None:
        self.compile("outer.so", "-shared", "-fPIC", "-L.", "-Wl,--no-as-needed", "-linner", "-Wl,-rpath,$ORIGIN")
        self.assertEqual(self.find()["outer.so"], [])

    def test_libraries_of_a_wheel_are_loaded_together(self) -> None:
        wheel = self.folder / "site-packages/thing.libs"
        wheel.mkdir(parents=True)
        for name in ("libinner.so", "outer.so"):
            (self.folder / name).rename(wheel / name)
        file = self.one(wheel / "outer.so")
        finding = checks.look(file, "")
        self.assertEqual((finding.alone, finding.with_torch), (("libinner.so",), ()))
        wheel = wheel.rename(wheel.with_name("thing"))
        file = self.one(wheel / "outer.so")
        self.assertEqual(checks.look(file, "").with_torch, ("libinner.so",))

    def test_programs_count_static_ones_objects_and_text_do_not(self) -> None:
        self.compile("program", "-L.", "-Wl,--no-as-needed", "-linner")
        self.compile("object.so.o", "-c")
        self.compile("static", "-static")
        (self.folder / "script.so").write_text("INPUT(libinner.so)\n")
        (self.folder / "link.so").symlink_to("outer.so")
        found = self.find()
        self.assertEqual(found["program"], ["libinner.so"])
        self.assertEqual(set(found), {"libinner.so", "outer.so", "program"})

    def test_a_damaged_file_is_an_error(self) -> None:
        whole = (self.folder / "libinner.so").read_bytes()
        (self.folder / "damaged.so").write_bytes(whole[:3000])
        file = self.one(self.folder / "damaged.so")
        self.assertRaises(OSError, missing_libraries, file)
        self.assertIn("damaged.so", checks.look(file, "").refused)


if __name__ == "__main__":
    unittest.main()
