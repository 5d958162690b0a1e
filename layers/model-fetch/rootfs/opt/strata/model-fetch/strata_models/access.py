"""Who may see which token: each goes to the origin it is for, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HUB = "https://huggingface.co"
# One key is good for all of its names; github.com/civitai/civitai calls them blue, green and red.
CIVITAI = ("https://civitai.com", "https://civitai.green", "https://civitai.red")
SECRETS = Path("/run/secrets")
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Origin:
    """A place that wants a token."""

    address: str
    # The environment variable; a secret file has its name in lower case.
    variable: str
    token: str | None


class Access:
    """Addresses and headers for one run."""

    def __init__(self, variables: Mapping[str, str], secrets: Path = SECRETS) -> None:
        self.hub = variables.get("HF_ENDPOINT", HUB).rstrip("/") or HUB
        hub_token = read_token("HF_TOKEN", variables, secrets)
        civitai_token = read_token("CIVITAI_TOKEN", variables, secrets)
        self._origins = [
            Origin(HUB, "HF_TOKEN", hub_token),
            Origin(self.hub, "HF_TOKEN", hub_token),
            *(Origin(address, "CIVITAI_TOKEN", civitai_token) for address in CIVITAI),
        ]

    def address(self, url: str) -> str:
        """The address that is asked: HF_ENDPOINT stands in for the hub."""
        return self.hub + url.removeprefix(HUB) if url.startswith(f"{HUB}/") else url

    def headers(self, url: str) -> dict[str, str]:
        """What this address may know. A token is not sent in clear over a network."""
        origin = self.origin(url)
        if origin is None or origin.token is None or not is_private(url):
            return {}
        return {"Authorization": f"Bearer {origin.token}"}

    def origin(self, url: str) -> Origin | None:
        """The place that an address belongs to: scheme, host and port have to be the same."""
        return next((each for each in self._origins if origin_of(each.address) == origin_of(url)), None)


def read_token(variable: str, variables: Mapping[str, str], secrets: Path) -> str | None:
    """From the environment, from the file that `<variable>_FILE` names, or from a mounted secret."""
    if value := variables.get(variable, "").strip():
        return value
    file = variables.get(f"{variable}_FILE")
    for path in [Path(file)] if file else [secrets / variable.lower(), secrets / variable]:
        if path.is_file() and (text := path.read_text().strip()):
            return text
    return None


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def is_private(url: str) -> bool:
    """Encrypted, or not leaving this machine."""
    return url.startswith("https://") or urlsplit(url).hostname in LOOPBACK


def licence_page(url: str) -> str:
    """Where a person accepts the licence of a model."""
    parts = urlsplit(url)
    owner_and_name = parts.path.split("/resolve/")[0]
    return f"{parts.scheme}://{parts.netloc}{owner_and_name}" if "/resolve/" in parts.path else url


def without_tokens(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment for a program that has no business with tokens."""
    return {key: value for key, value in variables.items() if not key.endswith(("_TOKEN", "_TOKEN_FILE"))}
