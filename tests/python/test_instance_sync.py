"""The workspace gets an image's code, and keeps what people made: new, old, edited, interrupted, foreign, read-only, full."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401

from strata_instance import file_tree, sync

FIRST = {
    "main.py": "print(1)",
    "comfy/model.py": "one",
    "comfy/same.py": "same",
    "comfy/gone.py": "gone",
    "models/vae/put_here": "",
    "models/configs/v1.yaml": "v1",
    "custom_nodes/manager/__init__.py": "manager 1",
    "custom_nodes/manager/prestart.py": "same",
    "custom_nodes/essentials/image.py": "essentials 1",
}
SECOND = {
    **FIRST,
    "main.py": "print(2)",
    "comfy/model.py": "two",
    "comfy/new.py": "new",
    "models/configs/v1.yaml": "v1 of two",
    "custom_nodes/manager/__init__.py": "manager 2",
    "custom_nodes/essentials/image.py": "essentials 2",
}
del SECOND["comfy/gone.py"]


class SyncCase(unittest.TestCase):
    """An image's folder, a workspace, and starts."""

    def setUp(self) -> None:
        # In memory, as the disk is asked to write everything down.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        root = Path(self.enterContext(tempfile.TemporaryDirectory(dir=memory)))
        self.internal, self.workspace, self.state = root / "internal", root / "workspace", root / "state"
        self.target = self.workspace / "ComfyUI"
        self.workspace.mkdir()
        self.images = 0

    def image(self, files: dict[str, str]) -> None:
        """Another image: its ComfyUI is a link there, as in the real one."""
        self.images += 1
        code = self.internal.parent / f"code{self.images}"
        self.write(code, files)
        (code / "comfy/__pycache__").mkdir(exist_ok=True)
        (code / "comfy/__pycache__/model.cpython-312.pyc").write_text("compiled, and never looked at again")
        self.internal.mkdir(exist_ok=True)
        (self.internal / "ComfyUI").unlink(missing_ok=True)
        (self.internal / "ComfyUI").symlink_to(code)

    def write(self, folder: Path, files: dict[str, str]) -> None:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)

    def user(self, **files: str) -> None:
        """What people make: `a__b` is a/b."""
        self.write(self.target, {name.replace("__", "/"): text for name, text in files.items()})

    def start(self) -> str:
        """One boot; what it tells."""
        return "\n".join(sync.sync_workspace(self.internal, self.workspace, self.state))

    def runs_from(self) -> Path:
        return Path(json.loads((self.state / "workspace.json").read_text())["comfyui"])

    def there(self) -> dict[str, str]:
        """All files of the workspace's ComfyUI."""
        return {str(f.relative_to(self.target)): f.read_text() for f in self.target.rglob("*") if f.is_file()}


class Sync(SyncCase):
    def test_the_first_start_brings_everything_but_what_was_compiled(self) -> None:
        self.image(FIRST)
        self.assertEqual(self.start(), "")
        self.assertEqual(self.there(), FIRST)
        self.assertEqual(self.runs_from(), self.target)

    def test_a_second_start_changes_nothing(self) -> None:
        self.image(FIRST)
        self.start()
        self.user(comfy__model_py="x", output__a="picture")
        (self.target / "comfy/model.py").write_text("edited")
        before = {f: f.stat().st_mtime_ns for f in self.workspace.rglob("*") if f.is_file()}
        self.assertEqual(self.start(), "")
        self.assertEqual({f: f.stat().st_mtime_ns for f in self.workspace.rglob("*") if f.is_file()}, before)

    def test_a_new_image_brings_new_code_and_everything_of_the_users_stays(self) -> None:
        self.image(FIRST)
        self.start()
        mine = {
            "output/a.png": "picture",
            "models/vae/mine.safetensors": "weights",
            "custom_nodes/mine/__init__.py": "node",
            "user/default/workflows/w.json": "{}",
            "comfy/same.py": "edited, and the image's stays the same",
            "models/configs/v1.yaml": "my settings",
        }
        self.write(self.target, mine)
        self.image(SECOND)
        told = self.start()
        self.assertEqual(self.there(), {**SECOND, **mine})
        self.assertIn("Edited in", told)
        self.assertIn("comfy/same.py", told)
        self.assertNotIn("kept", told)

    def test_an_edited_file_that_the_image_changes_is_kept_beside_and_told(self) -> None:
        self.image(FIRST)
        self.start()
        self.write(self.target, {"main.py": "mine", "custom_nodes/essentials/image.py": "my node"})
        self.image(SECOND)
        told = self.start()
        files = self.there()
        self.assertEqual(files["main.py"], "print(2)")
        self.assertEqual(files["custom_nodes/essentials/image.py"], "essentials 2")
        kept = {name: text for name, text in files.items() if ".kept-" in name}
        self.assertEqual(sorted(kept.values()), ["mine", "my node"])
        for name in kept:
            self.assertIn(name, told)
            self.assertNotRegex(name, r"\.py$", "nothing loads it")

    def test_what_the_new_image_lacks_goes_unless_it_was_edited(self) -> None:
        self.image(FIRST)
        self.start()
        self.image(SECOND)
        self.start()
        self.assertNotIn("comfy/gone.py", self.there())
        self.image(FIRST)
        self.start()
        self.write(self.target, {"comfy/gone.py": "mine"})
        self.image(SECOND)
        self.start()
        self.assertEqual(self.there()["comfy/gone.py"], "mine")

    def test_what_somebody_removed_of_his_own_area_stays_away_and_code_comes_back(self) -> None:
        self.image(FIRST)
        self.start()
        for path in ("models/vae/put_here", "comfy/model.py", "comfy/same.py"):
            (self.target / path).unlink()
        self.image(SECOND)
        self.start()
        expected = {name: text for name, text in SECOND.items() if name != "models/vae/put_here"}
        self.assertEqual(self.there(), expected)

    def test_python_compiles_a_new_file_anew(self) -> None:
        self.image(FIRST)
        self.start()
        compiled = self.target / "comfy/__pycache__"
        compiled.mkdir()
        for name in ("model", "same"):
            (compiled / f"{name}.cpython-312.pyc").touch()
        self.image(SECOND)
        self.start()
        self.assertEqual([file.name for file in compiled.iterdir()], ["same.cpython-312.pyc"])

    def test_a_removed_folder_is_brought_anew(self) -> None:
        self.image(FIRST)
        self.start()
        os.rename(self.target, self.workspace / "away")
        self.start()
        self.assertEqual(self.there(), FIRST)


class Models(SyncCase):
    """Those that are in the image."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(file_tree, "LARGEST_COPY", 100))

    def test_they_stay_there_and_links_show_them(self) -> None:
        files = {"models/vae/large": "x" * 101, "custom_nodes/manager/large": "y" * 101, "models/vae/small": "z" * 100}
        self.image({**FIRST, **files})
        with mock.patch.object(sync, "free_bytes", return_value=sync.SPARE + 1000):
            self.assertEqual(self.start(), "")
        self.assertEqual(self.there(), {**FIRST, **files})
        code = (self.internal / "ComfyUI").resolve()
        for name, text in files.items():
            here = self.target / name
            self.assertEqual(here.is_symlink() and here.readlink() == code / name, len(text) > 100, name)
        self.assertEqual(self.start(), "")
        self.image(FIRST)
        self.start()
        self.assertFalse((self.target / "models/vae/large").is_symlink(), "it would lead nowhere")
        self.assertFalse((self.target / "custom_nodes/manager/large").is_symlink())
        self.assertEqual((self.target / "models/vae/small").read_text(), "z" * 100)


class Nodes(SyncCase):
    def test_a_node_that_was_removed_stays_away(self) -> None:
        self.image(FIRST)
        self.start()
        (self.target / "custom_nodes/essentials/image.py").unlink()
        (self.target / "custom_nodes/essentials").rmdir()
        self.image(SECOND)
        self.assertRegex(self.start(), "not brought back: essentials")
        self.assertFalse((self.target / "custom_nodes/essentials").exists())

    def test_a_node_that_its_user_installed_anew_stays_whole(self) -> None:
        for mark in (".git/HEAD", ".tracking"):
            with self.subTest(mark):
                self.setUp()
                self.image(FIRST)
                self.start()
                mine = {f"custom_nodes/manager/{mark}": "", "custom_nodes/manager/__init__.py": "manager 9"}
                self.write(self.target, mine)
                self.image(SECOND)
                self.assertRegex(self.start(), "Left as they are in .*: manager")
                expected = {name: text for name, text in SECOND.items() if not name.startswith("custom_nodes/manager/")}
                old = {"custom_nodes/manager/prestart.py": "same"}
                self.assertEqual(self.there(), {**expected, **old, **mine})

    def test_who_moves_his_own_node_away_gets_the_images(self) -> None:
        self.write(self.target, {"custom_nodes/manager/__init__.py": "mine"})
        self.image(FIRST)
        self.assertRegex(self.start(), "Left as they are in .*: manager")
        self.assertEqual(self.there()["custom_nodes/manager/__init__.py"], "mine")
        self.assertNotIn("custom_nodes/manager/prestart.py", self.there())
        os.rename(self.target / "custom_nodes/manager", self.workspace / "away")
        self.start()
        self.assertEqual(self.there(), FIRST)

    def test_his_own_node_stays_his_through_an_interrupted_copy(self) -> None:
        self.write(self.target, {"custom_nodes/manager/__init__.py": "mine"})
        self.image(FIRST)
        with mock.patch.object(sync, "copy_file", side_effect=OSError(errno.EIO, "broken")):
            self.start()
        self.start()
        self.assertEqual(self.there()["custom_nodes/manager/__init__.py"], "mine")


class Foreign(SyncCase):
    """A workspace that another image made, without a mark."""

    def test_new_code_runs_and_what_differs_is_kept_in_one_place(self) -> None:
        old = {
            "main.py": "old main",
            "comfy/same.py": "same",
            "output/a.png": "picture",
            "custom_nodes/mine/__init__.py": "node",
            "custom_nodes/essentials/image.py": "older",
        }
        self.write(self.target, old)
        self.image(FIRST)
        told = self.start()
        files = self.there()
        self.assertEqual({name: files[name] for name in FIRST}, {**FIRST, "custom_nodes/essentials/image.py": "older"})
        self.assertEqual((files["output/a.png"], files["custom_nodes/mine/__init__.py"]), ("picture", "node"))
        (kept,) = (self.workspace / ".strata/kept").rglob("main.py")
        self.assertEqual(kept.read_text(), "old main")
        self.assertRegex(told, "came from elsewhere: 1 files .*main.py")

    def test_models_that_are_shared_by_a_link_are_left_alone(self) -> None:
        shared = self.workspace / "shared"
        shared.mkdir()
        self.target.mkdir()
        (self.target / "models").symlink_to(shared)
        self.image(FIRST)
        self.start()
        self.assertEqual(list(shared.iterdir()), [])
        self.assertEqual(self.runs_from(), self.target)

    def test_code_that_is_a_link_of_the_users_is_left_alone(self) -> None:
        fork = self.workspace / "fork"
        self.write(fork, {"model.py": "mine"})
        self.target.mkdir()
        (self.target / "comfy").symlink_to(fork)
        self.image(FIRST)
        self.start()
        self.assertEqual([(file.name, file.read_text()) for file in fork.iterdir()], [("model.py", "mine")])

    def test_a_broken_mark_loses_nothing(self) -> None:
        self.image(FIRST)
        self.start()
        self.write(self.target, {"main.py": "mine"})
        (self.workspace / ".strata/sync/ComfyUI.json").write_text('{"version": ')
        self.image(SECOND)
        self.start()
        self.assertEqual(self.there()["main.py"], "print(2)")
        (kept,) = (self.workspace / ".strata/kept").rglob("main.py")
        self.assertEqual(kept.read_text(), "mine")


class Interrupted(SyncCase):
    def interrupt(self, after: int) -> None:
        """The disk goes away after so many files."""
        copy, count = sync.copy_file, 0

        def once(source: Path, target: Path) -> None:
            nonlocal count
            if count == after:
                target.with_name(f".{target.name}.strata-new").write_text("half")
                raise OSError(errno.EIO, "Input/output error")
            count += 1
            copy(source, target)

        with mock.patch.object(sync, "copy_file", once):
            self.assertRegex(self.start(), "does not have this image's code.*What is in the image runs instead")
        self.assertEqual(self.runs_from(), (self.internal / "ComfyUI").resolve())

    def test_a_first_copy_is_finished_by_the_next_start(self) -> None:
        self.image(FIRST)
        for after in range(len(FIRST)):
            with self.subTest(after):
                self.interrupt(after)
                self.start()
                self.assertEqual(self.there(), FIRST)
                self.assertEqual(self.runs_from(), self.target)
                os.rename(self.target, self.workspace / f"away{after}")

    def test_an_update_is_finished_also_by_the_image_before_it(self) -> None:
        self.image(FIRST)
        self.start()
        self.image(SECOND)
        self.interrupt(3)
        self.image(FIRST)
        self.start()
        self.assertEqual(self.there(), FIRST)

    def test_an_update_is_finished_also_by_a_third_image(self) -> None:
        third = {**SECOND, "main.py": "print(3)", "comfy/model.py": "three"}
        for last in (SECOND, third):
            for after in range(5):
                with self.subTest(after=after, last=last["main.py"]):
                    self.setUp()
                    self.image(FIRST)
                    self.start()
                    self.write(self.target, {"comfy/model.py": "mine"})
                    self.image(SECOND)
                    self.interrupt(after)
                    self.image(last)
                    self.start()
                    files = self.there()
                    kept = [text for name, text in files.items() if ".kept-" in name]
                    self.assertEqual(kept, ["mine"])
                    code = {name: text for name, text in files.items() if ".kept-" not in name}
                    self.assertEqual(code, last)


class Unwritable(SyncCase):
    def test_read_only(self) -> None:
        self.image(FIRST)
        self.start()
        self.image(SECOND)
        with mock.patch.object(sync, "why_not_writable", return_value="Read-only file system"):
            told = self.start()
        self.assertRegex(told, r"cannot be written to \(Read-only file system\).*image runs instead")
        self.assertEqual(self.runs_from(), (self.internal / "ComfyUI").resolve())

    def test_full_before_anything_is_written(self) -> None:
        self.image(FIRST)
        with mock.patch.object(sync, "free_bytes", return_value=10 << 20):
            told = self.start()
        self.assertRegex(told, "is full: ComfyUI needs 64 MB there, 10 MB are free")
        self.assertFalse(self.target.exists())
        self.assertEqual(self.runs_from(), (self.internal / "ComfyUI").resolve())

    def test_full_although_the_code_is_there(self) -> None:
        self.image(FIRST)
        self.start()
        with mock.patch.object(sync, "free_bytes", return_value=0):
            self.assertRegex(self.start(), "is full: 0 MB are free")
        self.assertNotEqual(self.runs_from(), self.target)

    def test_another_container_holds_the_lock(self) -> None:
        self.image(FIRST)
        mark = self.workspace / ".strata/sync/ComfyUI.json"
        with sync.locked(mark.with_suffix(".lock")), mock.patch.object(sync, "PATIENCE", 0.0):
            self.assertRegex(self.start(), "another container has been writing ComfyUI")
        self.assertFalse(self.target.exists())


if __name__ == "__main__":
    unittest.main()
