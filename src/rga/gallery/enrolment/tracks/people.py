"""The people in frames as crops: detected, followed, and the best few crops of each track chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.gallery.crop import Box, Crop, Unreadable
from rga.gallery.enrolment.boxes import cut
from rga.gallery.enrolment.detectors.detector import Detections, Detector
from rga.gallery.enrolment.frames.frame import Frame
from rga.gallery.enrolment.images import content_of
from rga.gallery.enrolment.options import EnrolmentOptions
from rga.gallery.enrolment.recordings import tracked
from rga.gallery.enrolment.tracks.appearance import Appearance, Colours, colours_of
from rga.gallery.enrolment.tracks.choice import BestSpread
from rga.gallery.enrolment.tracks.quality import qualities
from rga.gallery.enrolment.tracks.tracker import Tracker


def people_in(frames: Iterable[Frame | Unreadable], detector: Detector, options: EnrolmentOptions) -> Iterator[Crop | Unreadable]:
    """The people in frames.

    With tracks by overlap, the crops of a track come when it is at its end; with the detector's tracks, at the end of the frames, as a
    person may come back. Without tracks, each box is a crop at once.

    Args:
        frames: in their order. What is unreadable among them is handed on.
        detector: finds people.
        options: camera, start, margin, tracks.

    Raises:
        InputError: the detector's tracks are asked for, and it has none.
    """
    tracker = Tracker(options.track_overlap, options.track_gap)
    pending: dict[int, TrackCrops] = {}
    recording = ""
    for moment, frame in enumerate(frames):
        if isinstance(frame, Unreadable):
            yield frame
            continue
        found = large_enough(detector(frame), frame, options)
        recording = recording or (tracked(frame, found, options) if len(found) and frame.recording else "")
        if options.tracks == "none":
            yield from (crop_of(frame, box_of(row), None, recording, options) for row in found.boxes)
            continue
        numbers = tracker.follow(found.boxes) if options.tracks == "overlap" else known_tracks(found, frame)
        for row, number, figure in zip(found.boxes, numbers.tolist(), qualities(frame.image, found.boxes), strict=True):
            crop, colours = crop_of(frame, box_of(row), number, recording, options), colours_of(frame.image, box_of(row))
            pending.setdefault(number, TrackCrops(options)).add(moment, Sighting(crop, figure, colours))
        if options.tracks == "overlap":
            for number in sorted(pending.keys() - tracker.alive):
                yield from pending.pop(number).chosen()
    for number in sorted(pending):
        yield from pending[number].chosen()


class Sighting(NamedTuple):
    """A crop that may be chosen.

    Attributes:
        crop: itself.
        quality: of the crop.
        colours: of its box.
    """

    crop: Crop
    quality: float
    colours: Colours


class TrackCrops:
    """The crops of a track, of which the best few are kept: by their quality, and by how typical of the track they are.

    Args:
        options: how many crops are wanted, and of which tracks.
    """

    def __init__(self, options: EnrolmentOptions) -> None:
        self.shortest = options.track_length
        self.appearance = Appearance()
        self.best: BestSpread[Sighting] = BestSpread(options.crops_per_track, self.worth)

    def worth(self, sighting: Sighting) -> float:
        """How much a crop is worth, from 0 to 1, by what is known of the track so far."""
        return sighting.quality * self.appearance.typicality(sighting.colours)

    def add(self, moment: int, sighting: Sighting) -> None:
        """Looks at one more crop.

        Args:
            moment: when it was: how many frames were before.
            sighting: the crop.
        """
        self.appearance.add(sighting.colours)
        self.best.add(moment, sighting)

    def chosen(self) -> list[Crop]:
        """The crops to enrol; none, if the track is too short."""
        return [each.crop for each in self.best.chosen()] if self.best.seen >= self.shortest else []


def large_enough(found: Detections, frame: Frame, options: EnrolmentOptions) -> Detections:
    """The boxes that are high enough and of which a pixel at least lies in the frame."""
    height, width = frame.image.shape[:2]
    low = np.round(np.clip(found.boxes[:, :2], 0, [width, height]))
    high = np.round(np.clip(found.boxes[:, :2] + found.boxes[:, 2:], 0, [width, height]))
    return found.keep((found.boxes[:, 3] >= options.min_height) & (high > low).all(axis=1))


def known_tracks(found: Detections, frame: Frame) -> NDArray[np.int64]:
    """The detector's own tracks.

    Raises:
        InputError: it has none.
    """
    if not len(found):
        return np.zeros(0, dtype=np.int64)
    if found.tracks is None:
        raise InputError(
            f"{frame.source}, frame {frame.number}: the detector does not say which boxes are of one person: follow them by overlap"
        )
    return found.tracks


def box_of(row: NDArray[np.float64]) -> Box:
    """A box of an array, (4,)."""
    return Box(*map(float, row))


def crop_of(frame: Frame, box: Box, track: int | None, recording: str, options: EnrolmentOptions) -> Crop:
    """The crop of a box.

    Args:
        frame: in which the box is, with a pixel at least.
        box: without the margin.
        track: its number; None if there are none.
        recording: in which tracks are numbered.
        options: camera, start, margin.
    """
    image = cut(frame.image, box, options.margin)
    assert image is not None, "such boxes are left out"
    start = options.starts
    time = None if start is None or frame.seconds is None else start + timedelta(seconds=frame.seconds)
    return Crop(
        image,
        content_of(frame.content, box),
        frame.source,
        options.camera,
        time,
        frame=frame.number,
        box=box,
        track=track,
        recording=recording,
    )
