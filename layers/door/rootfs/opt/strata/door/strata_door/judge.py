"""Who may pass. No request is handed on that this module has not said yes to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .credentials import Credentials, digest
from .sessions import Sessions, set_cookie, split_cookies
from .tries import Tries, source_of
from .visit import Visit, is_foreign


class Answer(Enum):
    """What becomes of a request."""

    PASS = "pass"
    LOGIN = "login"
    FOREIGN = "foreign"
    REDIRECT = "redirect"
    BAD = "bad"


@dataclass(frozen=True)
class Verdict:
    """An answer with what belongs to it. `headers` are for the service behind the door, or for the client."""

    answer: Answer
    headers: dict[str, str] = field(default_factory=dict)
    # Where to go, or what is wrong.
    text: str = ""
    # Seconds until a password may be tried again.
    wait: float = 0.0
    # Whether something was offered, and was wrong.
    wrong: bool = False


@dataclass(frozen=True)
class Door:
    """What a verdict depends on beside the request."""

    credentials: Credentials
    cookie: str
    # External ports without a login.
    open_sites: frozenset[int] = frozenset()
    # `Authorization` for services that have a login of their own, by external port.
    own_logins: Mapping[int, str] = field(default_factory=dict)
    origins: frozenset[str] = frozenset()
    sessions: Sessions = field(default_factory=lambda: Sessions(b""))
    tries: Tries = field(default_factory=Tries)


@dataclass(frozen=True)
class Offer:
    """What a request brings. `others` is what of it is not for the door."""

    by: str | None
    cookies: str
    authorization: str
    wait: float = 0.0
    wrong: bool = False


def judge(visit: Visit, door: Door) -> Verdict:
    """The verdict about a request to a service."""
    if len(visit.headers.get("authorization", [])) > 1:
        return Verdict(Answer.BAD, text="There is more than one header `Authorization`.")
    if any(door.credentials.is_strong(digest(token)) for token in visit.offered_tokens):
        return take_token(visit, door)
    offer = read_offer(visit, door)
    if offer.by is None and visit.site not in door.open_sites:
        return Verdict(Answer.LOGIN, wait=offer.wait, wrong=offer.wrong or bool(visit.offered_tokens))
    # A bearer token is no browser's doing; a cookie and a password are sent along whoever asks.
    if offer.by != "bearer" and is_foreign(visit, door.origins):
        return Verdict(Answer.FOREIGN)
    # Where a port is open to everybody, a service's own login still stands.
    authorization = offer.authorization or (door.own_logins.get(visit.site, "") if offer.by else "")
    return Verdict(Answer.PASS, {"X-Strata-Cookie": offer.cookies, "X-Strata-Authorization": authorization})


def take_token(visit: Visit, door: Door) -> Verdict:
    """The right token in an address: it becomes a cookie, and the address is asked for again without it."""
    if visit.is_upgrade or visit.method not in ("GET", "HEAD"):
        return Verdict(Answer.BAD, text="A token does not belong into an address: send `Authorization: Bearer TOKEN`.")
    return enter(visit, door, visit.place)


def enter(visit: Visit, door: Door, place: str) -> Verdict:
    """Lets somebody in, with a cookie."""
    cookie = set_cookie(door.cookie, door.sessions.make(), visit.is_secure)
    return Verdict(Answer.REDIRECT, {"Set-Cookie": cookie}, place)


def read_offer(visit: Visit, door: Door) -> Offer:
    """By what somebody may pass, if by anything, and what is left for the service."""
    ours, cookies = split_cookies(visit.headers.get("cookie", []), door.cookie)
    authorization = visit.header("authorization")
    # A few are looked at: an honest browser has one, or an old one beside it.
    has_session = any(door.sessions.is_valid(value) for value in ours[:4])
    scheme, secret = read_authorization(authorization, door)
    if secret is None:
        return Offer("cookie" if has_session else None, cookies, authorization, wrong=bool(ours))
    # Whoever has a session may have other things to say in this header, to the service.
    right, wait = try_secret(secret, visit, door, counted=not has_session)
    if right:
        return Offer("cookie" if has_session else scheme, cookies, "")
    return Offer("cookie" if has_session else None, cookies, authorization, wait, wrong=True)


def read_authorization(header: str, door: Door) -> tuple[str, str | None]:
    """The scheme and the secret of a header, where it is one that the door knows."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return "bearer", rest.strip().encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return "", None
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", None
    # A wrong name makes a wrong password, so that it counts and takes as long.
    return "basic", password if colon and door.credentials.is_user(user) else f"{user}\0{password}"


def try_secret(secret: str, visit: Visit, door: Door, counted: bool = True) -> tuple[bool, float]:
    """Whether a secret opens, and if not, how long to wait until the next try."""
    offered, source = digest(secret), source_of(visit.client)
    if door.credentials.is_strong(offered):
        return True, 0.0
    wait = door.tries.wait(source)
    if not wait and door.credentials.is_weak(offered):
        door.tries.succeed(source)
        return True, 0.0
    if counted:
        door.tries.fail(source, offered)
    return False, wait
