"""What the stage `services` compares its environment with."""

from __future__ import annotations

import importlib.util
import unittest
from typing import Any

from stages import REPOSITORY


def load_verify() -> Any:
    """The stage's own, beside which others have the same name."""
    spec = importlib.util.spec_from_file_location("services_verify", REPOSITORY / "layers/services/verify.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verify = load_verify()


class OwnEnvironmentTest(unittest.TestCase):
    """The lock is what pip read."""

    def test_pins_are_read_as_they_are_written_for_pip(self) -> None:
        text = "Jinja2==3.1.6 \\\n    --hash=sha256:aa\nnvidia_ml.py==13.0 \\\n    --hash=sha256:bb\n"
        self.assertEqual(verify.read_pins(text), {"jinja2": "3.1.6", "nvidia-ml-py": "13.0"})

    def test_each_difference_is_told(self) -> None:
        expected = {"fastapi": "1", "psutil": "7", "pyyaml": "6"}
        found = {"fastapi": "1", "psutil": "8", "tornado": "6"}
        self.assertEqual(
            verify.differences(expected, found),
            [
                "psutil: expected 7, got 8",
                "pyyaml: expected 6, got nothing",
                "tornado: expected nothing, got 6",
            ],
        )

    def test_the_same_is_no_difference(self) -> None:
        self.assertEqual(verify.differences({"psutil": "7"}, {"psutil": "7"}), [])


if __name__ == "__main__":
    unittest.main()
