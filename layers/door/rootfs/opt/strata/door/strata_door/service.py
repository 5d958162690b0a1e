"""The login service: Caddy asks it about every request, over a unix socket that only this user can open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import pages
from .judge import Answer, Door, Verdict, enter, judge, try_secret
from .pages import LOGIN, LOGOUT, LONGEST_FORM
from .sessions import set_cookie, split_cookies
from .visit import PURPOSE, Visit, is_foreign, local_place

NO_STORE = {"Cache-Control": "no-store"}
Handler = Callable[[Request, Visit], Awaitable[Response]]


class LoginService:
    """Answers by what Caddy asks for, which a client cannot choose: the header is Caddy's."""

    def __init__(self, door: Door, labels: Mapping[int, str]) -> None:
        self._door = door
        self._labels = labels
        self._purposes: dict[str, Handler] = {"verify": self.verify, "own": self.own, "starting": self.starting}
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=methods)])

    async def answer(self, request: Request) -> Response:
        """To any question."""
        try:
            visit = Visit.read(request.headers.raw)
            handler = self._purposes[request.headers.get(PURPOSE, "")]
        except (KeyError, ValueError):
            return JSONResponse({"detail": "Only Caddy asks here."}, 400, NO_STORE)
        # Without TLS a password would go through the net as it is: Cloudflare knows the way that has it.
        if visit.scheme == "tunnel" and visit.outer_scheme == "http":
            return redirect(f"https://{visit.host}{local_place(visit.uri)}", {}, 308)
        response = await handler(request, visit)
        response.headers.update({name: value for name, value in NO_STORE.items() if name not in response.headers})
        return response

    async def verify(self, _: Request, visit: Visit) -> Response:
        """May this request pass? 200 says yes, and Caddy gives any other answer to the client."""
        verdict = judge(visit, self._door)
        if verdict.answer is Answer.PASS:
            return Response(headers={name: value for name, value in verdict.headers.items() if value})
        if verdict.answer is Answer.REDIRECT:
            return redirect(verdict.text, verdict.headers, 302)
        if verdict.answer is Answer.BAD:
            return JSONResponse({"detail": verdict.text}, 400)
        if verdict.answer is Answer.FOREIGN:
            return refuse_foreign(visit)
        return ask_for_login(visit, verdict)

    async def own(self, request: Request, visit: Visit) -> Response:
        """The door's own places: log in and out."""
        path = visit.uri.partition("?")[0]
        if path not in (LOGIN, LOGOUT):
            return JSONResponse({"detail": "There is nothing here."}, 404)
        if visit.is_upgrade or visit.method not in ("GET", "HEAD", "POST"):
            return JSONResponse({"detail": "GET or POST."}, 405, {"Allow": "GET, HEAD, POST"})
        if visit.method != "POST":
            return html(pages.login_page("/", False, 0) if path == LOGIN else pages.logout_page(), 200)
        if is_foreign(visit, self._door.origins):
            return refuse_foreign(visit)
        return await self.log_in(request, visit) if path == LOGIN else self.log_out(visit)

    async def log_in(self, request: Request, visit: Visit) -> Response:
        """Takes the form."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return JSONResponse({"detail": "The form is too long."}, 413)
        try:
            form = parse_qs(body.decode("ascii"), max_num_fields=10)
        except ValueError:
            return JSONResponse({"detail": "This is no form."}, 400)
        place = local_place(form.get("next", ["/"])[0])
        secret = form.get("password", [""])[0]
        right, wait = try_secret(secret, visit, self._door) if secret else (False, 0.0)
        if right:
            verdict = enter(visit, self._door, place)
            return redirect(verdict.text, verdict.headers, 303)
        headers = {"Retry-After": str(int(wait) + 1)} if wait else {}
        return html(pages.login_page(place, True, wait), 429 if wait else 401, headers)

    def log_out(self, visit: Visit) -> Response:
        """Ends the session on all services."""
        ours, _ = split_cookies(visit.headers.get("cookie", []), self._door.cookie)
        for value in ours:
            self._door.sessions.end(value)
        return redirect("/", {"Set-Cookie": set_cookie(self._door.cookie, "", visit.is_secure)}, 303)

    async def starting(self, _: Request, visit: Visit) -> Response:
        """The service behind the door does not answer. Asked for requests alone that have passed."""
        label = self._labels.get(visit.site, "The service")
        headers = {"X-Portal-Placeholder": "starting", "Retry-After": "3"}
        if not visit.is_navigation:
            return JSONResponse({"detail": f"{label} does not answer yet."}, 503, headers)
        # Cloudflare shows a page of its own in place of any answer from 500 on.
        return html(pages.starting_page(label), 200 if "cf-ray" in visit.headers else 503, headers)


def ask_for_login(visit: Visit, verdict: Verdict) -> Response:
    """The login's page for people, 401 for programs."""
    headers = {"Retry-After": str(int(verdict.wait) + 1)} if verdict.wait else {}
    status = 429 if verdict.wait else 401
    if visit.is_navigation:
        page = pages.login_page(visit.place, verdict.wrong and visit.header("authorization") != "", verdict.wait)
        return html(page, status, headers)
    # A browser that is asked for a password by this header shows a window of its own.
    is_browser = visit.header("user-agent").startswith("Mozilla/")
    challenge = (
        'Bearer realm="strata"' if is_browser else 'Basic realm="strata", charset="UTF-8", Bearer realm="strata"'
    )
    detail = "Log in, or send `Authorization: Bearer TOKEN`."
    if verdict.wait:
        detail = "Too many wrong passwords."
    return JSONResponse({"detail": detail}, status, headers | {"WWW-Authenticate": challenge})


def refuse_foreign(visit: Visit) -> Response:
    """403."""
    if visit.is_navigation:
        return html(pages.foreign_page(), 403)
    return JSONResponse({"detail": "Another site's page asked for this."}, 403)


def html(page: tuple[str, dict[str, str]], status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A page of pages.py."""
    text, own = page
    return Response(text, status, own | dict(headers or {}))


def redirect(place: str, headers: Mapping[str, str], status: int) -> Response:
    """Where the address that is left may hold a token: no page after it gets to know it."""
    return Response(status_code=status, headers={"Location": place, "Referrer-Policy": "no-referrer", **headers})
