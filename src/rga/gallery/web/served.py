"""What the routes of a server share: the gallery, its limits, and the images that are being searched with."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, Request

from rga.gallery.gallery import Gallery
from rga.gallery.results import Person, Sighting
from rga.gallery.store.errors import GalleryError
from rga.gallery.web.held import Held, HeldImage
from rga.gallery.web.limits import Limits
from rga.gallery.web.problems import NotThereError
from rga.gallery.web.uploads import Received, decode
from rga.gallery.web.why import Explainer


@dataclass
class Served:
    """A gallery that is served.

    Attributes:
        gallery: which.
        limits: of requests.
        guarded: whether clients know a token.
        held: images that were searched with.
        computing: is held by who decodes or embeds.
        explainer: of its results.
        streams: the streams of events that are open.
    """

    gallery: Gallery
    limits: Limits
    guarded: bool = False
    held: Held = field(init=False)
    computing: threading.BoundedSemaphore = field(init=False)
    explainer: Explainer = field(init=False)
    streams: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.held = Held(self.limits.held_bytes, self.limits.held_seconds, time.monotonic)
        self.explainer = Explainer(self.gallery)
        self.computing = threading.BoundedSemaphore(self.limits.computing)

    @property
    def who(self) -> str:
        """Who searches and removes, for the audit log."""
        return "web, with the token" if self.guarded else "web"

    def received(self, image: HeldImage) -> Received:
        """An image that was searched with, as it was sent."""
        return Received(image.title, image.contents, decode(image.contents, image.title, self.limits), image.content)

    def person(self, person: UUID) -> Person:
        """A person that a path names.

        Raises:
            NotThereError: the person is not there.
        """
        try:
            return self.gallery.person(person)
        except GalleryError as error:
            raise NotThereError(str(error)) from error

    def sighting(self, sighting: UUID) -> Sighting:
        """A sighting that a path names.

        Raises:
            NotThereError: it is not there.
        """
        try:
            return self.gallery.sighting(sighting)
        except GalleryError as error:
            raise NotThereError(str(error)) from error

    def thumbnail(self, sighting: UUID) -> bytes:
        """The thumbnail of a sighting that a path names.

        Raises:
            NotThereError: there is none.
        """
        try:
            return self.gallery.thumbnail(sighting)
        except GalleryError as error:
            raise NotThereError(str(error)) from error


async def served_by(request: Request) -> Served:
    """What the server of a request serves."""
    found: Served = request.app.state.served
    return found


Serving: TypeAlias = Annotated[Served, Depends(served_by)]
