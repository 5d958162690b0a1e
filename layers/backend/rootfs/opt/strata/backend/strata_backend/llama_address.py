"""Where llama-server listens, by the variables that it reads itself (its common/arg.cpp and tools/server/server-http.cpp)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}


@dataclass(frozen=True)
class LlamaAddress:
    """`url` with the prefix of all its routes; `socket` is the file of a UNIX socket, and then the url's host is a name."""

    url: str
    socket: str | None = None


def llama_address(environment: Mapping[str, str]) -> LlamaAddress:
    """Of several addresses the first that is of this machine, or else the first."""
    hosts = [host.strip() for host in environment.get("LLAMA_ARG_HOST", "").split(",")]
    host = next((host for host in hosts if host in ANY or host in ("127.0.0.1", "::1", "localhost")), hosts[0])
    # Both are needed: with one alone it speaks plain HTTP.
    is_tls = environment.get("LLAMA_ARG_SSL_KEY_FILE") and environment.get("LLAMA_ARG_SSL_CERT_FILE")
    scheme = "https" if is_tls else "http"
    prefix = environment.get("LLAMA_ARG_API_PREFIX", "")
    if host.endswith(".sock"):
        return LlamaAddress(f"{scheme}://localhost{prefix}", host)
    port = environment.get("LLAMA_ARG_PORT") or "8080"
    if environment.get("AIP_MODE") == "PREDICTION":
        # Google's Vertex AI sets these, and they count for more.
        port = environment.get("AIP_HTTP_PORT") or "8080"
    return LlamaAddress(f"{scheme}://{ANY.get(host, f'[{host}]' if ':' in host else host)}:{port}{prefix}")


def llama_key(environment: Mapping[str, str]) -> str | None:
    """The first of its keys. Behind a prefix even `/health` asks for one."""
    keys = environment.get("LLAMA_API_KEY", "").split(",")
    if file := environment.get("LLAMA_ARG_API_KEY_FILE"):
        with suppress(OSError):
            keys += Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    return next((key.strip() for key in keys if key.strip()), None)
