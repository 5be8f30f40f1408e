"""What a detector of people is: a function from a frame to boxes with scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.gallery.enrolment.boxes import Boxes
from rga.gallery.enrolment.frames.frame import Frame


@dataclass(frozen=True)
class Detections:
    """The people in a frame.

    Attributes:
        boxes: (N, 4): left, top, width, height in pixels of the frame, width and height above 0; they may end outside of it.
        scores: (N,), the larger the surer; their scale is the detector's.
        tracks: (N,), numbers of people that a detector knows from frame to frame, from 0; None if it knows none.

    Raises:
        InputError: the arrays do not fit together, or a box is none.
    """

    boxes: Boxes
    scores: NDArray[np.float64]
    tracks: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        if self.boxes.shape != (count, 4) or self.scores.shape != (count,) or (self.tracks is not None and self.tracks.shape != (count,)):
            tracks = "" if self.tracks is None else f" and tracks {self.tracks.shape}"
            raise InputError(
                f"a detector gave boxes {self.boxes.shape}, scores {self.scores.shape}{tracks}: expected (N, 4), (N,) and (N,)"
            )
        if not np.isfinite(self.boxes).all() or (self.boxes[:, 2:] <= 0).any():
            raise InputError("a detector gave a box that is not finite, or without width or height")

    def __len__(self) -> int:
        """How many people there are."""
        return len(self.boxes)

    def keep(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Detections:
        """A part of them.

        Args:
            which: mask (N,), or indices.
        """
        return Detections(self.boxes[which], self.scores[which], None if self.tracks is None else self.tracks[which])


class Detector(Protocol):
    """Finds people in frames. Any function of a frame will do; it is called with the frames in their order.

    Example:
        >>> def two_people(frame: Frame) -> Detections:
        ...     return Detections(np.array([[10.0, 20.0, 32.0, 64.0], [90.0, 25.0, 30.0, 60.0]]), np.array([0.9, 0.8]))
        >>> detector: Detector = two_people
        >>> len(detector(Frame(np.zeros((128, 256, 3), np.uint8))))
        2
    """

    def __call__(self, frame: Frame, /) -> Detections:
        """The people in a frame."""


def nobody() -> Detections:
    """The people in an empty frame."""
    return Detections(np.zeros((0, 4)), np.zeros(0))


def check_scores(min_score: float, max_overlap: float) -> None:
    """Checks the options of detectors whose scores run from 0 to 1.

    Raises:
        InputError: one is out of its range.
    """
    for name, value in (("min_score", min_score), ("max_overlap", max_overlap)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} must lie between 0 and 1, got {value}")
