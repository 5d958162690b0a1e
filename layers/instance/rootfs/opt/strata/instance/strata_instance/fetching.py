"""Fetches a small file that the user named: http and https alone, a few tries, and an end in any case."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .words import say

TRIES = 3
PAUSE = 3.0
# For the connection and for each read.
PATIENCE = 15.0
# For one try.
LONGEST = 120.0
MOST_BYTES = 16 << 20


class Unfetched(Exception):
    """Why nothing came, in words without what is secret in an address."""


def shown(address: str) -> str:
    """An address without its query, and without a name and a password in it: both may be secrets."""
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(no address)"
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def opener() -> urllib.request.OpenerDirector:
    """The usual one without ftp, file and data, to which a redirect could lead."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        director.add_handler(handler())
    return director


def request_for(address: str) -> urllib.request.Request:
    """With a name and a password of the address in the header where they belong; raises Unfetched."""
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError as error:
        raise Unfetched("it is no address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unfetched("it is no address that begins with https:// or http://")
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host, fragment="")))
    if user:
        name, _, password = (urllib.parse.unquote(part) for part in user.partition(":"))
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password(None, request.full_url, name, password, is_authenticated=True)
        request = urllib.request.HTTPBasicAuthHandler(manager).http_request(request)
    return request


def fetch(address: str, most: int = MOST_BYTES, pause: Callable[[float], None] = time.sleep) -> bytes:
    """What the address answers; raises Unfetched."""
    request = request_for(address)
    reason = ""
    for attempt in range(TRIES):
        if attempt:
            pause(PAUSE * attempt)
        try:
            return read(request, most)
        except urllib.error.HTTPError as error:
            reason = f"the host answers {error.code}"
            if error.code < 500 and error.code not in (408, 429):
                break
        except urllib.error.URLError as error:
            reason = str(error.reason)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
    raise Unfetched(reason)


def read(request: urllib.request.Request, most: int) -> bytes:
    """One try; raises OSError and others."""
    end = time.monotonic() + LONGEST
    with opener().open(request, timeout=PATIENCE) as response:
        found = b""
        while chunk := response.read1(1 << 16):
            found += chunk
            if len(found) > most:
                raise Unfetched(f"it has more than {most >> 20} MB")
            if time.monotonic() > end:
                raise OSError(f"it is not there after {LONGEST:.0f} s")
        wanted = response.headers.get("Content-Length")
        if wanted and wanted.isdecimal() and len(found) < int(wanted):
            raise OSError("the connection ended too early")
    return found


def as_script(content: bytes) -> bytes:
    """What bash can run; raises Unfetched for a page that says that it needs a login, and for nothing."""
    if not content.strip():
        raise Unfetched("it is empty")
    if content.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")):
        raise Unfetched("it is a web page and no script; the address of the raw file is needed")
    return content.replace(b"\r\n", b"\n")


def main(arguments: list[str]) -> int:
    """`fetch VARIABLE FILE`: the script whose address the variable has."""
    name, file = arguments[0], Path(arguments[1])
    try:
        content = as_script(fetch(os.environ[name]))
        draft = file.with_name(f".{file.name}.new")
        draft.write_bytes(content)
        draft.chmod(0o755)
        draft.replace(file)
    except (Unfetched, OSError) as error:
        say(f"{name}: {shown(os.environ.get(name, ''))} cannot be fetched: {error}.")
        return 1
    return 0
