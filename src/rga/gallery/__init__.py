"""Galleries: sightings of people in a database, enrolled from images and video, and searched by image.

A gallery answers "have we seen this person, where and when?", and says "unknown" where it cannot tell.
"""

from typing import TYPE_CHECKING

from rga.extras import require
from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.gallery.crop import Box, Crop, Unreadable
    from rga.gallery.gallery import Gallery

HOMES = {
    "Box": "rga.gallery.crop",
    "Crop": "rga.gallery.crop",
    "Gallery": "rga.gallery.gallery",
    "Unreadable": "rga.gallery.crop",
}
"""Public name -> the module in which it lives."""

__all__ = ["Box", "Crop", "Gallery", "Unreadable"]

lazy, __dir__ = lazily(__name__, HOMES)


def __getattr__(name: str) -> object:
    """What is public, when it is first used.

    Raises:
        MissingPackageError: a gallery is asked for, and what reaches its database is not installed.
    """
    if name == "Gallery":
        require("psycopg", "psycopg_pool")
    return lazy(name)
