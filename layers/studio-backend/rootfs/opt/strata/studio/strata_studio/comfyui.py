"""Questions to ComfyUI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import httpx
from strata_backend.llama import describe
from strata_backend.models import Part

from .settings import Settings


class ComfyuiError(Exception):
    """ComfyUI did not answer, or not as expected; the message says what happened."""


class Refused(Exception):
    """ComfyUI refused a request with a reason of its own: `content` is its answer."""

    def __init__(self, content: Any) -> None:
        super().__init__("ComfyUI refused the request")
        self.content = content


class ComfyuiClient:
    """Asks the ComfyUI of this container; keeps its connections between questions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.headers = {"Authorization": f"Bearer {settings.login_token}"} if settings.login_token else {}
        # trust_env is off because a proxy from the environment must not be asked for 127.0.0.1.
        self._client = httpx.AsyncClient(
            base_url=settings.url, timeout=settings.answer_timeout, headers=self.headers, trust_env=False
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def health(self) -> Part:
        """Ready when `/system_stats` answers. Never raises: an unreachable server is an answer too."""
        try:
            response = await self._client.get("/system_stats", timeout=self._settings.health_timeout)
        except httpx.HTTPError as error:
            return Part(ready=False, reason=f"ComfyUI does not answer: {describe(error)}")
        if response.is_success:
            return Part(ready=True)
        return Part(ready=False, reason=f"ComfyUI answered {response.status_code}")

    async def get(self, path: str) -> Any:
        """The JSON of an answer; raises ComfyuiError."""
        return self._content(await self._send("GET", path))

    async def post(self, path: str, body: Any) -> None:
        """An order whose answer has no content; raises ComfyuiError."""
        response = await self._send("POST", path, body)
        if not response.is_success:
            raise ComfyuiError(f"ComfyUI answered {response.status_code} to {path}")

    async def upload(self, name: str, content: bytes) -> None:
        """Writes a file below ComfyUI's input folder, over one that is there; raises ComfyuiError."""
        path = PurePosixPath(name)
        folder = "" if path.parent == PurePosixPath() else str(path.parent)
        try:
            response = await self._client.post(
                "/upload/image",
                data={"overwrite": "true", "subfolder": folder},
                files={"image": (path.name, content, "application/octet-stream")},
            )
        except httpx.HTTPError as error:
            raise ComfyuiError(f"ComfyUI does not answer: {describe(error)}") from error
        if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            raise ComfyuiError(f"{name} is larger than ComfyUI takes (--max-upload-size, in MB)")
        stored = self._content(response)
        if PurePosixPath(stored.get("subfolder") or "", stored.get("name") or "") != path:
            raise ComfyuiError(f"ComfyUI stored {name} as {stored.get('name')}")

    async def queue(self, workflow: Mapping[str, Any], identity: str, client: str, extra: Mapping[str, Any]) -> Any:
        """Puts a workflow into the queue; raises Refused with ComfyUI's reasons, or ComfyuiError."""
        body = {"prompt": workflow, "prompt_id": identity, "client_id": client, "extra_data": dict(extra)}
        response = await self._send("POST", "/prompt", body)
        if response.status_code == httpx.codes.BAD_REQUEST:
            try:
                raise Refused(response.json())
            except ValueError as error:
                raise ComfyuiError(f"ComfyUI refused the workflow: {response.text[:500]}") from error
        return self._content(response)

    async def view(self, parameters: Mapping[str, str]) -> tuple[httpx.Response, AsyncIterator[bytes]]:
        """A file of a finished workflow: the response's head, and its bytes as they come; raises ComfyuiError."""
        request = self._client.build_request("GET", "/view", params=dict(parameters))
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise ComfyuiError(f"ComfyUI does not answer: {describe(error)}") from error

        async def content() -> AsyncIterator[bytes]:
            try:
                async for chunk in response.aiter_bytes():
                    yield chunk
            finally:
                await response.aclose()

        return response, content()

    async def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            return await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ComfyuiError(f"ComfyUI does not answer: {describe(error)}") from error

    @staticmethod
    def _content(response: httpx.Response) -> Any:
        if not response.is_success:
            raise ComfyuiError(f"ComfyUI answered {response.status_code} to {response.request.url.path}")
        try:
            return response.json()
        except ValueError as error:
            raise ComfyuiError(f"ComfyUI's answer to {response.request.url.path} is no JSON") from error
