"""How sources are enrolled: a dataclass whose fields are the flags of the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal, get_args

from rga.checks import check_range, nearest
from rga.errors import InputError
from rga.gallery.enrolment.times import read_time, read_zone

People = Literal["names", "folders", "none"]
"""Where a folder of crops says who is on an image."""

Tracks = Literal["overlap", "detector", "none"]
"""Which boxes of successive frames are of one person."""


@dataclass(frozen=True, kw_only=True)
class EnrolmentOptions:
    """How sources are enrolled.

    Raises:
        InputError: an option is out of its range, or no time or zone.
    """

    camera: str = ""
    """Name of the camera, where the source does not say it."""
    zone: str = ""
    """Time zone of times that are written without one: Europe/Berlin, UTC, +02:00."""
    people: People = "names"
    """Who is on the images of a folder: by the names of Market-1501, by the folder that they lie in, or not known."""
    start: str = ""
    """When the first frame of a video was taken, in ISO 8601; times are unknown without it."""
    every: float = 0.2
    """Seconds from one frame of a video that is looked at to the next; 0 for every frame."""
    frame_rate: float | None = None
    """Frames a second of a folder of frames, which is then taken for a video; without it, its images are independent of each other."""
    margin: float = 0.0
    """Added to a box at each side, as a fraction of its width or height."""
    min_height: float = 32.0
    """Height in pixels of the smallest boxes that are enrolled."""
    tracks: Tracks = "overlap"
    """Which boxes of a video are of one person: those that overlap from frame to frame, those with the detector's number, or not known."""
    track_overlap: float = 0.3
    """Overlap (IoU) from which boxes of successive frames, made larger by 30 % at each side, are of one person."""
    track_gap: int = 5
    """Frames that are looked at in which a person may be missed without the end of its track."""
    track_length: int = 1
    """Boxes of the shortest track that is enrolled."""
    crops_per_track: int = 5
    """Crops of a track that are enrolled: the best ones, spread in time."""

    def __post_init__(self) -> None:
        for name, kinds in (("people", get_args(People)), ("tracks", get_args(Tracks))):
            value = getattr(self, name)
            if value not in kinds:
                raise InputError(f"unknown value {value!r} of {name}{nearest(value, kinds)}")
        check_range(self, ("every",), 0)
        check_range(self, ("margin",), 0, 1)
        check_range(self, ("min_height",), 1)
        check_range(self, ("track_overlap",), 0.01, 1)
        check_range(self, ("track_gap",), 0)
        check_range(self, ("track_length", "crops_per_track"), 1)
        if not math.isfinite(self.every):
            raise InputError(f"every must be a number of seconds, got {self.every}")
        if self.frame_rate is not None and not 0 < self.frame_rate < math.inf:
            raise InputError(f"frame_rate must be above 0, got {self.frame_rate}")
        self.starts  # noqa: B018  its checks

    @property
    def timezone(self) -> tzinfo | None:
        """The declared zone; None if there is none."""
        return read_zone(self.zone)

    @property
    def starts(self) -> datetime | None:
        """When the first frame was taken; None if that is unknown."""
        zone = self.timezone
        try:
            return read_time(self.start, zone) if self.start else None
        except InputError as error:
            raise InputError(f"start: {error}") from error
