"""``/api/statistics`` and ``/api/audit``: what the gallery holds, and who searched in it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from rga.gallery.web.served import Serving
from rga.gallery.web.views import AuditView, StatisticsView

router = APIRouter()


@router.get("/statistics")
def statistics(serving: Serving) -> StatisticsView:
    """What the gallery holds, and which distances it decides by."""
    return StatisticsView.model_validate(serving.gallery.stats())


@router.get("/audit")
def audit(serving: Serving, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[AuditView]:
    """The latest searches, exports and removals."""
    return [AuditView(time=time, who=who, what=what, details=details) for time, who, what, details in serving.gallery.audit(limit)]
