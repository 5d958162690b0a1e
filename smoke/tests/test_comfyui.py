"""Check 70 on a ComfyUI that goes wrong, one way at a time."""

from __future__ import annotations

import json
import unittest
from collections.abc import Sequence
from typing import Any
from unittest import mock

from support import IMAGE, Playground, ServicesTestCase

from lib import comfyui as library

NODES = [{"folder": "ComfyUI-Login"}, {"folder": "ComfyUI-KJNodes"}, {"folder": "rgthree.comfy"}]
KNOWN = "needs a newer ComfyUI"


def image_with(nodes: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The description of an image with ComfyUI and `nodes`."""
    return IMAGE | {"comfyui": {"version": "0.3.64", "commit": "a" * 40, "nodes": list(nodes)}}


class ComfyUITest(ServicesTestCase):
    """Each test names a fault of tests/fake_comfyui.py and says which results are not a pass."""

    def setUp(self) -> None:
        super().setUp()
        self.password = self.folder / "login/PASSWORD"
        patch = mock.patch.object(library, "PASSWORD", self.password)
        patch.start()
        self.addCleanup(patch.stop)

    def results(
        self,
        fault: str = "",
        nodes: Sequence[dict[str, str]] = NODES,
        broken: str = "",
        without: tuple[str, ...] = ("check_old_volume",),
    ) -> dict[str, dict[str, Any]]:
        """The results by step; on an old volume only for those who ask, because each start takes a while."""
        environment = {"FAKE_BROKEN": broken, "FAKE_PASSWORD": str(self.password)}
        return self.run_check("70", fault, image_with(nodes), environment, without)

    def wrong(
        self,
        fault: str = "",
        nodes: Sequence[dict[str, str]] = NODES,
        broken: str = "",
        without: tuple[str, ...] = ("check_old_volume",),
    ) -> dict[str, str]:
        """Reason by step of what did not pass."""
        results = self.results(fault, nodes, broken, without)
        return {name: result["reason"] for name, result in results.items() if result["status"] != "pass"}

    def test_without_a_fault(self) -> None:
        results = self.results(without=())
        self.assertEqual({result["status"] for result in results.values()}, {"pass"}, results)
        self.assertEqual(
            list(results),
            [
                *("start", "nodes", "built-in", "login", "system-stats", "object-info", "frontend", "workflow"),
                *("backend-token", "backend-nodes", "stop", "nothing-left", "old-volume", "old-data"),
            ],
        )
        self.assertEqual(results["nodes"]["reason"], "3 of 3")
        self.assertEqual(results["object-info"]["reason"], "3 classes; cannot describe themselves: Shy")
        self.assertEqual(results["workflow"]["reason"], "output/strata-smoke_00001_.png")

    def test_without_nodes_nobody_asks_for_a_password(self) -> None:
        results = self.results("no-list", nodes=[])
        self.assertNotIn("login", results)
        self.assertEqual({result["status"] for result in results.values()}, {"pass"}, results)

    def test_a_password_that_is_set_already(self) -> None:
        self.password.parent.mkdir()
        self.password.write_text("$2b$other\nsomebody")
        self.assertEqual(self.wrong(), {})

    def test_a_comfyui_that_does_not_come(self) -> None:
        self.assertEqual(self.wrong("no-comfyui"), {"start": "no answer within 5 s"})

    def test_a_comfyui_that_is_started_again(self) -> None:
        self.assertEqual(self.wrong("restarts"), {"start": "died and was started again: comfyui"})

    def test_a_login_that_lets_everyone_in(self) -> None:
        results = self.results("open")
        self.assertEqual(results["login"]["reason"], "expected 401 without a token, got 200")
        # What else there is to say is said all the same.
        self.assertEqual(results["workflow"]["status"], "pass")

    def test_a_login_that_lets_nobody_in(self) -> None:
        results = self.results("closed")
        self.assertRegex(results["login"]["reason"], "/system_stats answered 401")
        self.assertNotIn("workflow", results)

    def test_a_node_that_does_not_import_is_named_with_its_traceback(self) -> None:
        result = self.results(broken="rgthree.comfy")["node-rgthree-comfy"]
        self.assertEqual((result["status"], result["title"]), ("fail", "node rgthree.comfy"))
        self.assertEqual(result["reason"], "No module named 'iopath'")
        self.assertRegex(result["output"], r"^Traceback[^$]*ModuleNotFoundError: No module named 'iopath'$")

    def test_a_known_failure_passes_with_its_reason(self) -> None:
        nodes = [*NODES, {"folder": "Old", "knownFailure": KNOWN}]
        results = self.results(nodes=nodes, broken="Old")
        self.assertEqual({result["status"] for result in results.values()}, {"pass"}, results)
        self.assertEqual(
            results["node-Old"]["reason"],
            f"known failure: {KNOWN} (ModuleNotFoundError: No module named 'iopath')",
        )
        self.assertEqual(results["nodes"]["reason"], "3 of 4")

    def test_a_known_failure_that_imports_is_a_failure(self) -> None:
        nodes = [*NODES, {"folder": "Old", "knownFailure": KNOWN}]
        problem = f"imports now: take it off the known failures in the lock ({KNOWN})"
        self.assertEqual(self.wrong(nodes=nodes), {"node-Old": problem})

    def test_a_node_that_comfyui_does_not_mention(self) -> None:
        problem = "is in the image's description, but ComfyUI did not try to import it"
        self.assertEqual(self.wrong("missing-node"), {"node-rgthree-comfy": problem})

    def test_a_disabled_node(self) -> None:
        nodes = [*NODES, {"folder": "ReActor.disabled"}]
        self.assertEqual(self.wrong("missing-node", nodes=nodes), {})
        self.assertEqual(self.wrong(nodes=nodes), {"node-ReActor-disabled": "is disabled, but ComfyUI imported it"})

    def test_a_node_that_the_description_does_not_mention(self) -> None:
        self.assertEqual(self.wrong("extra-node"), {"node-Stranger": "is in the image, but not in its description"})

    def test_a_node_from_elsewhere(self) -> None:
        self.assertRegex(self.wrong("volume-node")["node-Stranger"], "^was imported from .*, not from /opt/comfyui/")

    def test_a_node_of_comfyui_itself(self) -> None:
        wrong = self.wrong(broken="websocket_image_save.py")
        self.assertEqual(wrong, {"node-websocket_image_save-py": "No module named 'iopath'"})
        self.assertEqual(self.wrong("built-in"), {"built-in": "not imported: nodes_audio.py"})

    def test_a_log_without_a_list(self) -> None:
        wrong = self.wrong("no-list")
        self.assertEqual(set(wrong), {"nodes", "backend-nodes"})
        self.assertEqual(wrong["nodes"], "no list of imports within 0.5 s")

    def test_another_version_or_device(self) -> None:
        for fault, found in {"other-version": "'0.3.65'", "other-device": "'cuda'"}.items():
            wrong = self.wrong(fault)
            self.assertEqual(set(wrong), {"system-stats"})
            self.assertIn(found, wrong["system-stats"].split("got")[1])

    def test_no_interface(self) -> None:
        self.assertEqual(self.wrong("no-frontend"), {"frontend": "expected a web page, got status 200"})

    def test_another_picture(self) -> None:
        reasons = {
            "size": "expected 64x48 pixels, got 48x48",
            "colour": "expected the colour (223, 191, 159), got (97, 98, 99)",
            "no-picture": "expected one image on the volume, found 0: strata-smoke_00001_.png",
            "half-picture": "strata-smoke_00001_.png: a damaged PNG: Error -5 while decompressing data",
            "workflow-error": "the workflow ended with error",
            "hangs": "the workflow did not end within 0.5 s",
        }
        for fault, reason in reasons.items():
            wrong = self.wrong(fault)
            self.assertEqual(set(wrong), {"workflow"}, fault)
            self.assertTrue(wrong["workflow"].startswith(reason), wrong)

    def test_the_back_end(self) -> None:
        wrong = self.wrong("backend-open")
        self.assertEqual(wrong, {"backend-token": "expected 401 without a token, got 200"})
        self.assertEqual(self.wrong("backend-nodes"), {"backend-nodes": "ComfyUI-Login: expected loaded, got None"})
        nodes = [*NODES, {"folder": "Old", "knownFailure": KNOWN}]
        wrong = self.wrong("backend-status", nodes, broken="Old")
        self.assertEqual(wrong, {"backend-nodes": "Old: expected failed, got loaded"})

    def test_the_end(self) -> None:
        self.assertEqual(self.wrong("status")["stop"], "exit status 4")
        self.assertRegex(self.wrong("leaves-comfyui")["nothing-left"], r"^still there: \S+ \(\d+\)$")

    def test_code_of_an_old_volume(self) -> None:
        self.assertEqual(self.wrong("shadowed", without=()), {"old-volume": "code of the old volume ran"})

    def test_data_of_an_old_volume(self) -> None:
        self.assertEqual(self.wrong("loses-data", without=()), {"old-data": "gone or changed: output/kept.png"})


class NeedsTest(unittest.TestCase):
    """A check of a part that the image does not have."""

    def test_it_does_not_exist_for_other_images(self) -> None:
        playground = Playground()
        self.addCleanup(playground.close)
        passes = "def run(check):\n    with check.step('fine', 'fine'):\n        pass\n"
        playground.write("10_always.py", passes)
        playground.write("70_sometimes.py", "NEEDS = 'comfyui'\n" + passes)
        run = playground.run()
        assert run.evidence is not None
        self.assertEqual((list(run.checks()), run.evidence["due"]), (["10-always.fine"], ["10-always"]))
        playground.image.write_text(json.dumps(image_with([])))
        run = playground.run("--checks", "10")
        assert run.evidence is not None
        self.assertEqual(run.evidence["due"], ["10-always", "70-sometimes"])
        self.assertEqual(list(playground.run().checks()), ["10-always.fine", "70-sometimes.fine"])


if __name__ == "__main__":
    unittest.main()
