"""The HTTP service: `GET /healthz` and `GET /system`, and in images with ComfyUI what strata_studio adds.

uvicorn --app-dir /opt/strata/backend strata_backend.app:app --port 8000
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response, status

from .fetching import read_fetching
from .llama import LlamaClient
from .models import Health, ModelFetch, Part, System
from .settings import load_settings
from .studio import add_studio
from .system import TorchProbe, describe_system

settings = load_settings()
llama = LlamaClient(settings)
torch_probe = TorchProbe(settings.probe_timeout)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Closes the connections when the service stops."""
    if studio:
        await studio.start()
    yield
    if studio:
        await studio.close()
    await llama.close()


app = FastAPI(title="strata", lifespan=lifespan)
studio = add_studio(app, settings)


@app.get("/healthz", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Health}})
async def healthz(response: Response) -> Health:
    """200 when every part is ready, 503 with the parts that are not."""
    questions = {"llama": llama.health()} if settings.llama_enabled else {}
    if studio:
        questions["comfyui"] = studio.health()
    parts = dict(zip(questions, await asyncio.gather(*questions.values()), strict=True))
    health = judge(parts, read_fetching(settings.models_fetch))
    if health.status != "ok":
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return health


def judge(parts: dict[str, Part], fetching: ModelFetch | None) -> Health:
    """The parts together."""
    missing = {name for name, part in parts.items() if not part.ready}
    models = fetching.state if fetching else None
    if not missing:
        return Health(status="ok", parts=parts, models=models)
    waits = fetching is not None and fetching.state == "fetching" and fetching.comfyui_waits
    if waits and missing == {"comfyui"}:
        parts["comfyui"] = Part(ready=False, reason="it waits for its models, which are being fetched")
        return Health(status="starting", parts=parts, models=models)
    return Health(status="unavailable", parts=parts, models=models)


@app.get("/system", response_model=studio.system_answer if studio else System)
async def system() -> System:
    """What the image is made of and what it can use here; the first answer takes as long as importing torch."""
    found = await describe_system(settings, llama, torch_probe)
    return await studio.extend(found) if studio else found
