"""Usage: fetch_sdist.py NAME VERSION SHA256... FILE. Downloads a source distribution and checks it.

`pip download` would first build the package's metadata, for which it installs build tools that nothing pins.
The index is PIP_INDEX_URL or pip's own default; it has to answer in JSON (PEP 691). SSL_CERT_FILE names the certificates.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

JSON = "application/vnd.pypi.simple.v1+json"
PASSING = (429, 500, 502, 503, 504)
TRIES = 5
TIMEOUT = 60
LONGEST = 120


def find_index() -> str:
    """Without PIP_INDEX_URL it is in pip's help alone, what a pip.conf says included."""
    if index := os.environ.get("PIP_INDEX_URL"):
        return index.rstrip("/")
    command = [sys.executable, "-m", "pip", "download", "--help"]
    # Each option on one line.
    wide = {**os.environ, "COLUMNS": "1000"}
    text = subprocess.run(command, env=wide, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"--index-url .*\(default (\S+?)/?\)", text)
    return found[1] if found else sys.exit("pip's help names no index: set PIP_INDEX_URL")


def make_opener(index: str) -> tuple[urllib.request.OpenerDirector, str]:
    """What asks, and the index without its login: that goes to the index's own host, and along with no redirect."""
    parts = urlsplit(index)
    host = parts.netloc.rpartition("@")[2]
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, f"{parts.scheme}://{host}/", user, password, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    return opener, parts._replace(netloc=host).geturl()


@contextmanager
def opened(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Iterator[Any]:
    """The answer; once more, a little later each time, where a server has no time. Exits with what it said last."""
    for number in range(TRIES):
        try:
            answer = opener.open(request, timeout=TIMEOUT)
            break
        except (OSError, HTTPException) as error:
            refusal = error if isinstance(error, urllib.error.HTTPError) else None
            if refusal:
                refusal.close()
            if number == TRIES - 1 or (refusal and refusal.code not in PASSING):
                sys.exit(f"{request.full_url}: {error}")
            asked = (refusal and refusal.headers.get("Retry-After")) or ""
            time.sleep(max(2**number, min(int(asked), LONGEST) if asked.isdigit() else 0))
    with answer:
        yield answer


def is_archive(file: str, name: str, version: str) -> bool:
    """Whether `file` is that source distribution; older ones do not normalise their name."""
    stem, _, rest = file.rpartition(f"-{version}.")
    return rest in ("tar.gz", "zip") and re.sub(r"[-_.]+", "-", stem).lower() == re.sub(r"[-_.]+", "-", name).lower()


def fetch(name: str, version: str, accepted: list[str], target: Path) -> None:
    opener, index = make_opener(find_index())
    page = f"{index}/{name}/"
    with opened(opener, urllib.request.Request(page, headers={"Accept": JSON})) as listing:
        try:
            files = {file["filename"]: urljoin(listing.url, file["url"]) for file in json.load(listing)["files"]}
        except (ValueError, KeyError, TypeError):
            sys.exit(f"{page} is no listing in JSON (PEP 691): choose an index that has it (PIP_INDEX_URL)")
    url = next((url for file, url in files.items() if is_archive(file, name, version)), None)
    if url is None:
        sys.exit(f"{name} {version} has no source archive in the package index: refresh the locks")
    digest = hashlib.sha256()
    with opened(opener, urllib.request.Request(url)) as archive, target.open("wb") as file:
        while chunk := archive.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() not in accepted:
        sys.exit(f"{name} {version} has sha256 {digest.hexdigest()}, the lock says {' or '.join(accepted)}")


if __name__ == "__main__":
    fetch(sys.argv[1], sys.argv[2], sys.argv[3:-1], Path(sys.argv[-1]))
