"""What the service reads from its environment; nothing else in the package does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .llama_address import LlamaAddress, llama_address, llama_key

IMAGE_METADATA = Path("/opt/strata/image.json")


@dataclass(frozen=True)
class Settings:
    """Where the other services are and how long the service waits for others. Times in seconds."""

    llama_enabled: bool
    llama: LlamaAddress
    llama_key: str | None
    comfyui_enabled: bool
    image_metadata: Path
    models_fetch: Path | None = None
    llama_timeout: float = 2.0
    probe_timeout: float = 180.0


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads `STRATA_LLAMA` ("on" unless "off"), llama-server's own variables, `LLAMA_API_KEY`, `STRATA_IMAGE_METADATA`.

    `STRATA_COMFYUI` is "on" where the entrypoint started ComfyUI, `STRATA_STATE` the folder that services share.
    """
    state = environment.get("STRATA_STATE")
    return Settings(
        llama_enabled=environment.get("STRATA_LLAMA", "on") != "off",
        llama=llama_address(environment),
        llama_key=llama_key(environment),
        comfyui_enabled=environment.get("STRATA_COMFYUI") == "on",
        image_metadata=Path(environment.get("STRATA_IMAGE_METADATA") or IMAGE_METADATA),
        models_fetch=Path(state, "models-fetch.json") if state else None,
    )
