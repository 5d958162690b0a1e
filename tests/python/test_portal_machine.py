"""What the portal says of the machine: limits of the container, not of the host; GPUs as NVIDIA's library has them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path

from support import PORTAL, fill

MISSING = [name for name in ("pydantic", "psutil", "pynvml") if find_spec(name) is None]
if not MISSING:
    import psutil

    from portal.cgroup import ControlGroup, Memory
    from portal.metrics import disks

COMPILER = shutil.which("gcc")
READ = "from portal.gpu import GpuReader; print(GpuReader().read().model_dump_json())"


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class ControlGroupTest(unittest.TestCase):
    """Files as kernels write them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "cgroup"
        self.root.mkdir()
        self.membership = Path(folder.name) / "membership"

    def write(self, **files: str) -> None:
        """Names with `__` for folders and `_` for dots."""
        for name, text in files.items():
            path = self.root / name.replace("__", "/")
            fill(path.parent, path.name)
            path.write_text(text)

    def group(self, membership: str) -> ControlGroup:
        """Of this process."""
        self.membership.write_text(membership)
        return ControlGroup(self.root, self.membership)

    def files(self, folder: str, files: dict[str, str]) -> None:
        """In one folder."""
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.root / folder / name).write_text(text)

    def test_version_2_with_limits(self) -> None:
        self.files(
            "",
            {
                "cgroup.controllers": "cpu memory\n",
                "memory.max": "1073741824\n",
                "memory.current": "600000000\n",
                "memory.stat": "anon 1\ninactive_file 100000000\n",
                "cpu.max": "50000 100000\n",
                "cpu.stat": "usage_usec 1000000\nuser_usec 1\n",
            },
        )
        group = self.group("0::/\n")
        self.assertEqual(group.memory(), Memory(500000000, 1073741824))
        first = group.processors()
        self.assertEqual((first.count, first.busy), (0.5, None))
        (self.root / "cpu.stat").write_text("usage_usec 1000001\n")
        busy = group.processors().busy
        self.assertIsNotNone(busy)
        (self.root / "cpu.stat").write_text("usage_usec 99000000\n")
        self.assertEqual(group.processors().busy, 100.0)

    def test_limits_of_the_groups_above_hold_as_well(self) -> None:
        self.files("", {"cgroup.controllers": "memory\n"})
        self.files("pod", {"memory.max": "1000\n", "cpu.max": "100000 100000\n"})
        self.files(
            "pod/box", {"memory.max": "max\n", "memory.current": "400\n", "memory.stat": "", "cpu.max": "max 100000\n"}
        )
        group = self.group("0::/pod/box\n")
        self.assertEqual(group.memory(), Memory(400, 1000))
        self.assertEqual(group.processors().count, 1.0)

    def test_version_1(self) -> None:
        self.files(
            "memory",
            {
                "memory.limit_in_bytes": "2000\n",
                "memory.usage_in_bytes": "1500\n",
                "memory.stat": "total_inactive_file 500\n",
            },
        )
        self.files(
            "cpu,cpuacct", {"cpu.cfs_quota_us": "25000\n", "cpu.cfs_period_us": "100000\n", "cpuacct.usage": "5\n"}
        )
        group = self.group("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n")
        self.assertEqual(group.memory(), Memory(1000, 2000))
        self.assertEqual(group.processors().count, 0.25)
        (self.root / "cpu,cpuacct/cpuacct.usage").write_text(str(10**12))
        self.assertEqual(group.processors().busy, 100.0)

    def test_without_limits_it_is_the_machine(self) -> None:
        machine = psutil.virtual_memory().total
        for files in ({}, {"cgroup.controllers": "", "memory.max": "max\n", "cpu.max": "max 100000\n"}):
            self.files("", files)
            group = self.group("0::/\n")
            self.assertEqual(group.memory().total, machine)
            self.assertGreater(group.memory().used, 0)
            self.assertEqual(group.processors().count, len(os.sched_getaffinity(0)))
        # Unlimited, as version 1 writes it.
        self.files("memory", {"memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "1\n"})
        self.assertEqual(self.group("4:memory:/\n").memory().total, machine)

    def test_each_file_system_once(self) -> None:
        found = disks({"Container": Path("/"), "Same": Path("/"), "Kernel": Path("/proc"), "Absent": Path("/absent")})
        self.assertEqual([disk.label for disk in found], ["Container", "Kernel"])
        self.assertGreater(found[0].total, found[0].used)


@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
@unittest.skipUnless(COMPILER, "no gcc to build the stand-in of NVIDIA's library")
class GpuTest(unittest.TestCase):
    """NVIDIA's own Python package on a stand-in of its library."""

    def read(self, **variables: str) -> dict[str, object]:
        """In a process of its own, which loads the library."""
        with tempfile.TemporaryDirectory() as folder:
            if variables:
                source = Path(__file__).with_name("fake_nvml.c")
                library = f"{folder}/libnvidia-ml.so.1"
                subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", library, str(source)], check=True)
            path = os.pathsep.join([str(PORTAL), *filter(None, sys.path)])
            given = {**os.environ, "PYTHONPATH": path, "LD_LIBRARY_PATH": folder, **variables}
            ran = subprocess.run([sys.executable, "-c", READ], env=given, capture_output=True, text=True, check=True)
            return json.loads(ran.stdout)

    def test_a_gpu_and_a_slice_that_has_no_sensors(self) -> None:
        found = self.read(FAKE_GPUS="2")
        whole, part = found["gpus"]
        self.assertEqual((whole["name"], whole["utilisation"]), ("NVIDIA GeForce RTX 4090", 87))
        self.assertEqual((whole["memory_used"], whole["memory_total"]), (15461882265, 25757220864))
        self.assertEqual((whole["temperature"], whole["power"], whole["power_limit"]), (64, 312.4, 450.0))
        self.assertEqual((part["utilisation"], part["temperature"], part["power"]), (None, None, None))
        self.assertEqual(part["memory_total"], 25757220864)
        self.assertEqual((found["driver"], found["reason"]), ("610.43.02", None))

    def test_without_a_gpu_it_says_why(self) -> None:
        self.assertEqual(self.read(FAKE_GPUS="0")["reason"], "The driver lists no GPU.")
        absent = self.read()
        self.assertEqual(absent["gpus"], [])
        self.assertIn("started without a GPU", absent["reason"])
        # 15: the GPU is lost.
        self.assertIn("NVIDIA's library says", self.read(FAKE_NVML_ERROR="15")["reason"])


if __name__ == "__main__":
    unittest.main()
