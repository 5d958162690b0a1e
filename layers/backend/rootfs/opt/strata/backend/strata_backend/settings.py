"""What the service reads from its environment; nothing else in the package does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

IMAGE_METADATA = Path("/opt/strata/image.json")


@dataclass(frozen=True)
class Settings:
    """Where the other services are and how long the service waits for others. Times in seconds."""

    llama_enabled: bool
    llama_url: str
    llama_key: str | None
    comfyui_enabled: bool
    image_metadata: Path
    llama_timeout: float = 2.0
    probe_timeout: float = 180.0


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads `STRATA_LLAMA` ("on" unless "off"), `LLAMA_ARG_PORT` (8080), `LLAMA_API_KEY`, `STRATA_IMAGE_METADATA`.

    `STRATA_COMFYUI` is "on" where the entrypoint started ComfyUI.
    """
    port = environment.get("LLAMA_ARG_PORT") or "8080"
    return Settings(
        llama_enabled=environment.get("STRATA_LLAMA", "on") != "off",
        llama_url=f"http://127.0.0.1:{port}",
        llama_key=environment.get("LLAMA_API_KEY") or None,
        comfyui_enabled=environment.get("STRATA_COMFYUI") == "on",
        image_metadata=Path(environment.get("STRATA_IMAGE_METADATA") or IMAGE_METADATA),
    )
