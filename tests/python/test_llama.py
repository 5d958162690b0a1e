"""llama-server as the image's entrypoint starts it, with a real process manager and service around a small one.

Needs the packages of the image's service, which the machine that runs the tests may lack.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from container import Container, free_port

PACKAGES = ("fastapi", "uvicorn", "httpx", "supervisor", "packaging")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


@unittest.skipIf(MISSING, f"this Python lacks {', '.join(MISSING)}")
class LlamaTest(unittest.TestCase):
    """Containers without ComfyUI: of an image that serves language models alone."""

    def start(self, **environment: str) -> tuple[Container, dict[str, str]]:
        """A container that has become healthy, and the environment of its llama-server."""
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.port = free_port()
        given = {"STRATA_COMFYUI": "off", "STRATA_LLAMA": "", "LLAMA_ARG_PORT": str(self.port), **environment}
        container = Container(root, comfyui=False, llama=True, **given)
        self.addCleanup(container.close)
        container.wait_until(container.is_healthy)
        system: dict[str, Any] = container.ask("/system", token=None)[1]
        return container, json.loads(system["llama"]["model"])

    def test_without_a_model_it_counts_and_sees_no_gpu(self) -> None:
        container, seen = self.start(CUDA_VISIBLE_DEVICES="0", STRATA_LOGIN_PASSWORD="secret-password")
        self.assertEqual(seen["LLAMA_ARG_MODEL"], f"{container.root}/opt/strata/models/counting.gguf")
        self.assertEqual(seen["CUDA_VISIBLE_DEVICES"], "")
        self.assertFalse({"STRATA_TOKEN", "STRATA_LOGIN_PASSWORD"} & set(seen))
        self.assertIn("serves one that counts, on the CPU", container.printed())

    def test_a_list_of_models_behind_a_prefix_with_a_key(self) -> None:
        container, seen = self.start(
            LLAMA_ARG_MODELS_PRESET="/models/presets.ini",
            LLAMA_ARG_API_PREFIX="/llm",
            LLAMA_ARG_HOST="127.0.0.1",
            LLAMA_API_KEY="key-of-the-server",
            CUDA_VISIBLE_DEVICES="0",
        )
        self.assertNotIn("LLAMA_ARG_MODEL", seen)
        self.assertEqual((seen["CUDA_VISIBLE_DEVICES"], seen["LLAMA_API_KEY"]), ("0", "key-of-the-server"))
        self.assertEqual(container.healthcheck(), 0)

    def test_kubernetes_services_of_the_same_names_change_nothing(self) -> None:
        address = "tcp://10.0.171.239:8080"
        container, seen = self.start(STRATA_WORKER_PORT=address, STRATA_COMFYUI_PORT=address, WEB_CONCURRENCY="3")
        self.assertNotIn("STRATA_WORKER_PORT", seen)
        self.assertEqual(seen["STRATA_COMFYUI_PORT"], "8188")
        self.assertNotIn("Started parent process", container.printed(), "one worker of uvicorn")


if __name__ == "__main__":
    unittest.main()
