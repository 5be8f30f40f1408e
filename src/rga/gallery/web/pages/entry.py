"""The way in: the first page, and where a browser shows the token."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rga.gallery.web.guard.guard import LOGIN
from rga.gallery.web.guard.token import COOKIE, SECONDS, Token
from rga.gallery.web.pages.rendering import local, page

router = APIRouter()


@router.get("/")
def first() -> RedirectResponse:
    """Leads to the search."""
    return RedirectResponse("/search", 303)


@router.get(LOGIN)
def ask(request: Request, next: Annotated[str, Query(max_length=8000)] = "/search") -> HTMLResponse:  # noqa: A002
    """Asks for the token."""
    return page(request, "login", next=local(next), error="")


@router.post(LOGIN)
def enter(
    request: Request,
    token: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=8000)] = "/search",  # noqa: A002
) -> Response:
    """Gives the browser a cookie for the token."""
    expected: Token | None = request.app.state.token
    if expected is None:
        return RedirectResponse(local(next), 303)
    if not expected.is_right(token.strip()):
        return page(request, "login", 401, next=local(next), error="This is not the token of this server.")
    answer = RedirectResponse(local(next), 303)
    secure = request.headers.get("origin", "").startswith("https://")
    answer.set_cookie(COOKIE, expected.cookie(time.time()), max_age=SECONDS, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/logout")
def leave() -> RedirectResponse:
    """Takes the cookie away."""
    answer = RedirectResponse(LOGIN, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
