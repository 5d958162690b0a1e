"""Where the image's models are, which are fetched, and what a start says about them."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import fill

from preparation.library import Library, find_library
from preparation.problem import Problem

VAE = "models/vae/v.safetensors"
RIFE = "custom_nodes/RIFE/ckpts/rife.pth"


class LibraryTest(unittest.TestCase):
    """Folders that stand for the image, the volume and a mounted library."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.code, self.volume, self.mounted = (self.root / name for name in ("code", "volume", "mounted"))
        fill(self.code, "main.py", "custom_nodes/RIFE/__init__.py", "models/vae/put_vae_here")
        fill(self.volume, "models/vae/mine")
        self.mounted.mkdir()

    def find(self, strategy: str | None, *files: str, shared: Path | None = None, **variables: str) -> Library:
        """What a start of such an image finds."""
        image: dict[str, Any] = {"models": {"strategy": strategy, "files": list(files)}} if strategy else {}
        if "background" in variables:
            image["models"]["background"] = variables.pop("background") == "on"
        settings = {f"STRATA_{name}": value for name, value in variables.items()}
        return find_library(settings, image, self.code, self.volume, shared)

    def test_an_image_without_models_has_nothing_to_say(self) -> None:
        self.assertEqual(self.find(None), Library())
        self.assertEqual(self.find(None, MODELS="off"), Library())

    def test_models_of_the_image_are_found_where_comfyui_s_own_folders_are(self) -> None:
        fill(self.code, VAE, RIFE)
        found = self.find("baked", VAE, RIFE)
        self.assertEqual(found, Library({"models of the image": self.code / "models"}))
        self.assertFalse((self.code / RIFE).is_symlink())

    def test_a_mounted_library_is_found_and_its_node_files_are_linked(self) -> None:
        fill(self.mounted, VAE, RIFE)
        found = self.find("image", VAE, RIFE, LIBRARY=str(self.mounted))
        self.assertEqual(found, Library({"library": self.mounted / "models"}))
        self.assertEqual((self.code / RIFE).resolve(), self.mounted / RIFE)
        # The next start may have it elsewhere.
        other = self.root / "other"
        fill(other, VAE, RIFE)
        (self.mounted / RIFE).unlink()
        self.find("image", VAE, RIFE, LIBRARY=str(other))
        self.assertEqual((self.code / RIFE).resolve(), other / RIFE)

    def test_models_that_are_nowhere_are_named_with_the_remedy(self) -> None:
        fill(self.volume, VAE)
        [message] = self.find("image", VAE, "models/loras/l", "models/loras/m").messages
        self.assertRegex(
            message, r"^2 models are not there: models/loras/l, models/loras/m\. Mount .* STRATA_LIBRARY\."
        )

    def test_they_are_fetched_into_the_volume_and_comfyui_waits(self) -> None:
        found = self.find("volume", VAE, RIFE)
        self.assertEqual(found, Library({}, self.volume, "wait"))
        self.assertEqual(found.plan, {"fetch": "wait", "root": str(self.volume)})
        # Not yet there; beside the user's nodes it would be taken for one.
        link = self.code / RIFE
        self.assertEqual(os.readlink(link), str(self.volume / ".strata" / RIFE))
        fill(self.volume, f".strata/{RIFE}")
        self.assertTrue(link.is_file())
        self.assertFalse((self.volume / "custom_nodes").exists())

    def test_who_decides_whether_comfyui_waits(self) -> None:
        self.assertEqual(self.find("volume", VAE, background="on").fetch, "background")
        self.assertEqual(self.find("volume", VAE, background="on", MODELS="wait").fetch, "wait")
        off = self.find("volume", VAE, MODELS="off")
        self.assertEqual((off.fetch, off.plan), ("off", None))
        [said] = self.find("volume", VAE, MODELS="background").messages
        self.assertIn("while ComfyUI runs", said)

    def test_they_are_fetched_into_a_library_that_is_named_or_shared(self) -> None:
        named = self.root / "new"
        for found in (
            self.find("volume", VAE, RIFE, LIBRARY=str(named)),
            self.find("volume", VAE, RIFE, shared=self.mounted, LIBRARY=str(named)),
        ):
            self.assertEqual(found, Library({"library": named / "models"}, named, "wait"))
        self.assertTrue((named / "models/vae").is_dir(), "ComfyUI is told of folders before they are filled")
        shared = self.find("volume", VAE, shared=self.mounted)
        self.assertEqual(shared.root, self.mounted)

    def test_a_library_that_is_the_volume_is_looked_at_once(self) -> None:
        self.assertEqual(self.find(None, LIBRARY=str(self.volume)).folders, {})
        self.assertEqual(self.find("volume", VAE, LIBRARY=str(self.volume)), Library({}, self.volume, "wait"))

    def test_an_image_that_cannot_be_written_to_says_what_is_not_linked(self) -> None:
        fill(self.mounted, RIFE)
        # A file where the folder would be stands for a root file system that is read-only.
        fill(self.code, "custom_nodes/RIFE/ckpts")
        [message] = self.find("image", RIFE, LIBRARY=str(self.mounted)).messages
        self.assertRegex(message, rf"^Not linked, .*{self.code}/{RIFE} \(")

    def test_settings_that_cannot_work(self) -> None:
        for setting, strategy, variables in (
            ("STRATA_LIBRARY", "image", {"LIBRARY": "here"}),
            ("STRATA_LIBRARY", "image", {"LIBRARY": str(self.root / "gone")}),
            ("STRATA_LIBRARY", "volume", {"LIBRARY": str(self.code / "main.py")}),
            ("STRATA_MODELS", "volume", {"MODELS": "later"}),
            ("STRATA_MODELS", "baked", {"MODELS": "wait"}),
        ):
            with self.subTest(variables), self.assertRaisesRegex(Problem, f"^{setting}"):
                self.find(strategy, VAE, **variables)


if __name__ == "__main__":
    unittest.main()
