"""A request that somebody makes to one of the image's services, as Caddy tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

SAFE = {"GET", "HEAD", "OPTIONS"}
# Caddy sets them anew in each request, whatever a client wrote there.
SITE, METHOD, URI, HOST = "x-strata-site", "x-strata-method", "x-strata-uri", "x-strata-host"
SCHEME, CLIENT, UPGRADE = "x-strata-scheme", "x-strata-client", "x-strata-upgrade"
OUTER_HOST, OUTER_SCHEME, PURPOSE = "x-strata-outer-host", "x-strata-outer-scheme", "x-strata-purpose"
TOKEN = "token"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Visit:
    """All values are what the client wrote, but `site`, `method`, `uri`, `host`, `scheme` and `client`."""

    site: int
    method: str
    uri: str
    host: str
    # What a proxy before the door says, if there is one.
    outer_host: str
    outer_scheme: str
    # http, https, or tunnel: Cloudflare's, which is TLS to the browser.
    scheme: str
    client: str
    is_upgrade: bool
    headers: dict[str, list[str]]

    @classmethod
    def read(cls, raw: Iterable[tuple[bytes, bytes]]) -> Visit:
        """From the headers of Caddy's question."""
        headers: dict[str, list[str]] = {}
        for name, value in raw:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

        def one(name: str) -> str:
            return headers.get(name, [""])[-1]

        return cls(
            site=int(one(SITE)),
            method=one(METHOD),
            uri=one(URI),
            host=one(HOST),
            outer_host=one(OUTER_HOST),
            outer_scheme=one(OUTER_SCHEME),
            scheme=one(SCHEME),
            client=one(CLIENT),
            is_upgrade=bool(one(UPGRADE)),
            headers=headers,
        )

    def header(self, name: str) -> str:
        """All values of one, as one."""
        return ",".join(self.headers.get(name, []))

    @property
    def is_secure(self) -> bool:
        """Whether the browser speaks TLS: with the door, or with a proxy before it. Who lies about it harms himself."""
        return self.scheme != "http" or self.outer_scheme.split(",")[0].strip() == "https"

    @property
    def is_navigation(self) -> bool:
        """Whether a person waits for a page."""
        if self.is_upgrade or self.method not in ("GET", "HEAD"):
            return False
        mode = self.header("sec-fetch-mode")
        return mode == "navigate" if mode else "text/html" in self.header("accept")

    @property
    def offered_tokens(self) -> list[str]:
        """The values of `?token=`."""
        _, _, query = self.uri.partition("?")
        pairs = [part.partition("=") for part in query.split("&")]
        return [unquote_plus(value) for name, _, value in pairs if unquote_plus(name) == TOKEN and value]

    @property
    def place(self) -> str:
        """Path and query without the token, as a place on this host: never one that a browser takes for another host."""
        path, _, query = self.uri.partition("?")
        kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != TOKEN]
        return local_place(path + (f"?{'&'.join(kept)}" if kept else ""))


def local_place(text: str) -> str:
    """`//elsewhere`, `/\\elsewhere` and `https://elsewhere` become places here."""
    if not text.startswith("/") or not text.isascii() or not text.isprintable():
        return "/"
    return "/" + text.lstrip("/\\")


def is_foreign(visit: Visit, allowed: frozenset[str] = frozenset()) -> bool:
    """
    Whether a page of somebody else made the browser ask. A browser says so itself (Sec-Fetch-Site), or which page it was
    (Origin); programs say neither. Other ports of the same host are foreign too: on a shared host they are other people's.
    """
    unsafe = visit.is_upgrade or visit.method not in SAFE
    origin = visit.header("origin")
    if origin and origin in allowed:
        return False
    site = visit.header("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none") and (unsafe or visit.header("sec-fetch-mode") != "navigate")
    return bool(origin) and not is_own(origin, visit)


def is_own(origin: str, visit: Visit) -> bool:
    """Whether a page's origin is the host that was asked: by its own name, or by that of a proxy before the door."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in DEFAULT_PORTS or not parts.netloc or parts.path:
        return False
    default = DEFAULT_PORTS[parts.scheme]
    asked = [visit.host, visit.outer_host]
    return parts.netloc.lower().removesuffix(default) in [host.lower().removesuffix(default) for host in asked if host]
