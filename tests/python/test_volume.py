"""The volume: where it is, and that what an older image left there is used but never run."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from support import fill

from preparation import volume
from preparation.problem import Problem


class ChooseVolumeTest(unittest.TestCase):
    """Which folder, with `broken` ones that cannot be written to."""

    def choose(self, wanted: str | None, *broken: str, mounted: bool = True) -> volume.Volume:
        reasons = dict.fromkeys(map(Path, broken), "Read-only file system")
        variables = {"STRATA_VOLUME": wanted} if wanted else {}
        return volume.choose_volume(variables, [Path("/home/x"), Path("/tmp/x")], reasons.get, lambda _: mounted)

    def test_the_default_and_the_wanted_one(self) -> None:
        self.assertEqual(self.choose(None), volume.Volume(Path("/workspace"), persistent=True))
        self.assertEqual(self.choose("/data").path, Path("/data"))

    def test_a_folder_that_is_no_mount_is_used_with_a_warning(self) -> None:
        chosen = self.choose(None, mounted=False)
        self.assertFalse(chosen.persistent)
        self.assertRegex(chosen.warnings[0], "no volume")

    def test_where_nothing_is_mounted_there_is_a_way_out_that_says_what_is_lost(self) -> None:
        chosen = self.choose(None, "/workspace", mounted=False)
        self.assertEqual((chosen.path, chosen.persistent), (Path("/home/x"), False))
        self.assertRegex(chosen.warnings[0], r"Nothing is mounted at /workspace.*goes with the container")
        self.assertEqual(self.choose(None, "/workspace", "/home/x", mounted=False).path, Path("/tmp/x"))

    def test_a_folder_that_is_mounted_is_meant(self) -> None:
        with self.assertRaisesRegex(Problem, r"^/workspace: user \d+ cannot write to /workspace .*chown"):
            self.choose(None, "/workspace")

    def test_a_folder_that_was_named_is_meant(self) -> None:
        with self.assertRaisesRegex(Problem, r"STRATA_VOLUME: user \d+ cannot write to /data .*chown"):
            self.choose("/data", "/data")
        with self.assertRaisesRegex(Problem, "absolute path"):
            self.choose("data")

    def test_nothing_can_be_written_to(self) -> None:
        self.assertRaises(Problem, self.choose, None, "/workspace", "/home/x", "/tmp/x", mounted=False)


class RemedyTest(unittest.TestCase):
    """What somebody can do in the place where the container runs."""

    def remedy(self, **variables: str) -> str:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        if os.getuid() == 0:
            os.chown(folder, 4321, 4322)
        return volume.remedy(folder, variables)

    def test_a_pod_of_kubernetes_has_no_user_option(self) -> None:
        self.assertRegex(self.remedy(KUBERNETES_SERVICE_HOST="10.96.0.1"), "fsGroup")
        self.assertNotIn("--user", self.remedy(KUBERNETES_SERVICE_HOST="10.96.0.1"))

    @unittest.skipUnless(os.getuid() == 0, "needs root to give a folder away")
    def test_who_started_as_root_is_told_of_the_owner(self) -> None:
        self.assertRegex(self.remedy(STRATA_STARTED_AS="root"), "PUID=4321 and PGID=4322")
        self.assertNotIn("--user", self.remedy(STRATA_STARTED_AS="root"))

    def test_who_named_a_user_is_told_of_the_other_way(self) -> None:
        self.assertRegex(self.remedy(), rf"chown -R {os.getuid()}:.*without --user")


class FoldersTest(unittest.TestCase):
    """Real folders."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.volume = self.root / "volume"
        self.volume.mkdir()

    def test_writing_is_tried(self) -> None:
        self.assertIsNone(volume.why_not_writable(self.root / "new/folder"))
        self.assertEqual(list((self.root / "new/folder").iterdir()), [])
        (self.root / "file").touch()
        self.assertIsNotNone(volume.why_not_writable(self.root / "file"))

    def test_folders_are_made_and_what_is_there_stays(self) -> None:
        fill(self.volume, "models/loras/mine.safetensors")
        for _ in range(2):
            volume.prepare_folders(self.volume, ["loras", "vae"])
        self.assertTrue((self.volume / "models/loras/mine.safetensors").is_file())
        for name in ("models/vae", "input", "output", "user/default/workflows", "custom_nodes"):
            self.assertTrue((self.volume / name).is_dir(), name)

    def test_a_file_in_the_way_is_named(self) -> None:
        fill(self.volume, "models/vae")
        with self.assertRaisesRegex(Problem, "models/vae: cannot be used as a folder"):
            volume.prepare_folders(self.volume, ["vae"])

    def test_model_folders_come_from_the_code(self) -> None:
        fill(self.root, "code/models/vae/put_vae_here", "code/models/.git/x", "code/models/readme")
        self.assertEqual(volume.standard_model_folders(self.root / "code"), ["vae"])
        self.assertEqual(volume.standard_model_folders(self.root / "none"), [])

    def test_an_old_checkout_is_found_and_its_files_are_linked(self) -> None:
        fill(self.volume, "ComfyUI/main.py", "ComfyUI/folder_paths.py", "ComfyUI/output/old.png")
        fill(self.volume, "notes/main.py", "library/folder_paths.py")
        volume.prepare_folders(self.volume, [])
        (checkout,) = volume.find_checkouts(self.volume)
        self.assertEqual(checkout.name, "ComfyUI")
        self.assertEqual(volume.link_checkout(self.volume, checkout), ["output/ComfyUI"])
        link = self.volume / "output/ComfyUI"
        self.assertEqual(os.readlink(link), "../ComfyUI/output")
        self.assertTrue((link / "old.png").is_file())
        self.assertEqual(volume.link_checkout(self.volume, checkout), [])

    def test_a_name_that_is_taken_stays(self) -> None:
        fill(self.volume, "ComfyUI/output/old.png", "output/ComfyUI/new.png")
        self.assertEqual(volume.link_checkout(self.volume, self.volume / "ComfyUI"), [])
        self.assertTrue((self.volume / "output/ComfyUI/new.png").is_file())

    def test_the_marker_tells_about_the_last_start(self) -> None:
        self.assertIsNone(volume.write_marker(self.volume, {"image": "a"}))
        self.assertEqual(volume.write_marker(self.volume, {"image": "b"}), {"image": "a"})
        marker = self.volume / volume.MARKER
        self.assertEqual(json.loads(marker.read_text()), {"image": "b"})
        marker.write_text("[]")
        self.assertIsNone(volume.write_marker(self.volume, {"image": "c"}))


if __name__ == "__main__":
    unittest.main()
