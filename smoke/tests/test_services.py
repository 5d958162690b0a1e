"""Checks 50 and 60 on services that go wrong, one way at a time."""

from __future__ import annotations

import unittest

from support import GPU, IMAGE, ServicesTestCase


class ServicesTest(ServicesTestCase):
    """Each test names a fault of tests/fake_services.py and says which results are not a pass."""

    def test_services_without_a_fault(self) -> None:
        self.assertEqual(self.not_passed("50", ""), {})
        self.assertEqual(self.not_passed("60", ""), {})

    def test_an_image_without_llama(self) -> None:
        image = {name: value for name, value in IMAGE.items() if name != "llama"}
        self.assertEqual(set(self.run_check("50", "", image)), {"start", "healthcheck", "stays", "system"})
        self.assertEqual(self.not_passed("50", "", image), {})
        self.assertEqual(self.not_passed("60", "", image), {})

    def test_an_entrypoint_that_ends(self) -> None:
        self.assertEqual(self.not_passed("50", "ends"), {"start": "the entrypoint ended with exit status 3"})

    def test_services_that_do_not_become_healthy(self) -> None:
        self.assertEqual(self.not_passed("50", "sick"), {"start": "not healthy within 5 s"})

    def test_wrong_tokens(self) -> None:
        wrong = self.not_passed("50", "wrong")
        self.assertEqual(set(wrong), {"completion", "chat", "first-token", "restart"})
        self.assertEqual(wrong["chat"], "expected 'three four five', got ' three four six'")

    def test_the_page(self) -> None:
        self.assertNotIn("page", self.run_check("50", ""))
        image = IMAGE | {"llama": {"version": "b8505", "cuda": False, "ui": True}}
        self.assertRegex(self.run_check("50", "", image)["page"]["reason"], "^2 files")
        self.assertEqual(self.not_passed("50", "no-page", image), {"page": "expected a page with files of its own"})
        self.assertEqual(self.not_passed("50", "half-a-page", image), {"page": "/_app/bundle.js answered 404"})

    def test_the_first_token(self) -> None:
        self.run_check("50", "")
        # Before the first word the fake waits twice for a hundredth of a second, as for a token without text.
        self.assertGreaterEqual(self.measured["firstTokenSeconds"], 0.02)
        self.assertLess(self.measured["firstTokenSeconds"], 10)
        self.assertEqual(self.not_passed("50", "stalls"), {"first-token": "expected 'three four five', got ''"})

    def test_a_service_that_was_started_again(self) -> None:
        wrong = self.not_passed("50", "llama-restarts")
        self.assertEqual(wrong, {"stays": "died and was started again: llama"})

    def test_layers_on_the_gpu(self) -> None:
        image = IMAGE | {"llama": {"version": "b8505", "cuda": True}}
        self.assertEqual(self.run_check("50", "", image, gpu=GPU)["offload"]["reason"], "2 of 2 layers")
        # The CUDA back end did not load, and everything else still answers.
        wrong = self.not_passed("50", "no-back-end", image, GPU)
        self.assertEqual(wrong, {"offload": "llama-server put no layer on the GPU"})
        wrong = self.not_passed("50", "half-offloaded", image, GPU)
        self.assertEqual(wrong, {"offload": "1 of 2 layers are on the GPU"})
        self.assertEqual(self.not_passed("50", "", image), {"offload": "no GPU"})

    def test_without_cuda_no_layers_are_expected_on_the_gpu(self) -> None:
        self.assertNotIn("offload", self.run_check("50", "", gpu=GPU))

    def test_a_server_that_does_not_come_back(self) -> None:
        self.assertEqual(self.not_passed("50", "stays-dead"), {"restart": "not back within 1 s"})

    def test_another_torch(self) -> None:
        wrong = self.not_passed("50", "other-torch")
        self.assertEqual(wrong, {"system": "torch: expected 2.12.0, got 2.11.0"})

    def test_a_torch_that_does_not_see_the_gpu(self) -> None:
        self.assertEqual(self.not_passed("50", "", gpu=GPU), {})
        wrong = self.not_passed("50", "no-cuda", gpu=GPU)
        self.assertEqual(wrong, {"system": "CUDA available: expected True, got False"})

    def test_a_short_answer_says_nothing_about_speed(self) -> None:
        self.run_check("50", "")
        self.assertEqual(self.measured["tokensPerSecond"], 1000)
        self.assertEqual(self.not_passed("50", "short"), {"speed": "expected 128 tokens, got 64"})
        self.assertNotIn("tokensPerSecond", self.measured)

    def test_a_failing_health_check(self) -> None:
        self.assertEqual(self.not_passed("50", "healthcheck"), {"healthcheck": "exit status 1"})

    def test_services_that_ignore_sigterm(self) -> None:
        self.assertEqual(self.not_passed("60", "deaf")["stop"], "still running 2 s after SIGTERM")

    def test_an_exit_status(self) -> None:
        self.assertEqual(self.not_passed("60", "status"), {"stop": "exit status 4"})

    def test_a_process_that_is_left(self) -> None:
        self.assertRegex(self.not_passed("60", "leftover")["nothing-left"], r"still there: .*sleep \(\d+\)")


if __name__ == "__main__":
    unittest.main()
