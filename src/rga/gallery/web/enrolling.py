"""Images that are sent become sightings: cut to their boxes, and told apart as enrolment from folders tells them apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from PIL import Image

from rga.errors import InputError
from rga.gallery.crop import Box, Crop
from rga.gallery.enrolment.images import content_of
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.writing import sighting_of
from rga.gallery.web.fields import read_box
from rga.gallery.web.served import Served
from rga.gallery.web.uploads import Received
from rga.gallery.web.views import EnrolledView


def cut_boxes(received: Sequence[Received], boxes: Sequence[str]) -> list[Received]:
    """Images cut to their boxes.

    Args:
        received: the images.
        boxes: ``left,top,width,height`` in each; empty for whole images.

    Raises:
        InputError: there is not one for each, or one lies outside of its image.
    """
    if not boxes:
        return list(received)
    if len(boxes) != len(received):
        raise InputError(f"{len(boxes)} boxes were sent for {len(received)} images: send one for each image, or none")
    return [cut(image, read_box(box))[0] for image, box in zip(received, boxes, strict=True)]


def cut(image: Received, box: Box) -> tuple[Received, Box]:
    """A part of an image, as if it had been sent, and where exactly it is.

    Args:
        image: of which.
        box: in its pixels; what lies outside of the image is left out.

    Raises:
        InputError: the box lies outside of the image.
    """
    height, width = image.pixels.shape[:2]
    left, top = max(0, round(box.left)), max(0, round(box.top))
    right, bottom = min(width, round(box.left + box.width)), min(height, round(box.top + box.height))
    if right - left < 2 or bottom - top < 2:
        raise InputError(f"the box holds nothing of {image.name}, which has {width}x{height} pixels: draw it around a person")
    part, inside = np.ascontiguousarray(image.pixels[top:bottom, left:right]), Box(left, top, right - left, bottom - top)
    stream = io.BytesIO()
    Image.fromarray(part).save(stream, "PNG", compress_level=1)
    return Received(image.name, stream.getvalue(), part, content_of(image.content, inside)), inside


def enrol(
    served: Served, images: Sequence[Received], boxes: Sequence[Box | None], camera: str, time: datetime | None, person: str
) -> EnrolledView:
    """Adds images to the gallery.

    Args:
        served: with the gallery.
        images: each of one person.
        boxes: where each was cut from.
        camera: that took them; empty if unknown.
        time: when; None if unknown.
        person: the name of who is on all of them; empty if unknown.
    """
    if not images:
        raise InputError("there is nothing to add: choose at least one image")
    crops = [
        Crop(image.pixels, image.content, image.name, camera=camera, time=time, person=person, box=box, recording=image.content)
        for image, box in zip(images, boxes, strict=True)
    ]
    result = served.gallery.add(crops)
    there = []
    for crop in crops:
        try:
            there.append(served.gallery.sighting(sighting_of(crop.content)).id)
        except GalleryError:  # it is kept out, and counted as such
            continue
    return EnrolledView(added=result.added, present=result.present, kept_out=result.kept_out, conflicts=result.conflicts, sightings=there)
