"""Usage: fetch_sdist.py NAME VERSION SHA256... FILE. Downloads a source distribution and checks it.

`pip download` would first build the package's metadata, for which it installs build tools that nothing pins.
The index is pip's own default, or PIP_INDEX_URL.
"""

import hashlib
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

from pip._internal.models.index import PyPI
from pip._vendor import requests
from pip._vendor.requests.adapters import HTTPAdapter
from pip._vendor.urllib3.util.retry import Retry


class Links(HTMLParser):
    """The links of an index page (PEP 503, the form that every mirror serves) by file name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        if self._href and data.strip():
            self.found[data.strip()] = self._href
            self._href = ""


def is_archive(file: str, name: str, version: str) -> bool:
    """Whether `file` is that source distribution; older ones do not normalise their name."""
    stem, _, rest = file.rpartition(f"-{version}.")
    return rest in ("tar.gz", "zip") and re.sub(r"[-_.]+", "-", stem).lower() == re.sub(r"[-_.]+", "-", name).lower()


def fetch(name: str, version: str, accepted: list[str], target: Path) -> None:
    index = os.environ.get("PIP_INDEX_URL", PyPI.simple_url).rstrip("/")
    certificates = os.environ.get("SSL_CERT_FILE")
    with requests.Session() as session:
        if certificates:
            session.verify = certificates
        retries = Retry(total=4, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504])
        session.mount("https://", HTTPAdapter(max_retries=retries))
        page = f"{index}/{name}/"
        listing = session.get(page, timeout=60, headers={"Accept": "text/html"})
        listing.raise_for_status()
        links = Links()
        links.feed(listing.text)
        url = next((link for file, link in links.found.items() if is_archive(file, name, version)), None)
        if url is None:
            sys.exit(f"{name} {version} has no source archive in the package index: refresh the locks")
        digest = hashlib.sha256()
        with session.get(urljoin(page, url), timeout=300, stream=True) as response, target.open("wb") as archive:
            response.raise_for_status()
            for chunk in response.iter_content(1 << 20):
                digest.update(chunk)
                archive.write(chunk)
    if digest.hexdigest() not in accepted:
        sys.exit(f"{name} {version} has sha256 {digest.hexdigest()}, the lock says {' or '.join(accepted)}")


if __name__ == "__main__":
    fetch(sys.argv[1], sys.argv[2], sys.argv[3:-1], Path(sys.argv[-1]))
