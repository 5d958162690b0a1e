"""What the tests share: the layers' Python on the path, without leaving compiled files in the layers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.dont_write_bytecode = True

REPOSITORY = Path(__file__).resolve().parents[2]
LAYERS = REPOSITORY / "layers"
RUNTIME = LAYERS / "runtime/rootfs/opt/strata/runtime"
BACKEND = LAYERS / "backend/rootfs/opt/strata/backend"
STUDIO = LAYERS / "studio-backend/rootfs/opt/strata/studio"
WORKER = LAYERS / "runpod-worker/rootfs/opt/strata/worker"
DOOR = LAYERS / "door/rootfs/opt/strata/door"
NODES = LAYERS / "nodes"
SHARED = LAYERS / "shared"
PORTAL = LAYERS / "portal/rootfs/opt/portal-aio"
INSTANCE = LAYERS / "instance/rootfs/opt/strata/instance"
MODEL_FETCH = LAYERS / "model-fetch/rootfs/opt/strata/model-fetch"
FAKE_COMFYUI = Path(__file__).with_name("fake_comfyui.py")
FAKE_LLAMA = Path(__file__).with_name("fake_llama.py")
FAKE_CLOUDFLARED = Path(__file__).with_name("fake_cloudflared.py")

for folder in (
    RUNTIME,
    BACKEND,
    STUDIO,
    STUDIO / "strata_studio",
    WORKER,
    NODES,
    SHARED,
    INSTANCE,
    MODEL_FETCH,
    PORTAL,
    DOOR,
):
    sys.path.insert(0, str(folder))


def fill(folder: Path, *paths: str) -> None:
    """Makes empty files and the folders that they need."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
