"""Secrets are found by the variable that holds them and by their shape."""

from __future__ import annotations

import unittest

import support  # noqa: F401

from lib.redact import redact


class RedactTest(unittest.TestCase):
    """What goes and what stays."""

    def test_values_of_secret_variables(self) -> None:
        environment = {"AWS_SECRET_ACCESS_KEY": "s3cr3t-value", "DB_PASSWORD": "hunter2", "HOME": "/home/strata"}
        text = "s3cr3t-value hunter2 /home/strata"
        self.assertEqual(redact(text, environment), "[redacted] [redacted] /home/strata")

    def test_a_short_value_would_strike_out_words(self) -> None:
        self.assertEqual(redact("one two", {"TOKEN": "one"}), "one two")
        self.assertEqual(redact("seven eleven", {"A_TOKEN": "seven", "B_TOKEN": "eleven"}), "seven [redacted]")

    def test_a_value_inside_another(self) -> None:
        environment = {"A_TOKEN": "abcdef", "B_TOKEN": "abcdef-ghijkl"}
        self.assertEqual(redact("abcdef-ghijkl", environment), "[redacted]")

    def test_shapes(self) -> None:
        for secret in ("hf_" + "a" * 34, "ghp_" + "b" * 36, "AKIA" + "C" * 16, "pul-" + "d" * 40):
            self.assertEqual(redact(f"x {secret} y", {}), "x [redacted] y")
        self.assertEqual(redact("https://me:pass@host/", {}), "https://[redacted]@host/")

    def test_ordinary_text_stays(self) -> None:
        text = "http://127.0.0.1:8080/health answered 503; tokens 12019/s; sha256:" + "a" * 64
        self.assertEqual(redact(text, {}), text)


if __name__ == "__main__":
    unittest.main()
