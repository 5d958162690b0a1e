"""Containers that fetch their models when they start: ComfyUI waits, or does not; two share a volume; a host is down.

Needs the packages of the image's service, which the machine that runs the tests may lack.
"""

from __future__ import annotations

import importlib.util
import json
import random
import tempfile
import unittest
from pathlib import Path
from typing import Any

from container import PATIENCE, Container
from model_server import File, serving

PACKAGES = ("bcrypt", "fastapi", "uvicorn", "httpx", "supervisor")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
CONTENT = random.Random(1).randbytes(3_000_000)
VAE = "models/vae/v.safetensors"
RIFE = "custom_nodes/RIFE/ckpts/rife.pth"


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class VolumeTest(unittest.TestCase):
    """A host of models, and containers on temporary folders."""

    def setUp(self) -> None:
        self.server = self.enterContext(serving())
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.manifest = [self.serve("models/vae", VAE), self.serve(".strata/custom_nodes/RIFE/ckpts", RIFE)]

    def serve(self, folder: str, path: str, **more: Any) -> dict[str, Any]:
        """An entry of a manifest, and the file behind it."""
        name = path.rpartition("/")[2]
        file = self.server.files[f"/{name}"] = File(CONTENT, **more)
        return {
            "name": name,
            "folder": folder,
            "url": f"{self.server.url}/{name}",
            "size": file.size,
            "sha256": file.sha256,
            "gated": False,
        }

    def start(self, name: str = "one", volume: Path | None = None, **environment: str) -> Container:
        """A container of an image that fetches these models."""
        models = {"strategy": "volume", "background": False, "files": [VAE, RIFE]}
        root = self.folder / name
        root.mkdir()
        container = Container(root, models, self.manifest, volume, NO_PROXY="127.0.0.1", **environment)
        self.addCleanup(container.close)
        return container

    def test_comfyui_starts_when_all_are_there_and_verified(self) -> None:
        self.server.files["/v.safetensors"].delay = 0.5
        container = self.start()
        container.wait_until(lambda: self.server.given("/v.safetensors") > 100_000)
        self.assertFalse((container.volume / "seen.json").exists(), "ComfyUI runs without its models")
        self.assertLess(self.server.given("/v.safetensors"), len(CONTENT), "it was looked at too late")
        # Nothing is wrong with it, however long that takes: nobody is to end the container.
        container.wait_until(lambda: container.ask("/healthz", token=None)[0] == 503)
        health = container.ask("/healthz", token=None)[1]
        self.assertEqual((health["status"], health["models"]), ("starting", "fetching"))
        self.assertEqual(container.healthcheck(), 0)
        self.assertEqual(container.ask("/comfyui/models/fetch")[1]["state"], "fetching")
        self.server.files["/v.safetensors"].delay = 0
        container.wait_until(container.is_healthy)
        self.assertEqual((container.volume / VAE).read_bytes(), CONTENT)
        self.assertEqual((container.root / "opt/comfyui" / RIFE).read_bytes(), CONTENT)
        self.assertRegex(container.printed(), r"1/2 models/vae/v\.safetensors: 3\.0 MB in \d+ s, sha256 verified")
        self.assertEqual(container.ask("/healthz", token=None)[1]["models"], "done")
        given = self.server.given("/v.safetensors")
        again = self.start("again", container.volume)
        again.wait_until(again.is_healthy)
        self.assertEqual(self.server.given("/v.safetensors"), given, "it was there")

    def test_two_containers_on_one_volume_bring_each_file_once(self) -> None:
        self.server.files["/v.safetensors"].delay = 0.02
        volume = self.folder / "shared"
        both = [self.start("one", volume), self.start("two", volume)]
        for container in both:
            container.wait_until(container.is_healthy)
        self.assertEqual((volume / VAE).read_bytes(), CONTENT)
        self.assertLess(self.server.given("/v.safetensors"), 1.5 * len(CONTENT))

    def test_in_the_background_comfyui_runs_at_once(self) -> None:
        # Minutes, if it were waited for.
        self.server.files["/v.safetensors"].delay = 5
        container = self.start(STRATA_MODELS="background")
        container.wait_until(container.is_healthy)
        self.assertFalse((container.volume / VAE).exists())
        self.server.files["/v.safetensors"].delay = 0
        container.wait_until(lambda: (container.volume / VAE).exists())
        self.assertEqual((container.volume / VAE).read_bytes(), CONTENT)

    def test_what_cannot_be_had_ends_the_container_and_is_named(self) -> None:
        del self.server.files["/v.safetensors"]
        container = self.start()
        self.assertEqual(container.process.wait(PATIENCE), 1)
        self.assertRegex(container.printed(), r"models/vae/v\.safetensors: .* does not have it any more \(404\)")
        self.assertIn("STRATA_MODELS=background starts it without them", container.printed())
        self.assertIn("crash guard: models that ComfyUI waits for could not be fetched", container.printed())
        # The fetcher has had patience; another start of the container begins anew.
        self.assertEqual(container.printed().count("spawned: 'comfyui'"), 1)

    def test_what_cannot_be_had_in_the_background_is_told_by_the_service(self) -> None:
        del self.server.files["/v.safetensors"]
        container = self.start(STRATA_MODELS="background")
        container.wait_until(container.is_healthy)
        container.wait_until(lambda: container.ask("/healthz", token=None)[1]["models"] == "failed")
        self.assertEqual(container.healthcheck(), 0, "ComfyUI works")
        told = container.ask("/comfyui/models/fetch")[1]
        self.assertEqual((told["state"], told["comfyuiWaits"]), ("failed", False))
        self.assertRegex(told["lines"][-1], r"models/vae/v\.safetensors: .* \(404\)")
        self.assertEqual(container.ask("/comfyui/models/fetch", token=None)[0], 401)

    def test_off_nothing_is_fetched(self) -> None:
        container = self.start(STRATA_MODELS="off")
        container.wait_until(container.is_healthy)
        self.assertEqual(self.server.requests, [])
        self.assertIsNone(container.ask("/healthz", token=None)[1]["models"])
        self.assertEqual(container.ask("/comfyui/models/fetch")[0], 404)

    def test_a_library_that_workers_share(self) -> None:
        library = self.folder / "library"
        container = self.start(STRATA_LIBRARY=str(library))
        container.wait_until(container.is_healthy)
        self.assertEqual((library / VAE).read_bytes(), CONTENT)
        self.assertFalse((container.volume / VAE).exists())
        arguments = json.loads((container.volume / "seen.json").read_text())["argv"]
        paths = json.loads(Path(arguments[arguments.index("--extra-model-paths-config") + 1]).read_text())
        self.assertIn(f"{library}/models/vae", paths["library"]["vae"])

    def test_stopping_while_models_are_fetched_takes_moments_and_keeps_what_came(self) -> None:
        self.server.files["/v.safetensors"].delay = 0.1
        container = self.start()
        container.wait_until(lambda: self.server.given("/v.safetensors") > 300_000)
        # The rest would take minutes.
        self.server.files["/v.safetensors"].delay = 5
        container.process.terminate()
        self.assertEqual(container.process.wait(PATIENCE), 0)
        self.assertNotIn("SIGKILL", container.printed(), "supervisord had to wait for it")
        self.assertFalse((container.volume / VAE).exists())
        self.server.files["/v.safetensors"].delay = 0
        before = len(self.server.requests)
        again = self.start("again", container.volume)
        again.wait_until(again.is_healthy)
        self.assertEqual((again.volume / VAE).read_bytes(), CONTENT)
        # aria2 asks once more for everything and hangs up at once; what that server had sent is no measure.
        asked = [each.range or "" for each in self.server.requests[before:] if each.path == "/v.safetensors"]
        self.assertGreater(max(int(each[6:].partition("-")[0] or 0) for each in asked), 200_000, asked)


if __name__ == "__main__":
    unittest.main()
