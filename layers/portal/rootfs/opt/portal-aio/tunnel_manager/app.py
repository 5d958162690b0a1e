"""The tunnel manager's HTTP service. The older names of its routes stay, for scripts that use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from portal_common.addresses import direct_url
from portal_common.applications import read_applications, read_entrances
from portal_common.guard import Guard

from .manager import Action, Manager, QuickView, TunnelProblem, Tunnels, target_port
from .named import Route
from .settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The service."""
    manager = Manager(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        manager.begin()
        yield
        await manager.end()

    app = FastAPI(title="Tunnel manager", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard)

    @app.exception_handler(TunnelProblem)
    async def problem(_: Request, error: TunnelProblem) -> JSONResponse:
        return JSONResponse({"detail": error.text}, status_code=error.status)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/tunnels")
    async def tunnels() -> Tunnels:
        return await manager.tell()

    @app.post("/tunnels/{port}/{action}")
    async def order(port: int, action: Action) -> QuickView:
        return await manager.order(port, action)

    add_older_routes(app, manager, settings)
    return app


def add_older_routes(app: FastAPI, manager: Manager, settings: Settings) -> None:
    """By address instead of port, and waiting for the end."""

    @app.get("/get-all-quick-tunnels")
    async def get_all_quick_tunnels() -> list[QuickView]:
        return [tunnel for tunnel in (await manager.tell()).quick if tunnel.url]

    @app.get("/get-quick-tunnel-if-exists/{target:path}")
    async def get_quick_tunnel_if_exists(target: str) -> QuickView:
        return opened(await manager.find(target_port(target)))

    @app.get("/get-quick-tunnel/{target:path}")
    async def get_quick_tunnel(target: str) -> QuickView:
        port = target_port(target)
        await manager.order(port, "start")
        return opened(await manager.wait(port))

    @app.post("/stop-quick-tunnel/{target:path}")
    async def stop_quick_tunnel(target: str) -> QuickView:
        return await manager.order(target_port(target), "stop")

    @app.post("/refresh-quick-tunnel/{target:path}")
    async def refresh_quick_tunnel(target: str) -> QuickView:
        port = target_port(target)
        await manager.order(port, "refresh")
        return opened(await manager.wait(port))

    @app.get("/get-named-tunnels")
    async def get_named_tunnels() -> list[Route]:
        named = (await manager.tell()).named
        return named.routes if named else []

    @app.get("/get-named-tunnel/{port}")
    async def get_named_tunnel(port: int) -> Route:
        named = (await manager.tell()).named
        for route in named.routes if named else []:
            if route.port == port:
                return route
        raise HTTPException(404, f"No name of a named tunnel leads to port {port}.")

    @app.get("/get-direct-url/{port}")
    def get_direct_url(port: int) -> dict[str, str]:
        entrances = read_entrances(settings.entrances)
        for application in read_applications(settings.applications):
            if application.external_port == port:
                url = direct_url(application, entrances.get(port), settings.variables, "localhost")
                if url:
                    return {"url": url}
        raise HTTPException(404, f"Port {port} has no direct address.")


def opened(tunnel: QuickView) -> QuickView:
    """A tunnel that is open; raises TunnelProblem."""
    if tunnel.url is None:
        raise TunnelProblem(
            503 if tunnel.state != "stopped" else 404, tunnel.detail or f"The tunnel is {tunnel.state}."
        )
    return tunnel
