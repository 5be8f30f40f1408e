"""The guard: every request passes it first, whatever it asks for, and every answer leaves through it.

It checks, in this order: the host that was asked for, how often the client asks, the token, where a change was asked from, and the size.
It answers errors that nobody else did, and adds the headers that tell a browser what the page may do.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rga.gallery.web.guard.hosts import Hosts
from rga.gallery.web.guard.rate import Rate
from rga.gallery.web.guard.token import COOKIE, Token
from rga.gallery.web.limits import Limits
from rga.gallery.web.problems import RefusedError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN = "/login"
OPEN = ("/static/", LOGIN)
"""Where a token is not needed: the login itself, and what its page consists of."""
COSTLY = ("/search", "/api/search")
COST = 10
"""For so many requests counts one that changes or searches."""
WRONG = 50
"""And one that shows a token, or a wrong one, so that guessing is slow."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without a referrer, forms would send no origin either
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
NOT_KEPT = "no-store, private"
"""What shows people is kept in no cache: not in shared ones, and in the browser's own not beyond a removal."""

Tell: TypeAlias = Callable[[str, int, str, dict[str, str]], Response]

log = logging.getLogger(__name__)


@dataclass
class Guard:
    """Middleware that guards a server.

    Attributes:
        app: what is guarded.
        hosts: under which it may be asked.
        token: that clients must know; None where everybody on this machine may come in.
        limits: see ``Limits``.
        tell: makes the answer that tells of an error, from the path, the status, a sentence and headers.
        clock: seconds of the time of day.
        rate: of requests.
    """

    app: ASGIApp
    hosts: Hosts
    token: Token | None
    limits: Limits
    tell: Tell
    clock: Callable[[], float] = time.time
    rate: Rate = field(init=False)

    def __post_init__(self) -> None:
        self.rate = Rate(self.limits.requests, self.limits.burst, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                add_headers(scope["path"], MutableHeaders(scope=message))
            await send(message)

        try:
            answer = self.refusal(scope)
        except RefusedError as error:
            answer = self.tell(scope["path"], error.status, str(error), error.headers)
        if answer is not None:
            await answer(scope, receive, sending)
            return
        try:
            await self.app(scope, Measured(receive, self.most_bytes(scope)), sending)
        except Exception:
            log.exception("a request failed: %s %s", scope["method"], scope["path"])
            if started:
                raise  # the connection is closed, so that nobody takes the answer for whole
            answer = self.tell(scope["path"], 500, "this is a fault of the server, which noted it in its log", {})
            await answer(scope, receive, sending)

    def refusal(self, scope: Scope) -> Response | None:
        """An answer instead of the one that was asked for; None for a request that may pass.

        Raises:
            RefusedError: the request may not pass.
        """
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        client = scope["client"][0] if scope.get("client") else ""
        if len(headers.getlist("host")) != 1 or not self.hosts.allows(headers["host"]):
            raise RefusedError(421, "this server is not reached under that name: use its address, or start it with --name NAME")
        changes = method not in SAFE
        self.count(client, WRONG if changes and path == LOGIN else COST if changes or path in COSTLY else 1)
        if int_of(headers.get("content-length")) > self.most_bytes(scope):
            raise RefusedError(413, f"a request like this has at most {self.most_bytes(scope):,} bytes: send less at a time")
        if self.token is not None and path not in OPEN and not path.startswith(OPEN[0]):
            kind, _, offered = headers.get("authorization", "").partition(" ")
            if kind.lower() == "bearer":
                if self.token.is_right(offered.strip()):
                    return None  # no page of somebody else can send it
                self.count(client, WRONG)
                raise RefusedError(401, "the token is wrong", {"WWW-Authenticate": "Bearer"})
            if not self.token.signed(cookie_of(headers), self.clock()):
                if path.startswith("/api/") or changes:
                    raise RefusedError(401, "a token is needed: send Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
                query = scope["query_string"].decode("ascii", "replace")
                return RedirectResponse(f"{LOGIN}?next={quote(path + ('?' + query if query else ''), safe='')}", 303)
        if changes:
            program = path.startswith("/api/") and self.token is None
            if not is_from_here(headers, program=program):
                raise RefusedError(403, "this was not asked from a page of this server: open the page, and try again there")
        return None

    def count(self, client: str, cost: float) -> None:
        """Counts a request.

        Raises:
            RefusedError: there were too many.
        """
        wait = self.rate.take(client, cost)
        if wait:
            raise RefusedError(429, "too many requests: wait a moment", {"Retry-After": str(math.ceil(wait))})

    def most_bytes(self, scope: Scope) -> int:
        """How large a request may be."""
        files = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/form-data")
        return self.limits.request_bytes if files else self.limits.text_bytes


@dataclass
class Measured:
    """The body of a request, which is counted while it is read: it need not be as long as it says.

    Attributes:
        receive: the body.
        left: bytes that it may still have.
    """

    receive: Receive
    left: int

    async def __call__(self) -> Message:
        """The next part.

        Raises:
            HTTPException: the body is too long.
        """
        message = await self.receive()
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise HTTPException(413, "the request is larger than it may be: send less at a time")
        return message


def add_headers(path: str, headers: MutableHeaders) -> None:
    """Adds what a browser must know about an answer."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else NOT_KEPT


def is_from_here(headers: Headers, *, program: bool) -> bool:
    """Whether a page of this server asks for a change; browsers say which page it is.

    Args:
        headers: of the request.
        program: whether what is no browser, and says nothing, may ask, too.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is not None:
        return origin != "null" and urlsplit(origin).netloc.lower() == headers["host"].lower()
    return site is not None or program


def cookie_of(headers: Headers) -> str:
    """The value of the session's cookie; empty if there is none."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def int_of(text: str | None) -> int:
    """A length in a header; 0 where it says none."""
    return int(text[:20]) if text is not None and text.isascii() and text.isdigit() else 0
