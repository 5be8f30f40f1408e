"""Recordings: what tells a video, a folder or a table from all others of the same name, as numbers of tracks count within one alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from rga.gallery.enrolment.detectors.detector import Detections
from rga.gallery.enrolment.frames.frame import Frame
from rga.gallery.enrolment.options import EnrolmentOptions
from rga.storage.checksum import sha256


def digest(*parts: object) -> str:
    """What tells parts from all others, in hexadecimal.

    Example:
        >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a", 2), len(digest("a"))
        (True, False, 32)
    """
    return hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()[:32]


def recording_of_images(folder: Path, names: Sequence[str]) -> str:
    """The recording of images: by their names and sizes and the first that can be read, wherever the folder lies.

    Args:
        folder: in which they are.
        names: paths below it.
    """
    sizes, first = [], ""
    for name in names:
        size = -1
        with suppress(OSError):
            size = (folder / name).stat().st_size
            first = first or sha256(folder / name)
        sizes.append(size)
    return digest("images", first, *names, *sizes)


def recording_of_row(table: str, camera: str, image: str) -> str:
    """The recording of a line of a table: its tracks are told apart by table, camera and the folder of the image.

    Args:
        table: SHA-256 of the table.
        camera: of the line.
        image: as the line names it.
    """
    return digest("table", table, camera, PureWindowsPath(image).parent.as_posix())


def tracked(frame: Frame, found: Detections, options: EnrolmentOptions) -> str:
    """The recording of tracks: other options, and another detector, number the same people otherwise.

    Args:
        frame: the first in which somebody was found.
        found: in it, by which detectors are told apart.
        options: how people are followed.
    """
    numbered = (options.every, options.tracks, options.track_overlap, options.track_gap, options.min_height)
    numbers = found.tracks.tolist() if options.tracks == "detector" and found.tracks is not None else ""
    return digest("tracks", frame.recording, *numbered, frame.number, found.boxes.round().tolist(), numbers)
