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


if __name__ == "__main__":
    unittest.main()
