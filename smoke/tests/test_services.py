"""Checks 50 and 60 on services that go wrong, one way at a time."""

from __future__ import annotations

import unittest

from support import IMAGE, ServicesTestCase


class ServicesTest(ServicesTestCase):
    """Each test names a fault of tests/fake_services.py and says which results are not a pass."""

    def test_services_without_a_fault(self) -> None:
        self.assertEqual(self.not_passed("50", ""), {})
        self.assertEqual(self.not_passed("60", ""), {})

    def test_an_image_without_llama(self) -> None:
        image = {name: value for name, value in IMAGE.items() if name != "llama"}
        self.assertEqual(set(self.run_check("50", "", image)), {"start", "healthcheck", "system"})
        self.assertEqual(self.not_passed("50", "", image), {})
        self.assertEqual(self.not_passed("60", "", image), {})

    def test_an_entrypoint_that_ends(self) -> None:
        self.assertEqual(self.not_passed("50", "ends"), {"start": "the entrypoint ended with exit status 3"})

    def test_services_that_do_not_become_healthy(self) -> None:
        self.assertEqual(self.not_passed("50", "sick"), {"start": "not healthy within 5 s"})

    def test_wrong_tokens(self) -> None:
        wrong = self.not_passed("50", "wrong")
        self.assertEqual(set(wrong), {"completion", "chat", "restart"})
        self.assertEqual(wrong["chat"], "expected 'three four five', got ' three four six'")

    def test_a_server_that_does_not_come_back(self) -> None:
        self.assertEqual(self.not_passed("50", "stays-dead"), {"restart": "not back within 1 s"})

    def test_another_torch(self) -> None:
        wrong = self.not_passed("50", "other-torch")
        self.assertEqual(wrong, {"system": "torch: expected 2.12.0, got 2.11.0"})

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
