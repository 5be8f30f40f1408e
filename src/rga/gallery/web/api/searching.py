"""``POST /api/search``: who is on some images."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, UploadFile

from rga.gallery.web.enrolling import cut_boxes
from rga.gallery.web.fields import BoxText, OptionalTime, Text
from rga.gallery.web.served import Serving
from rga.gallery.web.uploads import receive
from rga.gallery.web.views import SearchView

router = APIRouter()


@router.post("/search")
def search(
    serving: Serving,
    *,
    images: Annotated[list[UploadFile] | None, File(description="Of the person; several are fused.")] = None,
    box: Annotated[list[BoxText], Form(description="left,top,width,height of the person in each image, in pixels.", max_length=16)] = [],  # noqa: B006
    like: Annotated[list[UUID], Form(description="Sightings of the person.", max_length=100)] = [],  # noqa: B006
    unlike: Annotated[list[UUID], Form(description="Sightings of others, which are not found.", max_length=100)] = [],  # noqa: B006
    camera: Annotated[list[Text], Form(description="Search these alone.", max_length=100)] = [],  # noqa: B006
    since: Annotated[OptionalTime, Form(description="Taken then or later.")] = None,
    until: Annotated[OptionalTime, Form(description="Taken before.")] = None,
    top: Annotated[int, Form(ge=1, le=100, description="Groups at most.")] = 20,
) -> SearchView:
    """Looks for a person by images, by sightings, or by both."""
    with serving.computing:
        received = receive(images or [], serving.limits, serving.limits.query_images)
        pixels = [each.pixels for each in cut_boxes(received, box)]
        found = serving.gallery.search(pixels, top=top, cameras=camera, since=since, until=until, like=like, unlike=unlike, who=serving.who)
    return SearchView.model_validate(found)
