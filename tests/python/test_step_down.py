"""Who runs the services of a container that starts as root, and what is given to that user."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import RUNTIME, fill

import step_down
from step_down import Refusal, User

ROOT = "         0          0 4294967295\n"
ROOTLESS = "         0       1234          1\n         1     100000      65536\n"
KEEP_ID = "         0     100000       1234\n      1234          0          1\n      1235     101234      64302\n"
REMAPPED = "         0     165536      65536\n"


class ChooseUserTest(unittest.TestCase):
    """By the variables, the mounted volume's owner and who root is outside."""

    def choose(self, owner: User | None = None, root_outside: bool = True, **variables: str) -> User:
        return step_down.choose_user(variables, owner, root_outside)

    def test_the_images_own_user_where_nothing_is_mounted_or_it_is_roots(self) -> None:
        self.assertEqual(self.choose(), User(1000, 1000))
        self.assertEqual(self.choose(User(0, 0)), User(1000, 1000))

    def test_the_owner_of_what_is_mounted(self) -> None:
        self.assertEqual(self.choose(User(1234, 100)), User(1234, 100))
        self.assertEqual(self.choose(User(1234, 100), PGID="50"), User(1234, 50))

    def test_an_owner_that_is_mapped_to_nobody_can_be_no_user(self) -> None:
        self.assertEqual(self.choose(User(65534, 65534)), User(1000, 1000))

    def test_who_is_named_counts_before_the_owner(self) -> None:
        self.assertEqual(self.choose(User(1234, 100), PUID="99", PGID="100"), User(99, 100))
        self.assertEqual(self.choose(PUID="99"), User(99, 99))
        self.assertEqual(self.choose(PUID="0"), User(0, 0))

    def test_root_who_is_an_ordinary_user_outside_stays(self) -> None:
        self.assertEqual(self.choose(User(0, 0), root_outside=False), User(0, 0))
        self.assertEqual(self.choose(User(1000, 1000), root_outside=False), User(1000, 1000))

    def test_what_is_no_number_is_refused(self) -> None:
        for text in ("me", "-1", "1e3", "99999999999"):
            with self.assertRaisesRegex(Refusal, f'PUID: .*"{text}"'):
                self.choose(PUID=text)

    def test_who_root_is_outside(self) -> None:
        for text, expected in ((ROOT, True), (ROOTLESS, False), (REMAPPED, True), (KEEP_ID, True)):
            self.assertEqual(step_down.is_root_outside(text), expected, text)


class WrittenFoldersTest(unittest.TestCase):
    """What is mounted and has to be written to."""

    def folders(self, *mounted: str, strategy: str = "none", **variables: str) -> list[str]:
        return step_down.written_folders(variables, {"models": {"strategy": strategy}}, lambda place: place in mounted)

    def test_the_volume_if_it_is_mounted(self) -> None:
        self.assertEqual(self.folders(), [])
        self.assertEqual(self.folders("/workspace", "/runpod-volume"), ["/workspace"])
        self.assertEqual(self.folders("/workspace", "/data", STRATA_VOLUME="/data"), ["/data"])

    def test_the_library_only_where_models_are_fetched_into_it(self) -> None:
        both = ["/workspace", "/runpod-volume"]
        self.assertEqual(self.folders(*both, strategy="volume"), both)
        self.assertEqual(self.folders(*both, strategy="volume", STRATA_MODELS="off"), ["/workspace"])
        self.assertEqual(self.folders("/models", strategy="volume", STRATA_LIBRARY="/models"), ["/models"])
        self.assertEqual(self.folders("/models", strategy="none", STRATA_LIBRARY="/models"), [])


@unittest.skipUnless(os.getuid() == 0, "needs root")
class AsRootTest(unittest.TestCase):
    """Real folders and processes."""

    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root.chmod(0o755)
        self.volume = self.root / "volume"
        fill(self.volume, "models/vae/a", "user/token")
        self.image = self.root / "image.json"
        self.image.write_text("{}")

    def test_what_is_roots_is_handed_over_and_nothing_else(self) -> None:
        fill(self.root, "outside")
        (self.volume / "link").symlink_to(self.root / "outside")
        os.chown(self.volume / "models/vae/a", 77, 77)
        self.assertEqual(step_down.hand_over(str(self.volume), User(1234, 1235)), 6)
        owners = {str(path.relative_to(self.volume)): path.lstat().st_uid for path in self.volume.rglob("*")}
        self.assertEqual(
            owners, dict.fromkeys(["models", "models/vae", "user", "user/token", "link"], 1234) | {"models/vae/a": 77}
        )
        self.assertEqual((self.volume.stat().st_uid, self.volume.stat().st_gid), (1234, 1235))
        self.assertEqual((self.root / "outside").stat().st_uid, 0)

    def test_the_folder_of_a_user_is_left_as_it_is(self) -> None:
        os.chown(self.volume, 1234, 1234)
        self.assertEqual(step_down.hand_over(str(self.volume), User(1000, 1000)), 0)
        self.assertEqual((self.volume / "models").stat().st_uid, 0)

    def run_program(self, *prefix: str, **variables: str) -> subprocess.CompletedProcess[str]:
        code = (
            "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import step_down;"
            " step_down.IMAGE = pathlib.Path(sys.argv[2]); step_down.written_folders.__defaults__ = (lambda place: True,);"
            " step_down.main(sys.argv[3:])"
        )
        show = 'echo "$(id -u) $(id -g) $(id -G) $HOME $STRATA_STARTED_AS"'
        python = ["-B", "-c", code, str(RUNTIME), str(self.image)]
        return subprocess.run(
            [*prefix, sys.executable, *python, "/bin/sh", "-c", show],
            env={"PATH": os.environ["PATH"], "HOME": "/root", "STRATA_VOLUME": str(self.volume), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_the_program_runs_as_that_user_without_roots_group(self) -> None:
        ended = self.run_program(PUID="4242", PGID="4243")
        self.assertEqual(ended.stdout, "4242 4243 4243 / root\n", ended.stderr)
        self.assertIn("was root's and is user 4242's now", ended.stderr)

    def test_without_the_capability_the_remedy_names_the_user(self) -> None:
        ended = self.run_program("setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", PUID="4242")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertRegex(ended.stderr, "--user 4242:4242")


if __name__ == "__main__":
    unittest.main()
