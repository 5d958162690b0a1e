"""python -m tunnel_manager: answers on loopback; the portal is what faces people."""

from __future__ import annotations

import uvicorn

from .app import create_app
from .settings import Settings

uvicorn.run(
    create_app(Settings.load()),
    host="127.0.0.1",
    port=11112,
    access_log=False,
    server_header=False,
    proxy_headers=False,
    timeout_graceful_shutdown=2,
)
