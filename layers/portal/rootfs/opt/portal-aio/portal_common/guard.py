"""Keeps other websites out, also on the ports of loopback, which have no login: a person's SSH tunnel leads there.

What changes something, and every websocket, has to come from a page of the same address. What did not come through the
door has to ask for a name of loopback, so that a name which someone points to 127.0.0.1 opens nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

SAFE = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


class Guard:
    """ASGI middleware for HTTP and WebSocket."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands on what may pass and refuses the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        reason = objection(scope["type"], scope.get("method", "GET"), scope["path"], headers)
        if reason is None:
            await self._app(scope, receive, with_headers(send))
        elif scope["type"] == "http":
            await refuse(with_headers(send), reason)
        else:
            # Servers answer 403 to this.
            await receive()
            await send({"type": "websocket.close", "code": 1008})


def objection(kind: str, method: str, path: str, headers: dict[str, str]) -> str | None:
    """Why a request may not pass."""
    host = headers.get("host", "")
    if "x-forwarded-for" not in headers and hostname(host) not in LOOPBACK:
        return "Ask for localhost: this port is not for other names."
    changes = kind == "websocket" or method not in SAFE or path.startswith("/get-quick-tunnel/")
    if not changes:
        return None
    site = headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return "Another website may not do this."
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return "Another website may not do this."
    return None


def hostname(host: str) -> str | None:
    """The name in a `Host` header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def with_headers(send: Any) -> Any:
    """`send`, with the headers that every answer has."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return sending


async def refuse(send: Any, reason: str) -> None:
    """Sends 403."""
    body = reason.encode()
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})
