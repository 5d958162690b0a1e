"""Finds out where a file really lies, without fetching it: follows redirects, and shows each host only its own token."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from .access import CIVITAI, HUB, Access, Origin, is_private, licence_page
from .manifest import Model
from .problem import Later, Problem

MOST_REDIRECTS = 10
TIMEOUT = 60
REDIRECTS = {301, 302, 303, 307, 308}
PAGES = {"text/html", "application/xhtml+xml"}
GONE = {404, 410, 451}
# Statuses that a server is in for a moment. 403 is one where an address was signed for a time that is over.
PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Source:
    """The address that gives the bytes, and what it has to be told; nearly always nothing."""

    url: str
    headers: dict[str, str]


class NoRedirects(urllib.request.HTTPErrorProcessor):
    """Every answer is an answer, whatever its status."""

    def http_response(self, request: urllib.request.Request, response: http.client.HTTPResponse) -> object:
        return response

    https_response = http_response  # type: ignore[assignment]


def open_url(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Asks without following redirects. Raises Later where nobody answers."""
    opener = urllib.request.build_opener(NoRedirects)
    request = urllib.request.Request(url, headers={"User-Agent": "strata", "Accept-Encoding": "identity", **headers})
    try:
        return opener.open(request, timeout=TIMEOUT)
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise Later(f"{urlsplit(url).hostname} cannot be reached: {reason or type(error).__name__}") from error


def find_source(model: Model, access: Access) -> Source:
    """Where the model's bytes are, after every redirect. Raises Problem or Later."""
    url = first = access.address(model.url)
    for _ in range(MOST_REDIRECTS):
        headers = access.headers(url)
        # One byte: enough to learn the size, and asked in the same way as the file itself will be.
        with open_url(url, {**headers, "Range": "bytes=0-0"}) as answer:
            check_hash(model, answer)
            if answer.status in REDIRECTS and (target := answer.headers.get("Location")):
                url = next_address(model, url, target)
                continue
            check_status(model, url, answer, access, is_first=url == first)
            check_page(model, first, answer, access)
            check_size(model, answer)
            return Source(url, headers)
    raise Problem(f"{model.path}: {host_of(url)} redirects without end")


def next_address(model: Model, url: str, target: str) -> str:
    """Where a redirect leads; not from an encrypted address to one that is not."""
    following = urljoin(url, target)
    if urlsplit(following).scheme not in ("http", "https") or (is_private(url) and not is_private(following)):
        raise Problem(f"{model.path}: {host_of(url)} redirects to {urlsplit(following).scheme}:, which is not safe")
    return following


def check_hash(model: Model, answer: http.client.HTTPResponse) -> None:
    """The hub names the file's hash before it gives the file: another one is not worth the download."""
    tag = (answer.headers.get("X-Linked-Etag") or "").removeprefix("W/").strip('"')
    size = answer.headers.get("X-Linked-Size")
    if len(tag) == 64 and tag != (model.sha256 or tag):
        raise Problem(f"{model.path}: the source serves another file now: sha256 {tag}, {model.promise} {model.sha256}")
    if size is not None and int(size) != model.size:
        raise another_size(model, int(size))


def check_status(model: Model, url: str, answer: http.client.HTTPResponse, access: Access, *, is_first: bool) -> None:
    """Raises for everything but a file."""
    status, host = answer.status, host_of(url)
    if status in (200, 206):
        return
    if status in PASSING or (status in (401, 403) and not is_first and access.origin(url) is None):
        raise Later(f"{host} answers {status}", retry_after(answer.headers.get("Retry-After")))
    if (origin := access.origin(url)) and origin.variable == "HF_TOKEN":
        check_hub(model, answer, origin)
    if status in (401, 403):
        raise refused(model, url, access)
    if status in GONE:
        raise Problem(f"{model.path}: {host} does not have it any more ({status}); {model.remedy}")
    raise Problem(f"{model.path}: {host} answers {status}")


def check_hub(model: Model, answer: http.client.HTTPResponse, origin: Origin) -> None:
    """The hub's words for what no licence opens, as huggingface_hub reads them (utils/_http.py)."""
    code, message = answer.headers.get("X-Error-Code"), answer.headers.get("X-Error-Message")
    # Of public files as well: github.com/huggingface/huggingface_hub/pull/2847.
    if origin.token and message == "Invalid credentials in Authorization header":
        raise Problem(
            f"{model.path}: the hub does not know {origin.variable}, or no longer: make a new one at {HUB}/settings/tokens, "
            "or take it away for files that are free"
        )
    if message == "Access to this resource is disabled.":
        raise Problem(f"{model.path}: the hub has shut {licence_page(model.url)}; {model.remedy}")
    if code == "RepoNotFound":
        whose = f"not for the owner of {origin.variable}" if origin.token else f"needs the secret {origin.variable}"
        raise Problem(f"{model.path}: {licence_page(model.url)} is gone, or private and {whose}; {model.remedy}")


def refused(model: Model, url: str, access: Access) -> Problem:
    """Names the gate, its licence and the token that opens it; never the token."""
    origin = access.origin(url)
    page = licence_page(model.url)
    if origin is not None and origin.address in CIVITAI:
        return Problem(f"{model.path}: {model.url} {civitai_remedy(origin)}")
    if origin is None:
        return Problem(f"{model.path}: {host_of(url)} refuses it; see {page}")
    if origin.token is None:
        return Problem(
            f"{model.path}: {model.name} is gated, private or gone. Accept its licence at {page}, "
            f"and give the token of that account as the secret {origin.variable}"
        )
    return Problem(
        f"{model.path}: {model.name} is not given to the owner of {origin.variable}. "
        f"Accept its licence at {page} with that account; the token has to allow reading gated models"
    )


def civitai_remedy(origin: Origin) -> str:
    """CivitAI has no licence to accept, but files that only some accounts may have."""
    if origin.token is None:
        return f"wants a login: give a key of your account as the secret {origin.variable}"
    return f"is not given to the owner of {origin.variable}: early access, or downloads that its author switched off"


def check_page(model: Model, first: str, answer: http.client.HTTPResponse, access: Access) -> None:
    """A login with status 200, as browsers get it, is not the file."""
    if answer.headers.get_content_type() not in PAGES or total_size(answer) == model.size:
        return
    origin = access.origin(first)
    is_download = origin is not None and origin.address in CIVITAI and "/api/download/" in first
    remedy = civitai_remedy(origin) if origin and is_download else model.remedy
    raise Problem(f"{model.path}: {model.url} gives a page, not the file; {'it ' if is_download else ''}{remedy}")


def total_size(answer: http.client.HTTPResponse) -> int | None:
    """`Content-Range: bytes 0-0/<size>`, or the length of a server that gives everything at once."""
    total = answer.headers.get("Content-Range", "").rpartition("/")[2] if answer.status == 206 else ""
    total = total or (answer.headers.get("Content-Length", "") if answer.status == 200 else "")
    return int(total) if total.isdigit() else None


def check_size(model: Model, answer: http.client.HTTPResponse) -> None:
    """What the source says, where it says anything."""
    total = total_size(answer)
    if total not in (None, model.size):
        raise another_size(model, total)


def another_size(model: Model, size: int) -> Problem:
    """Before a byte is fetched."""
    return Problem(f"{model.path}: the source serves {size} bytes, {model.promise} {model.size}; {model.remedy}")


def retry_after(value: str | None) -> float | None:
    """Seconds from `Retry-After`, which is a number of them or a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def host_of(url: str) -> str:
    """For messages: an address may be signed, its host is not secret."""
    return urlsplit(url).netloc.rpartition("@")[2]
