"""What was said about people, and how it is undone."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from rga.gallery.web.pages.rendering import back_to, page
from rga.gallery.web.served import Serving

router = APIRouter()

SHOWN = 50


@router.get("/changes")
def show(request: Request, serving: Serving) -> HTMLResponse:
    """The latest changes."""
    return page(request, "changes", actions=serving.gallery.actions(SHOWN))


@router.post("/undo")
def undo(
    serving: Serving,
    action: Annotated[list[UUID], Form(max_length=200)],
    back: Annotated[str, Form(max_length=8000)] = "/changes",
) -> RedirectResponse:
    """Undoes actions, in the order in which they are named."""
    for each in action:
        serving.gallery.undo(each)
    return back_to(back, "undo")
