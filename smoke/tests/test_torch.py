"""Check 30: what is computed on which GPU, and that wrong numbers are seen."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from fake_torch import HAS_TORCH, load_with_fake
from support import GPU, IMAGE, collecting_check, load

from lib.result import Fail, Status

TURING = GPU | {"computeCapability": "7.5"}
TYPED = [
    f"{name}-{kind}" for kind in ("float64", "float32", "float16", "bfloat16") for name in ("matmul", "convolution")
]
BOTH = ["matmul", "convolution", "autograd", *TYPED, "matmul-int8"]
GPU_ONLY = ["matmul-tf32", "matmul-float8", "capability", "memory"]


def run(
    gpu: dict[str, Any] | None, broken: str = "", image: dict[str, Any] = IMAGE
) -> dict[str, tuple[str, str | None]]:
    """Status and reason by step, with computations that all succeed, but for `broken` on the GPU."""
    module = load_with_fake("30")

    def compute(name: str) -> Any:
        def on(device: str) -> None:
            if device == "cuda" and name == broken:
                raise Fail("wrong")

        return on

    names = list(module.computations())
    module.computations = lambda: {name: compute(name) for name in names}
    module.compute_tf32, module.matmul_float8, module.allocate = mock.Mock(), mock.Mock(), mock.Mock()
    module.load_everything = mock.Mock()
    capability = tuple(map(int, (gpu or GPU)["computeCapability"].split(".")))
    module.torch.cuda.get_device_capability.return_value = capability
    check, reports = collecting_check(gpu, gpu is not None, image)
    module.run(check)
    results = [content for kind, content in reports if kind == "result"]
    return {result["id"].split(".")[1]: (result["status"], result.get("reason")) for result in results}


class TypesTest(unittest.TestCase):
    """Which steps there are."""

    def test_on_a_gpu_every_type_is_computed(self) -> None:
        results = run(GPU)
        self.assertEqual(
            list(results), [*(f"{name}-cpu" for name in BOTH), *(f"{name}-gpu" for name in BOTH), *GPU_ONLY]
        )
        self.assertEqual({status for status, _ in results.values()}, {Status.PASS}, results)

    def test_without_a_gpu_its_part_is_skipped(self) -> None:
        skipped = {name for name, (status, _) in run(None).items() if status == "skip"}
        self.assertEqual(skipped, {*(f"{name}-gpu" for name in BOTH), *GPU_ONLY})

    def test_an_older_gpu_is_not_asked_for_what_came_later(self) -> None:
        self.assertNotIn("matmul-float8", run(TURING))

    def test_a_wrong_result_is_one_failure(self) -> None:
        wrong = {name: found for name, found in run(GPU, "convolution-bfloat16").items() if found[0] != "pass"}
        self.assertEqual(wrong, {"convolution-bfloat16-gpu": ("fail", "wrong")})

    def test_only_what_was_trimmed_for_a_gpu_is_loaded_whole(self) -> None:
        trimmed = {**IMAGE, "trimmed": ["torch"]}
        self.assertEqual(run(GPU, image={**trimmed, "computeCapabilities": ["8.9"]})["every-kernel"][0], "pass")
        self.assertNotIn("every-kernel", run(GPU, image={**trimmed, "computeCapabilities": []}))
        self.assertNotIn("every-kernel", run(GPU))

    def test_all_gpu_code_is_loaded_before_anything_is_computed(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        torch, module = Path(folder.name, "torch.py"), load_with_fake("30")
        computes = "class ones:\n def __init__(self, *_, device): pass\n def sum(self): return self\n def item(self): return 8.0\n"
        with mock.patch.dict(os.environ, {"PYTHONPATH": folder.name, "PYTHONDONTWRITEBYTECODE": "1"}):
            torch.write_text(f"import os\nassert os.environ['CUDA_MODULE_LOADING'] == 'EAGER'\n{computes}")
            module.load_everything()
            torch.write_text("raise RuntimeError('device kernel image is invalid')\n")
            with self.assertRaisesRegex(Fail, "computed nothing, exit status 1") as caught:
                module.load_everything()
        self.assertIn("kernel image is invalid", str(caught.exception.output))

    def test_numbers_that_differ_are_a_failure(self) -> None:
        # Without torch: its numbers are stand-ins here. ComputeTest computes.
        module = load_with_fake("30")
        found, expected = mock.MagicMock(shape=(4,)), mock.MagicMock(shape=(4,))
        expected.numel.return_value = 4
        differing = found.cpu.return_value = mock.MagicMock(shape=(4,))
        differing.__ne__.return_value.sum.return_value = 0
        module.expect_equal(found, expected)
        differing.__ne__.return_value.sum.return_value = 1
        with self.assertRaisesRegex(Fail, "1 of 4 numbers are wrong"):
            module.expect_equal(found, expected)

    def test_the_second_factor_of_8_bits_lies_by_columns(self) -> None:
        # By rows cuBLAS refuses it on some cards: the image would get the blame for the card.
        for name, product in (("matmul_int8", "_int_mm"), ("matmul_float8", "_scaled_mm")):
            module = load_with_fake("30")
            module.expect_equal = mock.Mock()
            getattr(module, name)("cuda")
            factor = module.signs(1, 1, seed=1)
            left, right = getattr(module.torch, product).call_args.args[:2]
            self.assertIs(left, factor.to.return_value, name)
            self.assertIs(right, factor.T.contiguous.return_value.T.to.return_value, name)

    def test_a_gpu_that_torch_sees_otherwise(self) -> None:
        status, reason = run(TURING)["capability"]
        self.assertEqual(status, "fail")
        self.assertEqual(reason, "the GPU has compute capability 7.5, the image is built for 8.9")


@unittest.skipUnless(HAS_TORCH, "needs torch")
class ComputeTest(unittest.TestCase):
    """The computations themselves, on the CPU."""

    def test_every_computation(self) -> None:
        module = load("30")
        for compute in module.computations().values():
            compute("cpu")

    def test_numbers_of_another_shape(self) -> None:
        module = load("30")
        with self.assertRaisesRegex(Fail, r"expected the shape \(1, 4\), got \(4,\)"):
            module.expect_equal(module.torch.ones(4), module.torch.ones(1, 4))

    def test_every_computation_is_compared(self) -> None:
        module = load("30")
        for name, compute in module.computations().items():
            with self.subTest(name), mock.patch.object(module, "expect_equal") as compare:
                compute("cpu")
            compare.assert_called_once()
            found, expected = compare.call_args.args
            # Not with itself, and not with nothing.
            self.assertIsNot(found, expected)
            self.assertGreater(int((expected != 0).sum()), 3)

    def test_one_wrong_number_is_seen(self) -> None:
        module = load("30")
        expected = module.signs(4, 4, seed=1)
        found = expected.clone()
        found[2, 3] += 1
        with self.assertRaisesRegex(Fail, "1 of 16 numbers are wrong"):
            module.expect_equal(found, expected)


if __name__ == "__main__":
    unittest.main()
