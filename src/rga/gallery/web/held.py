"""Images that were searched with, kept in memory for a while so that a search can be refined; never on a disk."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.gallery.crop import Box
from rga.gallery.query import name_of
from rga.gallery.web.problems import NotThereError
from rga.gallery.web.uploads import Received

PREVIEW = (1600, 1600)
"""Width and height of what is shown of an image, at most."""


@dataclass(frozen=True)
class HeldImage:
    """An image that was searched with.

    Attributes:
        name: the gallery's for the same pixels, see ``SearchResult.query``.
        title: the name of its file.
        contents: of its file, from which the pixels are decoded again.
        preview: JPEG, made from the pixels; what was sent is never sent back.
        width: in pixels.
        height: in pixels.
        content: what tells it from all others when it is enrolled.
        box: the part of the image that was sent; None for all of it.
        until: when it is forgotten.
    """

    name: UUID
    title: str
    contents: bytes
    preview: bytes
    width: int
    height: int
    content: str
    box: Box | None
    until: float

    @property
    def is_frame(self) -> bool:
        """Whether it shows more than one person, to judge by its shape: people are taller than wide."""
        return self.width * 4 > self.height * 3


def after(seconds: float, work: Callable[[], None]) -> None:
    """Does something later, in a thread that keeps no process alive."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


class Held:
    """The images that are kept. They are forgotten when their time is over, whether or not anybody asks for one then.

    Args:
        most_bytes: of all.
        seconds: for which one is kept after it was used last.
        clock: gives seconds, and never goes back.
        later: does something after some seconds.
    """

    def __init__(
        self,
        most_bytes: int,
        seconds: float,
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None] = after,
    ) -> None:
        self.most_bytes = most_bytes
        self.seconds = seconds
        self.clock = clock
        self.later = later
        self.waiting = False
        self.images: OrderedDict[UUID, HeldImage] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, received: Received, box: Box | None = None) -> HeldImage:
        """Keeps an image; those that were not used for the longest leave where it needs room."""
        height, width = received.pixels.shape[:2]
        image = HeldImage(
            name=name_of(received.pixels),
            title=received.name,
            contents=received.contents,
            preview=preview_of(received.pixels),
            width=width,
            height=height,
            content=received.content,
            box=box,
            until=self.clock() + self.seconds,
        )
        with self.lock:
            self.forget_old()
            self.images.pop(image.name, None)
            self.images[image.name] = image
            while len(self.images) > 1 and sum(map(size_of, self.images.values())) > self.most_bytes:
                self.images.popitem(last=False)
            self.wait()
        return image

    def get(self, name: UUID) -> HeldImage:
        """An image that is kept, and from now on for its whole time again.

        Raises:
            NotThereError: it is not, or no longer.
        """
        with self.lock:
            self.forget_old()
            image = self.images.get(name)
            if image is None:
                raise NotThereError("the image of this search is no longer kept: search with it again")
            self.images[name] = image = replace(image, until=self.clock() + self.seconds)
            self.images.move_to_end(name)
            return image

    def wait(self) -> None:
        """Sees to it that the image whose time is over first is forgotten then; the lock is held."""
        if self.images and not self.waiting:
            self.waiting = True
            self.later(max(0.0, next(iter(self.images.values())).until - self.clock()), self.wake)

    def wake(self) -> None:
        """Forgets what was kept long enough, and waits for the others."""
        with self.lock:
            self.waiting = False
            self.forget_old()
            self.wait()

    def forget_old(self) -> None:
        """Forgets what was kept long enough; the lock is held."""
        now = self.clock()
        for name in [name for name, image in self.images.items() if image.until <= now]:
            del self.images[name]


def size_of(image: HeldImage) -> int:
    """The bytes that an image takes."""
    return len(image.contents) + len(image.preview)


def preview_of(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG to show."""
    image = Image.fromarray(pixels)
    image.thumbnail(PREVIEW)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return stream.getvalue()
