"""The portal's HTTP service: the page, and what it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from portal_common.guard import Guard
from portal_common.redaction import Redaction

from .log_files import LogFiles
from .log_routes import log_routes
from .metrics import Metrics, MetricsReader
from .overview import Card, State, cards, state
from .services import Action, Service, ServiceProblem, Supervisor
from .settings import Settings

STATIC = Path(__file__).with_name("static")


def create_app(settings: Settings) -> FastAPI:
    """The service; its own documentation stays out, which would load scripts of others."""
    tunnels = httpx.AsyncClient(base_url=settings.tunnels, timeout=10, trust_env=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await tunnels.aclose()

    app = FastAPI(title="Instance Portal", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard)
    redaction = Redaction(settings.variables, settings.passwords)
    app.include_router(log_routes(LogFiles(settings.logs, redaction), redaction))
    add_instance_routes(app, settings)
    add_service_routes(app, Supervisor(settings.supervisor, settings.unstoppable))
    add_tunnel_routes(app, tunnels)
    app.mount("/static", FreshFiles(directory=STATIC))

    @app.get("/", response_class=FileResponse)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    return app


class FreshFiles(StaticFiles):
    """Files that a browser asks for again after an update of the image."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """With the order to ask whether it has changed."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


def add_instance_routes(app: FastAPI, settings: Settings) -> None:
    """What the instance is, offers and does."""
    metrics = MetricsReader(settings.workspace)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/get-applications")
    def get_applications(request: Request) -> list[Card]:
        return cards(settings, asked_host(request))

    @app.get("/get-direct-url/{port}")
    def get_direct_url(port: int, request: Request) -> dict[str, str]:
        for card in cards(settings, asked_host(request)):
            if card.external_port == port and card.direct_url:
                return {"url": card.direct_url}
        raise HTTPException(404, f"Port {port} has no direct address.")

    @app.get("/system-metrics")
    def system_metrics() -> Metrics:
        return metrics.read()

    @app.get("/state")
    def instance_state(request: Request) -> State:
        return state(settings, "x-forwarded-for" in request.headers)


def add_service_routes(app: FastAPI, supervisor: Supervisor) -> None:
    """The services."""

    @app.exception_handler(ServiceProblem)
    async def problem(_: Request, error: ServiceProblem) -> JSONResponse:
        return JSONResponse({"detail": error.text}, status_code=error.status)

    @app.get("/supervisor/processes")
    def processes() -> list[Service]:
        return supervisor.services()

    @app.post("/supervisor/process/{name}/{action}")
    def act(name: str, action: Action) -> Service:
        return supervisor.act(name, action)


def add_tunnel_routes(app: FastAPI, manager: httpx.AsyncClient) -> None:
    """The tunnels, whose manager has no login of its own and is out of a browser's reach."""

    @app.get("/tunnels")
    async def tunnels() -> Response:
        return await ask(manager, "GET", "/tunnels")

    @app.post("/tunnels/{port}/{action}")
    async def order(port: int, action: Literal["start", "stop", "refresh"]) -> Response:
        return await ask(manager, "POST", f"/tunnels/{port}/{action}")


async def ask(manager: httpx.AsyncClient, method: str, path: str) -> Response:
    """The manager's answer as it is."""
    try:
        answer = await manager.request(method, path)
    except httpx.HTTPError:
        return JSONResponse({"detail": "The tunnel manager does not answer."}, status_code=503)
    return Response(answer.content, status_code=answer.status_code, media_type="application/json")


def asked_host(request: Request) -> str | None:
    """The name that the browser asked for; none through a tunnel, whose name has no other ports."""
    if "cf-ray" in request.headers:
        return None
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return f"[{host}]" if host and ":" in host else host
