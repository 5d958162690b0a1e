"""Check 40: each implementation is compared, and has to be the one that computed."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from fake_torch import HAS_TORCH, load_with_fake
from support import GPU, IMAGE, collecting_check, load

from lib.result import Fail

TURING = GPU | {"computeCapability": "7.5"}


def run(gpu: dict[str, Any] | None, attention: list[str], compare: Any = None) -> dict[str, tuple[str, str | None]]:
    """Status and reason by step, for an image with these packages."""
    module = load_with_fake("40")
    module.compare = compare or mock.Mock(return_value="differs by 0 at most")
    module.importlib = mock.MagicMock()
    module.importlib.import_module.return_value._cpp_library_load_exception = None
    module.load_check = mock.MagicMock()
    check, reports = collecting_check(gpu, gpu is not None, IMAGE | {"attention": attention})
    module.run(check)
    results = [content for kind, content in reports if kind == "result"]
    return {result["id"].split(".")[1]: (result["status"], result.get("reason")) for result in results}


class AttentionTest(unittest.TestCase):
    """Which steps there are, and what becomes of them."""

    def test_every_implementation_of_the_image_is_compared_on_a_gpu(self) -> None:
        results = run(GPU, ["triton", "sageattention", "flash-attn"])
        packages = [f"{name}{step}" for name in ("triton", "sageattention", "flash_attn") for step in ("-import", "")]
        self.assertEqual(list(results), ["sdpa-flash", "sdpa-mem-efficient", "sdpa-cudnn", *packages])
        self.assertEqual({status for status, _ in results.values()}, {"pass"}, results)

    def test_without_a_gpu_they_are_imported(self) -> None:
        results = run(None, ["triton"])
        self.assertEqual(results["triton-import"][0], "pass")
        self.assertEqual(results["triton"], ("skip", "no GPU"))
        self.assertEqual(results["sdpa-flash"], ("skip", "no GPU"))

    def test_an_older_gpu_is_not_asked_for_what_it_never_had(self) -> None:
        results = run(TURING, [])
        self.assertEqual(results, {"sdpa-mem-efficient": ("pass", "differs by 0 at most")})

    def test_a_kernel_that_computes_something_else(self) -> None:
        compare = mock.Mock(
            side_effect=[None, None, None, Fail("differs by 0.7 from plain attention, 0.05 is allowed")]
        )
        status, reason = run(GPU, ["sageattention"], compare)["sageattention"]
        self.assertEqual((status, reason), ("fail", "differs by 0.7 from plain attention, 0.05 is allowed"))

    def test_how_far_each_may_be_off(self) -> None:
        compare = mock.Mock(return_value="")
        run(GPU, ["triton", "sageattention", "xformers", "flash-attn"], compare)
        # torch's own three come first. Rounding of float16, but for SageAttention's 8-bit queries and keys.
        allowed = [call.args[1] for call in compare.call_args_list]
        self.assertEqual(allowed, [0.005, 0.005, 0.005, 0.005, 0.05, 0.005, 0.005])

    def test_what_the_difference_decides(self) -> None:
        # Without torch: its numbers are stand-ins here. CompareTest computes.
        for difference, passes in {0.0: True, 0.5: True, 0.51: False, float("nan"): False}.items():
            module = load_with_fake("40")
            module.Operators, module.expect_used = mock.MagicMock(), mock.Mock()
            found = mock.MagicMock()
            module.scaled_dot_product_attention.return_value.shape = found.shape
            found.float.return_value.__sub__.return_value.abs.return_value.max.return_value = difference
            if passes:
                self.assertEqual(module.compare(lambda *_, f=found: f, 0.5), f"differs by {difference:g} at most")
                continue
            with self.assertRaisesRegex(Fail, f"differs by {difference:g} from plain attention, 0.5 is allowed"):
                module.compare(lambda *_, f=found: f, 0.5)

    def test_a_package_that_nobody_can_compare_is_not_passed_over(self) -> None:
        self.assertEqual(run(GPU, ["mystery"])["mystery"][0], "inconclusive")
        # Kernels of whole models have nothing to compare with.
        self.assertNotIn("nunchaku", run(GPU, ["nunchaku"]))

    def test_what_computed_has_to_be_the_implementation(self) -> None:
        expect_used = load_with_fake("40").expect_used
        flash = "_scaled_dot_product_flash_attention"
        expect_used({"empty_like", "transpose", flash}, flash)
        expect_used({"empty_like", "mean", "sub"}, None)
        for names, operator, reason in [
            ({"bmm", "_softmax", "mul"}, None, "not used: _softmax, bmm computed"),
            ({"bmm", "_safe_softmax"}, flash, "not used: _safe_softmax, bmm computed"),
            ({flash}, None, f"not used: {flash} computed"),
            ({"_scaled_dot_product_efficient_attention"}, flash, "_efficient_attention computed"),
            ({"mul"}, flash, "nothing computed"),
        ]:
            with self.assertRaisesRegex(Fail, reason):
                expect_used(names, operator)


@unittest.skipUnless(HAS_TORCH, "needs torch")
class CompareTest(unittest.TestCase):
    """The comparison itself, on the CPU."""

    def setUp(self) -> None:
        self.module = load("40")

    def compare(self, attention: Any, operator: str | None = None) -> str:
        """Against plain attention on the CPU."""
        return str(self.module.compare(attention, self.module.FLOAT16_TOLERANCE, operator, "cpu"))

    def test_torchs_own_implementation(self) -> None:
        attention = self.module.sdpa(self.module.SDPBackend.FLASH_ATTENTION)
        self.assertRegex(self.compare(attention, "_scaled_dot_product_flash_attention_for_cpu"), "differs by 0.0")
        with self.assertRaisesRegex(Fail, "it was not used"):
            self.compare(attention, "_scaled_dot_product_cudnn_attention")

    def test_a_package_that_falls_back(self) -> None:
        with self.assertRaisesRegex(Fail, "not used: _scaled_dot_product_flash_attention_for_cpu computed"):
            self.compare(self.module.scaled_dot_product_attention)
        scale = self.module.HEAD**-0.5
        with self.assertRaisesRegex(Fail, "not used: _softmax, bmm computed"):
            self.compare(lambda q, k, v: (q @ k.transpose(-1, -2) * scale).softmax(-1) @ v)

    def compare_off(self, by: float, tolerance: float) -> str:
        """Plain attention's own numbers, all off by so much."""

        def attention(*tensors: Any) -> Any:
            return self.module.sdpa(self.module.SDPBackend.MATH)(*(tensor.float() for tensor in tensors)) + by

        with mock.patch.object(self.module, "expect_used"):
            return str(self.module.compare(attention, tolerance, None, "cpu"))

    def test_numbers_that_are_a_little_off(self) -> None:
        module = self.module
        self.assertEqual(self.compare_off(0, module.FLOAT16_TOLERANCE), "differs by 0 at most")
        self.assertEqual(self.compare_off(-0.004, module.FLOAT16_TOLERANCE), "differs by 0.004 at most")
        with self.assertRaisesRegex(Fail, "differs by 0.006 from plain attention, 0.005 is allowed"):
            self.compare_off(0.006, module.FLOAT16_TOLERANCE)
        tolerance = module.PACKAGES["sageattention"][1]
        self.assertEqual(self.compare_off(0.04, tolerance), "differs by 0.04 at most")
        with self.assertRaisesRegex(Fail, "differs by 0.06 from plain attention, 0.05 is allowed"):
            self.compare_off(-0.06, tolerance)

    def test_a_kernel_that_computes_something_else(self) -> None:
        with self.assertRaisesRegex(Fail, "from plain attention"):
            self.compare(lambda q, k, v: v * 1.01)
        with self.assertRaisesRegex(Fail, "differs by nan"):
            self.compare(lambda q, k, v: v * float("nan"))
        with self.assertRaisesRegex(Fail, "expected the shape"):
            self.compare(lambda q, k, v: v[:, :1])


if __name__ == "__main__":
    unittest.main()
