"""Compiled kernels are kept where a process may load them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401 - the path of the layers' Python

from preparation import caches

HOME, TEMPORARY = Path("/home/strata"), Path("/tmp")


class CachesTest(unittest.TestCase):
    """With folders that refuse code."""

    def settings(self, *refused: Path, **variables: str) -> tuple[dict[str, str], str | None]:
        def may_run(folder: Path) -> bool:
            return not any(folder == place or place in folder.parents for place in refused)

        places = [Path("/workspace/cache/kernels"), Path("/state/kernels")]
        return caches.cache_settings({"HOME": str(HOME), **variables}, places, may_run)

    def test_nothing_is_moved_that_works(self) -> None:
        self.assertEqual(self.settings(), ({}, None))

    def test_a_read_only_home_moves_what_lies_there(self) -> None:
        self.assertEqual(
            self.settings(HOME)[0],
            {
                "TRITON_CACHE_DIR": "/workspace/cache/kernels/triton",
                "TORCH_EXTENSIONS_DIR": "/workspace/cache/kernels/torch_extensions",
            },
        )

    def test_a_noexec_tmp_moves_torchs(self) -> None:
        self.assertEqual(self.settings(TEMPORARY)[0], {"TORCHINDUCTOR_CACHE_DIR": "/workspace/cache/kernels/inductor"})

    def test_the_next_place_where_the_volume_refuses_too(self) -> None:
        found, told = self.settings(TEMPORARY, Path("/workspace"))
        self.assertEqual((found, told), ({"TORCHINDUCTOR_CACHE_DIR": "/state/kernels/inductor"}, None))

    def test_a_place_that_somebody_chose_is_kept(self) -> None:
        self.assertEqual(self.settings(TEMPORARY, TORCHINDUCTOR_CACHE_DIR="/mine"), ({}, None))

    def test_it_is_said_where_there_is_no_place(self) -> None:
        found, told = self.settings(Path("/"))
        self.assertEqual(found, {})
        self.assertRegex(told or "", "noexec.*--tmpfs /tmp:exec")

    @unittest.skipUnless(os.getuid() == 0, "needs root to mount")
    def test_a_noexec_mount_is_recognized(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.assertTrue(caches.may_run_code(Path(folder)))
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", folder], check=False)
            if mounted.returncode != 0:
                self.skipTest("this machine lets nobody mount")
            try:
                self.assertFalse(caches.may_run_code(Path(folder)))
            finally:
                subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    unittest.main()
