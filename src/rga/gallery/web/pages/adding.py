"""The page to add images of people to the gallery."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from rga.errors import RgaError
from rga.gallery.web.enrolling import enrol
from rga.gallery.web.fields import OptionalTime, Text
from rga.gallery.web.pages.rendering import page
from rga.gallery.web.problems import status_of
from rga.gallery.web.served import Served, Serving
from rga.gallery.web.uploads import receive
from rga.gallery.web.views import EnrolledView

router = APIRouter()


class AddForm(BaseModel):
    """Images, and what is known about all of them."""

    images: list[UploadFile] = Field([], max_length=1000)
    q: list[UUID] = Field([], max_length=16)
    person: Text = ""
    camera: Text = ""
    time: OptionalTime = None


@router.get("/add")
def show(request: Request, serving: Serving) -> HTMLResponse:
    """The form."""
    return form(request, serving)


@router.post("/add")
def add(request: Request, serving: Serving, sent: Annotated[AddForm, Form()]) -> HTMLResponse:
    """Adds images that were sent, or that were searched with."""
    try:
        with serving.computing:
            held = [serving.held.get(name) for name in sent.q]
            received = receive(sent.images, serving.limits, serving.limits.added_images)
            images = [*(serving.received(image) for image in held), *received]
            boxes = [*(image.box for image in held), *(None for _ in received)]
            done = enrol(serving, images, boxes, sent.camera, sent.time, sent.person)
    except RgaError as error:
        return form(request, serving, error)
    return form(request, serving, done=done)


def form(request: Request, served: Served, error: RgaError | None = None, done: EnrolledView | None = None) -> HTMLResponse:
    """The form, with what became of the last one."""
    status = 200 if error is None else status_of(error)
    cameras = sorted(served.gallery.stats().cameras)
    return page(request, "add", status, error=str(error or ""), done=done, cameras=cameras, limits=served.limits)
