"""The service's answers. Field names are camelCase in JSON."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Answer(BaseModel):
    """Base of all answers: snake_case here, camelCase outside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Part(Answer):
    """One thing that has to work for the image to be healthy."""

    ready: bool
    reason: str | None = None


FetchState = Literal["fetching", "done", "failed"]


class ModelFetch(Answer):
    """`GET /comfyui/models/fetch`: the models that the container fetches itself; `lines` are the fetcher's last ones."""

    state: FetchState
    comfyui_waits: bool
    lines: list[str]


class Health(Answer):
    """`GET /healthz`: `parts` holds the other services that are switched on.

    `starting`: nothing is wrong, ComfyUI waits for models that are being fetched. `models` says how that is, also where
    ComfyUI does not wait; None where nothing is fetched.
    """

    status: Literal["ok", "starting", "unavailable"]
    parts: dict[str, Part]
    models: FetchState | None = None


class Gpu(Answer):
    """A GPU as torch sees it; `memory_bytes` is its total memory."""

    name: str
    compute_capability: str
    memory_bytes: int


class Torch(Answer):
    """The installed torch; `cuda` is the version it was built for, `reason` says why CUDA is not available."""

    version: str
    cuda: str | None
    cuda_available: bool
    reason: str | None = None


class AttentionBackend(Answer):
    """An attention implementation: `usable` means that it computed something here, otherwise `reason` says why not."""

    name: str
    version: str | None = None
    usable: bool
    reason: str | None = None


class Probe(Answer):
    """What a look at torch found."""

    torch: Torch
    gpus: list[Gpu]
    driver: str | None
    attention: list[AttentionBackend]


class Llama(Answer):
    """llama-server as it reports itself."""

    enabled: bool
    ready: bool
    build: str | None = None
    model: str | None = None
    reason: str | None = None


class System(Answer):
    """`GET /system`. What could not be found out is null, with the reason in `problems`."""

    image: dict[str, Any] | None
    torch: Torch | None
    gpus: list[Gpu]
    driver: str | None
    attention: list[AttentionBackend]
    llama: Llama
    problems: list[str]
