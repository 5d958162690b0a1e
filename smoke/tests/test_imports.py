"""Check 10's comparisons on distributions made for it."""

from __future__ import annotations

import unittest
from types import ModuleType, SimpleNamespace

from support import load

from lib.result import Fail, Skip

checks = load("10")


def distribution(name: str, version: str, *requires: str) -> SimpleNamespace:
    """Looks like an installed distribution."""
    return SimpleNamespace(metadata={"Name": name}, version=version, requires=list(requires))


def fake_torch(cuda: str | None, number: int) -> ModuleType:
    """A torch built for `cuda` with a torchvision extension built for `number`."""
    torch = ModuleType("torch")
    torch.version = SimpleNamespace(cuda=cuda)  # type: ignore[attr-defined]
    torch.ops = SimpleNamespace(torchvision=SimpleNamespace(_cuda_version=lambda: number))  # type: ignore[attr-defined]
    return torch


class ImportsTest(unittest.TestCase):
    """Doubles, requirements, torchvision."""

    def test_doubles(self) -> None:
        self.assertEqual(checks.find_doubles(["a", "b"]), "2 distributions")
        self.assertRaisesRegex(Fail, "more than once: a", checks.find_doubles, ["a", "b", "a"])

    def test_names_are_compared_as_indexes_do(self) -> None:
        self.assertEqual(checks.normalise("Typing_Extensions"), "typing-extensions")

    def test_requirements(self) -> None:
        requires = ("B_b>=2", 'c; python_version < "3"', 'd; extra == "x"')
        good = [distribution("a", "1.0", *requires), distribution("b-b", "2.1")]
        try:
            self.assertEqual(checks.compare_requirements(good), "1 requirements")
        except Skip as skip:
            self.skipTest(str(skip))
        bad = [distribution("a", "1.0", "b>=2", "c"), distribution("b", "1.9")]
        with self.assertRaises(Fail) as caught:
            checks.compare_requirements(bad)
        self.assertIn("a needs b>=2, but 1.9 is installed", str(caught.exception))
        self.assertIn("a needs c, which is not installed", str(caught.exception.output))

    def test_torchvision(self) -> None:
        self.assertEqual(checks.compare_torchvision(lambda _: fake_torch("13.0", 13000)), "CUDA 13.0")
        self.assertEqual(checks.compare_torchvision(lambda _: fake_torch("12.8", 12080)), "CUDA 12.8")
        self.assertEqual(checks.compare_torchvision(lambda _: fake_torch(None, -1)), "CUDA None")
        self.assertRaisesRegex(Fail, "12.8", checks.compare_torchvision, lambda _: fake_torch("13.0", 12080))

    def test_code_for_the_gpus_of_the_image(self) -> None:
        flags = "sm_75 sm_80 sm_86 sm_90a sm_100 compute_120"
        # 8.9 runs code for 8.6, and what comes later compiles the PTX.
        for capability in ("7.5", "8.0", "8.6", "8.9", "10.0", "10.3", "12.0", "12.1"):
            self.assertEqual(checks.compare_kernels([capability], flags), flags)
        for capability in ("7.0", "11.0"):
            self.assertRaisesRegex(Fail, f"no code for {capability}", checks.compare_kernels, [capability], flags)
        self.assertRaisesRegex(Fail, "no code for 12.0, only sm_90", checks.compare_kernels, ["9.0", "12.0"], "sm_90")
        self.assertRaisesRegex(Fail, "no code for 8.9, only none", checks.compare_kernels, ["8.9"], "")

    def test_packages_that_were_replaced(self) -> None:
        lock = "torch==2.12.0\nTyping_Extensions==4.1\n"
        versions = {"torch": "2.12.0", "typing-extensions": "4.1"}
        self.assertEqual(checks.compare_lock(versions, lock), "2 distributions")
        for other, problem in {
            "2.11.0": "torch: expected 2.12.0, got 2.11.0",
            None: "torch: expected 2.12.0, got none",
        }.items():
            changed = versions | {"torch": other} if other else {"typing-extensions": "4.1"}
            self.assertRaisesRegex(Fail, problem, checks.compare_lock, changed, lock)
        more = versions | {"numpy": "2.4"}
        self.assertRaisesRegex(
            Fail, "1 packages are others: numpy: expected none, got 2.4", checks.compare_lock, more, lock
        )

    def test_what_comfyui_asks_for(self) -> None:
        text = (
            "comfyui-frontend-package==1.27.10\ntorch\n\n#optional:\nkornia>=0.7 # for nodes\nx; python_version < '3'\n"
        )
        versions = {"comfyui-frontend-package": "1.27.10", "torch": "2.12.0", "kornia": "0.8"}
        try:
            self.assertEqual(checks.compare_comfyui(versions, text), "4 requirements")
        except Skip as skip:
            self.skipTest(str(skip))
        for name, problem in {
            "comfyui-frontend-package": "ComfyUI needs comfyui-frontend-package==1.27.10, and nothing is there",
            "kornia": "kornia>=0.7, and nothing",
        }.items():
            lacking = {key: value for key, value in versions.items() if key != name}
            self.assertRaisesRegex(Fail, problem, checks.compare_comfyui, lacking, text)
        self.assertRaisesRegex(Fail, "0.6 is there", checks.compare_comfyui, versions | {"kornia": "0.6"}, text)


if __name__ == "__main__":
    unittest.main()
