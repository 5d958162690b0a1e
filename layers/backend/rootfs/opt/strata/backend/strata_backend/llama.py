"""Questions to llama-server. Nothing here raises: an unreachable server is an answer too."""

from __future__ import annotations

from typing import Any

import httpx

from .models import Llama, Part
from .settings import Settings


class LlamaClient:
    """Asks the llama-server of this container; keeps its connection between questions."""

    def __init__(self, settings: Settings) -> None:
        headers = {"Authorization": f"Bearer {settings.llama_key}"} if settings.llama_key else {}
        # No proxy from the environment is asked for this container's own address, and a certificate of its is for the
        # name by which others call it.
        transport = httpx.AsyncHTTPTransport(verify=False, uds=settings.llama.socket, trust_env=False)
        self._client = httpx.AsyncClient(
            base_url=settings.llama.url,
            timeout=settings.llama_timeout,
            headers=headers,
            transport=transport,
            trust_env=False,
        )

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.aclose()

    async def health(self) -> Part:
        """Ready when `/health` answers 200; a server that still loads its model answers 503."""
        try:
            response = await self._client.get("/health")
        except httpx.HTTPError as error:
            return Part(ready=False, reason=describe(error))
        if response.is_success:
            return Part(ready=True)
        return Part(ready=False, reason=f"llama-server answered {response.status_code}: {error_message(response)}")

    async def describe(self) -> Llama:
        """Build and model from `/props`, with the health beside it."""
        health = await self.health()
        if not health.ready:
            return Llama(enabled=True, ready=False, reason=health.reason)
        try:
            response = await self._client.get("/props")
            response.raise_for_status()
            properties: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            return Llama(enabled=True, ready=True, reason=f"its properties are unknown: {describe(error)}")
        return Llama(enabled=True, ready=True, build=properties.get("build_info"), model=properties.get("model_path"))


def describe(error: Exception) -> str:
    """The error in one line; some of httpx's errors have no text of their own."""
    return str(error) or type(error).__name__


def error_message(response: httpx.Response) -> str:
    """The message in llama-server's error object, or the start of whatever else it sent."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
