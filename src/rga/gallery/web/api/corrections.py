"""``/api/judgements`` and ``/api/actions``: who is the same and who is not, and how what was said is undone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from rga.gallery.web.fields import Identifier
from rga.gallery.web.served import Serving
from rga.gallery.web.views import ActionView, Judgement

router = APIRouter()


@router.post("/judgements", status_code=201)
def judge(serving: Serving, judgement: Judgement) -> ActionView:
    """Says whether two images show the same person. What is not is never suggested again."""
    say = serving.gallery.same if judgement.same else serving.gallery.not_same
    return ActionView.model_validate(say(judgement.one, judgement.other))


@router.get("/actions")
def actions(serving: Serving, limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[ActionView]:
    """The latest actions that can be undone, the last one first."""
    return [ActionView.model_validate(each) for each in serving.gallery.actions(limit)]


@router.post("/actions/{action}/undo")
def undo(serving: Serving, action: Identifier) -> ActionView:
    """Undoes an action."""
    return ActionView.model_validate(serving.gallery.undo(action))
