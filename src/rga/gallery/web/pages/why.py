"""The page that shows why two images are taken for the same person."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from rga.gallery.web.fields import Identifier
from rga.gallery.web.pages.rendering import page
from rga.gallery.web.problems import RefusedError
from rga.gallery.web.served import Serving
from rga.images.images import decode

router = APIRouter(prefix="/why")


@router.get("/{name}/{sighting}")
def show(request: Request, serving: Serving, name: Identifier, sighting: Identifier) -> HTMLResponse:
    """Both images, and where each speaks for being like the other."""
    if complaint := serving.explainer.complaint():
        raise RefusedError(409, complaint)
    return page(request, "why", image=serving.held.get(name), sighting=serving.sighting(sighting))


@router.get("/{name}/{sighting}/{which}", response_class=Response)
def draw(serving: Serving, name: Identifier, sighting: Identifier, which: Literal["searched", "found"]) -> Response:
    """One of the two maps, over its image."""
    held = serving.held.get(name)
    found = np.asarray(decode(io.BytesIO(serving.thumbnail(sighting)), "the thumbnail"))
    with serving.computing:
        searched = serving.received(held).pixels
        pair = (searched, found) if which == "searched" else (found, searched)
        return Response(serving.explainer.draw(*pair), media_type="image/jpeg")
