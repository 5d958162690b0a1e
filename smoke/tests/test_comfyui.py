"""Check 70 on a ComfyUI that goes wrong, one way at a time."""

from __future__ import annotations

import json
import os
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from support import GPU, IMAGE, Playground, ServicesTestCase

from lib import comfyui as library

NODES = [{"folder": "ComfyUI-Login"}, {"folder": "ComfyUI-KJNodes"}, {"folder": "rgthree.comfy"}]
KNOWN = "needs a newer ComfyUI"
CLOSED = ("check_closed_volume",)


def image_with(nodes: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The description of an image with ComfyUI and `nodes`."""
    return IMAGE | {"comfyui": {"version": "0.3.64", "commit": "a" * 40, "nodes": list(nodes)}}


class ComfyUITest(ServicesTestCase):
    """Each test names a fault of tests/fake_comfyui.py and says which results are not a pass."""

    def setUp(self) -> None:
        super().setUp()
        self.password = self.folder / "login/PASSWORD"
        # What the image's description has beside nodes.
        self.more: dict[str, Any] = {}
        patch = mock.patch.object(library, "PASSWORD", self.password)
        patch.start()
        self.addCleanup(patch.stop)

    def results(
        self,
        fault: str = "",
        nodes: Sequence[dict[str, str]] = NODES,
        broken: str = "",
        without: tuple[str, ...] = ("check_old_volume", "check_closed_volume"),
    ) -> dict[str, dict[str, Any]]:
        """The results by step; on other volumes only for those who ask, because each start takes a while."""
        environment = {"FAKE_BROKEN": broken, "FAKE_PASSWORD": str(self.password)}
        # Where there is a GPU, nothing is skipped.
        return self.run_check("70", fault, image_with(nodes) | self.more, environment, without, GPU)

    def wrong(
        self,
        fault: str = "",
        nodes: Sequence[dict[str, str]] = NODES,
        broken: str = "",
        without: tuple[str, ...] = ("check_old_volume", "check_closed_volume"),
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
                *("mount", "start", "nodes", "built-in", "login", "system-stats", "object-info", "frontend"),
                *("packages", "workflow", "memory", "backend-token", "backend-nodes", "stays", "stop"),
                *("nothing-left", "old-volume", "old-data", "closed-volume"),
            ],
        )
        self.assertEqual(self.measured["comfyuiMemoryLeftBytes"], 0)
        self.assertGreater(self.measured["firstImageSeconds"], self.measured["comfyuiStartSeconds"])
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
        for fault, found in {"other-version": "'0.3.65'", "other-device": "'mps'"}.items():
            wrong = self.wrong(fault)
            self.assertEqual(set(wrong), {"system-stats"})
            self.assertIn(found, wrong["system-stats"].split("got")[1])

    def test_no_interface(self) -> None:
        self.assertEqual(self.wrong("no-frontend"), {"frontend": "expected a web page, got status 200"})

    def test_no_templates(self) -> None:
        reason = "comfyui-workflow-templates: expected 0.1.95, got nothing"
        self.assertEqual(self.wrong("no-templates"), {"packages": reason})

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

    def test_a_colour_that_is_cut_instead_of_rounded(self) -> None:
        self.assertEqual(self.wrong("off-by-1"), {})
        for number, found in {2: "(223, 189, 159)", 60: "(223, 131, 159)"}.items():
            reason = f"expected the colour (223, 191, 159), got {found}"
            self.assertEqual(self.wrong(f"off-by-{number}"), {"workflow": reason})

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
        self.assertEqual(self.wrong("shadowed", without=CLOSED), {"old-volume": "code of the old volume ran"})

    def test_data_of_an_old_volume(self) -> None:
        self.assertEqual(self.wrong("loses-data", without=CLOSED), {"old-data": "gone or changed: output/kept.png"})

    def test_settings_of_an_old_volume(self) -> None:
        nodes = [{"folder": "ComfyUI-Manager"}]
        self.assertEqual(self.results("", nodes, without=CLOSED)["manager-settings"]["status"], "pass")
        wrong = self.wrong("manager-path", nodes, without=CLOSED)
        self.assertEqual(wrong, {"manager-settings": "expected the database to be local, got cache (status 200)"})
        wrong = self.wrong("manager-level", nodes, without=CLOSED)
        self.assertRegex(wrong["manager-settings"], "is answered with 200, not 403$")
        nodes = [{"folder": "ComfyUI-Manager", "knownFailure": KNOWN}]
        results = self.results("", nodes, "ComfyUI-Manager", CLOSED)
        self.assertNotIn("manager-settings", results)

    def test_a_volume_that_cannot_be_written_to(self) -> None:
        without = ("check_old_volume",)
        self.assertEqual(self.wrong("any-volume", without=without), {"closed-volume": "still running after 2 s"})
        self.assertRegex(
            self.wrong("ends-well", without=without)["closed-volume"], "^exit status 0, and /.* not named$"
        )

    def test_a_mounted_volume(self) -> None:
        self.assertEqual(self.results()["mount"]["reason"], str(self.folder))
        self.mounted = Path("/proc/self")
        self.assertRegex(
            self.wrong()["mount"], f"^user {os.geteuid()} cannot write to /proc/self, which is [0-9]+'s: No such file"
        )
        self.mounted = None
        self.assertEqual(self.wrong(), {"mount": "nothing is mounted where the volume belongs"})

    def test_memory_that_is_not_given_back(self) -> None:
        self.assertEqual(self.wrong("keeps-memory"), {"memory": "it keeps 900 MiB although everything was unloaded"})

    def test_models_that_the_image_brings(self) -> None:
        files = [
            *("models/checkpoints/a.safetensors", "models/vae/deep/b.safetensors", "models/diffusion_models/c.gguf"),
            "custom_nodes/RIFE/ckpts/rife.pth",
        ]
        self.more = {"models": {"strategy": "baked", "files": files}}
        own = self.folder / files[-1]
        own.parent.mkdir(parents=True)
        own.touch()
        with mock.patch.object(library, "FOLDER", self.folder):
            self.assertEqual(self.results(nodes=[])["models"]["reason"], "4 models")
            own.unlink()
            wrong = self.wrong("model-path", nodes=[])
        self.assertEqual(wrong, {"models": f"not offered: {', '.join(files)}"})

    def test_models_of_a_kind_that_comfyui_does_not_have(self) -> None:
        self.more = {"models": {"strategy": "baked", "files": ["models/checkpoint/a.safetensors"]}}
        self.assertEqual(self.wrong(nodes=[]), {"models": "not offered: models/checkpoint/a.safetensors"})

    def test_models_that_are_not_in_the_image(self) -> None:
        self.more = {"models": {"strategy": "volume", "background": False, "files": ["models/vae/a.safetensors"]}}
        self.assertNotIn("models", self.results("model-path", nodes=[]))

    def test_workflows_that_the_image_brings(self) -> None:
        path = self.folder / "clip.json"
        picture = {"class_type": "LoadImage", "inputs": {"image": "deep/example.png"}}
        path.write_text(json.dumps({"video": {"class_type": "SaveVideo", "inputs": {}}, "picture": picture}))
        self.more = {"models": {"strategy": "baked", "files": [], "workflows": [str(path)]}}
        self.assertEqual(self.results(nodes=[])["workflow-clip"]["reason"], "clip_00001.mp4")
        self.assertIn("ownWorkflowSeconds", self.measured)
        self.assertEqual(self.wrong("no-video", nodes=[]), {"workflow-clip": "the workflow saved nothing"})
        reason = "clip_00001.mp4 is not on the volume, or is empty"
        self.assertEqual(self.wrong("empty-video", nodes=[]), {"workflow-clip": reason})
        path.unlink()
        self.assertRegex(self.wrong(nodes=[])["workflow-clip"], "FileNotFoundError")

    def test_without_a_gpu_what_needs_one_is_skipped(self) -> None:
        self.more = {"models": {"strategy": "baked", "files": [], "workflows": ["/nowhere/clip.json"]}}
        environment = {"FAKE_BROKEN": "", "FAKE_PASSWORD": str(self.password)}
        without = ("check_old_volume", "check_closed_volume")
        results = self.run_check("70", "", image_with([]) | self.more, environment, without)
        skipped = {name: result["reason"] for name, result in results.items() if result["status"] == "skip"}
        self.assertEqual(skipped, {"workflow-clip": "no GPU", "memory": "no GPU"})
        self.assertEqual({result["status"] for result in results.values()}, {"pass", "skip"}, results)


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
