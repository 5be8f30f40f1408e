"""``/api/sightings``: images of people, added, shown and removed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from rga.errors import InputError
from rga.gallery.web.enrolling import cut, enrol
from rga.gallery.web.fields import BoxText, Identifier, OptionalTime, Text, read_box
from rga.gallery.web.served import Serving
from rga.gallery.web.uploads import receive
from rga.gallery.web.views import EnrolledView, ReceiptView, SightingView

router = APIRouter(prefix="/sightings")


@router.post("", status_code=201)
def add(
    serving: Serving,
    images: Annotated[list[UploadFile], File(description="Each of one person.")],
    box: Annotated[BoxText | None, Form(description="left,top,width,height of the person in an image that is sent alone.")] = None,
    person: Annotated[Text, Form(description="Name of who is on all of them; empty if unknown.")] = "",
    camera: Annotated[Text, Form(description="Empty if unknown.")] = "",
    time: Annotated[OptionalTime, Form(description="When they were taken.")] = None,
) -> EnrolledView:
    """Adds images. What is in the gallery already is not added again."""
    with serving.computing:
        received = receive(images, serving.limits, serving.limits.added_images)
        if box is not None:
            if len(received) != 1:
                raise InputError(f"a box is of the person in one image, and {len(received)} were sent: send each alone with its box")
            part, inside = cut(received[0], read_box(box))
            return enrol(serving, [part], [inside], camera, time, person)
        return enrol(serving, received, [None] * len(received), camera, time, person)


@router.get("/{sighting}")
def show(serving: Serving, sighting: Identifier) -> SightingView:
    """One sighting."""
    return SightingView.model_validate(serving.sighting(sighting))


@router.get("/{sighting}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def thumbnail(serving: Serving, sighting: Identifier) -> Response:
    """A small image of a sighting."""
    return Response(serving.thumbnail(sighting), media_type="image/jpeg")


@router.delete("/{sighting}")
def remove(
    serving: Serving,
    sighting: Identifier,
    keep_out: Annotated[bool, Query(description="Do not take the same image again.")] = True,
) -> ReceiptView:
    """Removes a sighting for good, and proves it."""
    found = serving.sighting(sighting)
    return ReceiptView.model_validate(serving.gallery.remove(sightings=[found.id], keep_out=keep_out, who=serving.who))
