"""The pages about the whole gallery: statistics, calibration, and new matches as they come."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from rga.gallery.web.pages.rendering import back_to, page
from rga.gallery.web.served import Serving

router = APIRouter()

ENTRIES = 30
"""Of the audit log."""


@router.get("/statistics")
def show(request: Request, serving: Serving) -> HTMLResponse:
    """What the gallery holds, what decides, and who searched."""
    return page(request, "statistics", stats=serving.gallery.stats(), entries=serving.gallery.audit(ENTRIES))


@router.post("/statistics/calibrate")
def calibrate(serving: Serving) -> RedirectResponse:
    """Chooses the thresholds on the people of the gallery."""
    with serving.computing:
        serving.gallery.calibrate()
    return back_to("/statistics", "calibrate")


@router.get("/live")
def live(request: Request) -> HTMLResponse:
    """New matches, as they are added."""
    return page(request, "live")
