"""Asks for the token before anything but `/healthz`, so that a new route cannot be open by mistake."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

OPEN = {"/healthz"}
# A browser's WebSocket can send no header of its own, but it can offer protocols: this one, and the token as another.
# A token in the address would end up in logs.
PROTOCOL = "strata.token"
# A protocol's name may have no `/`, `=` or `,`, as base64 has them. With this before it, it is the token in base64url
# without padding; Kubernetes' API server takes tokens in the same way.
ENCODED = b"base64url."
REFUSAL = {"detail": "Send the token: `Authorization: Bearer TOKEN`. The container's log says where it is."}


class TokenGate:
    """ASGI middleware for HTTP and WebSocket."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands on what may pass and refuses the rest."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN or self.knows(offered_tokens(scope["headers"])):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refuse(send)
        else:
            # Servers answer 403 to this.
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def knows(self, tokens: Iterable[bytes]) -> bool:
        """Compares in a time that does not tell how much was right."""
        return any(hmac.compare_digest(token, self._token) for token in tokens)


def offered_tokens(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """Every token in the headers of a request."""
    tokens = []
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                tokens.append(token.strip())
        elif name == b"sec-websocket-protocol":
            protocols = [protocol.strip() for protocol in value.split(b",")]
            if PROTOCOL.encode() in protocols:
                for protocol in protocols:
                    tokens += [] if protocol == PROTOCOL.encode() else [protocol, *decoded(protocol)]
    return tokens


def decoded(protocol: bytes) -> list[bytes]:
    """The token in a protocol of the encoded form, if it is one."""
    if protocol.startswith(ENCODED):
        text = protocol.removeprefix(ENCODED)
        with suppress(binascii.Error, ValueError):
            return [base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)]
    return []


async def refuse(send: Any) -> None:
    """Sends 401."""
    body = json.dumps(REFUSAL).encode()
    headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
