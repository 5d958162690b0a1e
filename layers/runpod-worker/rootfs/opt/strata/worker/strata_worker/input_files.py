"""Input files that a job names by their address.

Nothing of what fetches models (`strata_models`): whoever sends a job chooses the address, so it may lead nowhere but to
the public internet, no token goes along, and what comes is small, has no known hash and stays in memory.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import requests
from runpod.serverless.utils.rp_ssrf import SSRFError, safe_get
from urllib3.exceptions import HTTPError

CHUNK = 1 << 20
# For a connection, and between two pieces of an answer.
PATIENCE = 30


class FetchError(Exception):
    """The message says what is wrong, without the address: it may be signed."""


def fetch(url: str, largest: int, give_up: float) -> bytes:
    """The content; raises FetchError.

    The SDK's client takes public addresses alone, also after a redirect and when a name's address changes meanwhile.

    @param give_up: when nobody waits for it any more, by time.monotonic(): what a server sends after that is not read. One
        that does not even begin in time is given up by whoever calls this.
    """
    host = urlsplit(url).hostname
    try:
        with safe_get(url, timeout=PATIENCE, max_bytes=largest) as response:
            if not response.ok:
                raise FetchError(f"{host} answered {response.status_code}")
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise FetchError(f"{host} answered with a web page")
            content = bytearray()
            # What is there, and not a whole piece: a few bytes now and then would be waited for without end.
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                content += chunk
                if len(content) > largest:
                    raise FetchError(f"is larger than {largest} bytes")
                if time.monotonic() > give_up:
                    raise FetchError(f"{host} did not send all of it in time")
    except (SSRFError, requests.RequestException, HTTPError, OSError) as error:
        raise FetchError(explain(host, error, largest)) from error
    if not content:
        raise FetchError(f"{host} sent nothing")
    return bytes(content)


def explain(host: str | None, error: Exception, largest: int) -> str:
    """In one line; what libraries say holds the whole address."""
    text = str(error)
    for sign, meaning in {
        "size cap": f"is larger than {largest} bytes",
        "non-public": f"{host} is not a public address",
        "could not resolve": f"{host} is not known",
        "through proxy": "cannot be fetched, because this worker reaches the internet through a proxy",
        "blocked URL scheme": f"{host} led to something else than a web address",
        "redirects": f"{host} redirects without end",
    }.items():
        if isinstance(error, SSRFError) and sign in text:
            return meaning
    return f"{host} cannot be reached ({type(error).__name__})"
