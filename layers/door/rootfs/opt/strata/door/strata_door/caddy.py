"""Caddy's configuration: made from what the door knows, and from nothing that a client sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .applications import Application
from .pages import LONGEST_FORM, OWN

Json = dict[str, Any]
PLAIN, TLS, TUNNEL = "http", "https", "tunnel"
# Headers by which some services believe who somebody is, or where he comes from: nobody sets them here but Caddy.
FORGED = [
    *("X-Strata-*", "Forwarded", "X-Real-Ip", "True-Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Proxy"),
    *("X-Original-*", "X-Rewrite-Url", "X-Http-Method*", "X-Method-Override", "Remote-*", "X-Remote-*"),
    *("X-Auth-*", "X-Authenticated-*", "X-Webauth-*", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups"),
    *("X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Prefix", "X-Forwarded-Port"),
    *("X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Ssl", "X-Scheme"),
]
OF_CLOUDFLARE = ["Cf-Connecting-*", "Cf-Visitor", "Cf-Access-*"]
# Of the body that is not sent along, and of the connection.
NOT_FOR_THE_LOGIN = ["Upgrade", "Connection", "Expect", "Content-*", "Trailer", "Sec-Websocket-*", "Accept-Encoding"]
# More than this in headers no browser sends; the login service takes twice as much.
MOST_HEADER_BYTES = 32 * 1024


@dataclass(frozen=True)
class Wishes:
    """What Caddy is to do beside the applications."""

    # The login service's socket, and the folder of those for tunnels.
    socket: str
    tunnels: str
    # External ports that the world may reach.
    listening: frozenset[int]
    tls: bool = False
    # The files of the pair; None has Caddy make one of its own.
    pair: tuple[str, str] | None = None
    names: tuple[str, ...] = ("localhost",)
    origins: tuple[str, ...] = ()
    storage: str = "/tmp/caddy"


def caddy_configuration(applications: Iterable[Application], wishes: Wishes) -> Json:
    """The whole of it."""
    servers: Json = {}
    for application in applications:
        port = application.external
        if port in wishes.listening:
            servers[f"port-{port}"] = public_server(application, wishes)
        servers[f"tunnel-{port}"] = {
            **server([f"unix/{tunnel_socket(wishes, port)}|0600"], application, wishes, TUNNEL),
            "protocols": ["h1"],
        }
    apps: Json = {"http": {"servers": servers, "grace_period": "3s"}}
    if wishes.tls:
        apps |= certificates(wishes)
    return {
        # Nobody changes it while it runs, and it is not written anywhere.
        "admin": {"disabled": True, "config": {"persist": False}},
        "storage": {"module": "file_system", "root": wishes.storage},
        "logging": {"logs": {"default": quiet_log()}},
        "apps": apps,
    }


def tunnel_socket(wishes: Wishes, port: int) -> str:
    """Where cloudflared reaches an application's door."""
    return f"{wishes.tunnels}/{port}.sock"


def quiet_log() -> Json:
    """Errors, without what of a request could be a secret."""
    hidden = {f"request>{name}": {"filter": "delete"} for name in ("uri", "headers", "tls")}
    return {"level": "ERROR", "encoder": {"format": "filter", "wrap": {"format": "console"}, "fields": hidden}}


def certificates(wishes: Wishes) -> Json:
    """The pair of files, or certificates of an authority of Caddy's own."""
    if wishes.pair:
        certificate, key = wishes.pair
        return {"tls": {"certificates": {"load_files": [{"certificate": certificate, "key": key, "tags": ["door"]}]}}}
    return {
        "tls": {
            "certificates": {"automate": list(wishes.names)},
            "automation": {"policies": [{"issuers": [{"module": "internal"}]}]},
        },
        "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
    }


def public_server(application: Application, wishes: Wishes) -> Json:
    """On the port that the world knows."""
    listen = [f":{application.external}"]
    if not wishes.tls:
        return {**server(listen, application, wishes, PLAIN), "protocols": ["h1"]}
    chosen: Json = {"default_sni": wishes.names[0], "fallback_sni": wishes.names[0]}
    return {
        **server(listen, application, wishes, TLS),
        "protocols": ["h1", "h2"],
        # Who asks without TLS is told where to ask.
        "listener_wrappers": [{"wrapper": "http_redirect"}, {"wrapper": "tls"}],
        # One pair for whatever name or address somebody came by.
        "tls_connection_policies": [{"certificate_selection": {"any_tag": ["door"]}} if wishes.pair else chosen],
    }


def server(listen: list[str], application: Application, wishes: Wishes, scheme: str) -> Json:
    """One listener with all that is before the application. There are no timeouts for what is open and silent."""
    ask = {"port": application.external, "scheme": scheme, "socket": wishes.socket}
    starting = question("starting", **ask)
    failed = {"vars": {"{http.error.status_code}": ["502", "503", "504"]}}
    return {
        "listen": listen,
        "max_header_bytes": MOST_HEADER_BYTES,
        "automatic_https": {"disable": True},
        "errors": {"routes": [{"match": [failed], "handle": [starting]}]},
        "routes": [
            {"handle": [without_headers(FORGED + ([] if scheme == TUNNEL else OF_CLOUDFLARE))]},
            *([from_somewhere()] if scheme == TUNNEL else []),
            {
                "match": [{"method": ["CONNECT", "TRACE"]}],
                "handle": [{"handler": "static_response", "status_code": 405}],
                "terminal": True,
            },
            {
                "match": [{"path": [f"{OWN}/*"]}],
                "handle": [
                    {"handler": "request_body", "max_size": LONGEST_FORM},
                    question("own", **ask),
                ],
                "terminal": True,
            },
            *cors_routes(wishes.origins),
            {"handle": [question("verify", **ask)]},
            {"handle": [to_application(application, scheme, starting)], "terminal": True},
        ],
    }


def without_headers(names: list[str]) -> Json:
    """Takes headers of the client's away."""
    return {"handler": "headers", "request": {"delete": names}}


def from_somewhere() -> Json:
    """What comes through a tunnel comes from outside, also where nobody says from where."""
    return {
        "match": [{"not": [{"header": {"Cf-Connecting-Ip": ["*"]}}]}],
        "handle": [{"handler": "headers", "request": {"set": {"Cf-Connecting-Ip": ["0.0.0.0"]}}}],
    }


def question(purpose: str, port: int, scheme: str, socket: str) -> Json:
    """Asks the login service. For a question about another request (`verify`) its answer 200 lets that go on."""
    client = "{http.request.header.Cf-Connecting-Ip}" if scheme == TUNNEL else "{http.request.remote.host}"
    told = {
        "X-Strata-Purpose": purpose,
        "X-Strata-Site": str(port),
        "X-Strata-Scheme": scheme,
        "X-Strata-Client": client,
        "X-Strata-Method": "{http.request.method}",
        "X-Strata-Uri": "{http.request.uri}",
        "X-Strata-Host": "{http.request.hostport}",
        "X-Strata-Upgrade": "{http.request.header.Upgrade}",
        "X-Strata-Outer-Host": "{http.request.header.X-Forwarded-Host}",
        "X-Strata-Outer-Scheme": "{http.request.header.X-Forwarded-Proto}",
    }
    is_own = purpose == "own"
    asked: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"unix/{socket}"}],
        "transport": {"protocol": "http", "dial_timeout": "3s", "response_header_timeout": "10s"},
        "headers": {
            "request": {
                "set": {name: [value] for name, value in told.items()},
                "delete": ["Upgrade", "Connection", "Expect"] if is_own else NOT_FOR_THE_LOGIN,
            }
        },
    }
    if not is_own:
        # Another method or address means that no body is sent along: that one is the service's.
        asked["rewrite"] = {"method": "GET", "uri": f"/{purpose}"}
    if purpose == "verify":
        asked["handle_response"] = [{"match": {"status_code": [2]}, "routes": what_passes()}]
    return asked


def what_passes() -> list[Json]:
    """The service gets of these two headers what the login service says, and nothing where that says nothing."""
    routes: list[Json] = [{"handle": [without_headers(["Cookie", "Authorization"])]}]
    for name in ("Cookie", "Authorization"):
        said = f"{{http.reverse_proxy.header.X-Strata-{name}}}"
        routes.append(
            {
                "match": [{"not": [{"vars": {said: [""]}}]}],
                "handle": [{"handler": "headers", "request": {"set": {name: [said]}}}],
            }
        )
    return routes


def to_application(application: Application, scheme: str, starting: Json) -> Json:
    """The service itself. A person who waits for a page gets one that waits for the service."""
    proxied: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": application.upstream}],
        "transport": {"protocol": "http", "dial_timeout": "3s", "versions": ["1.1"], "compression": False},
        "handle_response": [
            {
                "match": {"status_code": [502, 503, 504]},
                "routes": [
                    {
                        "match": [{"method": ["GET"], "header": {"Accept": ["*text/html*"]}}],
                        "handle": [starting],
                        "terminal": True,
                    },
                    {"handle": [{"handler": "copy_response"}]},
                ],
            }
        ],
    }
    if scheme == TUNNEL:
        told = {"X-Forwarded-For": ["{http.request.header.Cf-Connecting-Ip}"], "X-Forwarded-Proto": ["https"]}
        proxied["headers"] = {"request": {"set": told}}
    return proxied


def cors_routes(origins: tuple[str, ...]) -> list[Json]:
    """For pages of other origins that the owner has named, if any; browsers keep all others out."""
    if not origins:
        return []
    named = {"header": {"Origin": list(origins)}}
    answer = {
        "Access-Control-Allow-Origin": ["{http.request.header.Origin}"],
        "Access-Control-Allow-Credentials": ["true"],
        "Vary": ["Origin"],
    }
    preflight = {
        **answer,
        "Access-Control-Allow-Methods": ["GET, HEAD, POST, PUT, PATCH, DELETE"],
        "Access-Control-Allow-Headers": ["{http.request.header.Access-Control-Request-Headers}"],
    }
    asks = {"method": ["OPTIONS"], "header": {"Origin": list(origins), "Access-Control-Request-Method": ["*"]}}
    return [
        {
            "match": [asks],
            "handle": [{"handler": "static_response", "status_code": 204, "headers": preflight}],
            "terminal": True,
        },
        {"match": [named], "handle": [{"handler": "headers", "response": {"deferred": True, "set": answer}}]},
    ]
