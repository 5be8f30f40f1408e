"""The images of a folder as frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rga.gallery.crop import Unreadable
from rga.gallery.enrolment.frames.frame import Frame
from rga.gallery.enrolment.images import read
from rga.gallery.enrolment.progress import Progress
from rga.printable import printable


def image_frames(
    folder: Path, names: Sequence[str], frame_rate: float | None = None, progress: Progress | None = None, recording: str = ""
) -> Iterator[Frame | Unreadable]:
    """Images as frames, in the order of their names.

    Args:
        folder: in which they are.
        names: paths below it.
        frame_rate: frames a second; None if the images are not a video's.
        progress: told after each image.
        recording: what tells the images from all others.
    """
    for number, name in enumerate(names):
        found = read(folder / name, printable(name))
        seconds = None if frame_rate is None else number / frame_rate
        yield found if isinstance(found, Unreadable) else Frame(found.pixels, number, seconds, printable(name), found.content, recording)
        if progress is not None:
            progress(number + 1, len(names))
