"""The second start of check 70, on a volume that an older image has used."""

from __future__ import annotations

from typing import Any
from unittest import mock

from support import GPU, ServicesTestCase
from test_comfyui import CLOSED, NODES, image_with

from lib import comfyui as library


class OldVolumeTest(ServicesTestCase):
    """When it happens; what it finds is in test_comfyui.py."""

    def test_the_second_start_is_side_by_side_with_the_first_but_not_on_a_gpu(self) -> None:
        for gpu in (None, GPU):
            going_on: list[bool] = []

            def look(*_: object, beside: Any, seen: list[bool] = going_on, **__: object) -> None:
                seen.append(beside is not None and beside.process.poll() is None)

            password = self.folder / "login/PASSWORD"
            with mock.patch("lib.stop.check_stop", look), mock.patch.object(library, "PASSWORD", password):
                environment = {"FAKE_PASSWORD": str(password)}
                results = self.run_check("70", "", image_with(NODES), environment, CLOSED, gpu)
            self.assertEqual(going_on, [gpu is None])
            self.assertEqual(results["old-volume"]["status"], "pass", results)
            self.assertEqual(results["old-data"]["status"], "pass")
