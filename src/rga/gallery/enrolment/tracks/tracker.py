"""Tracks of people by the overlap of their boxes from frame to frame.

Each track says where its box should be now: as far on as it moved from frame to frame before (a constant velocity, smoothed). Boxes go
to tracks greedily, the pair with the largest overlap (IoU) first. A box that fits no track begins one. A track that has been missed in too
many frames is at its end, and its number is never used again. No appearance is looked at: a person who comes back later is a new track, and
the gallery says whether it is the same person.

After Bewley, Ge, Ott, Ramos, Upcroft, "Simple Online and Realtime Tracking", ICIP 2016, without the Kalman filter, and with boxes that are
made larger before they are compared, as in Yang, Odashima, Masui, Jiang, "Hard to Track Objects with Irregular Motions and Similar
Appearances? Make It Easier by Buffering the Matching Space", WACV 2023: people who walk by have left their box in a third of a second. The
Hungarian algorithm instead of the greedy choice made no difference on PETS 2009.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rga.gallery.enrolment.boxes import Boxes, overlaps

SMOOTHING = 0.5
"""Weight of the newest step in a track's velocity."""

BUFFER = 0.3
"""By this fraction of its width and height a box is made larger at each side before overlaps are looked at."""


@dataclass
class Track:
    """A person on the way.

    Attributes:
        number: of the track.
        box: (4,), where it was last seen.
        seen: number of the frame in which that was.
        velocity: (2,), pixels across and down from a frame to the next.
    """

    number: int
    box: NDArray[np.float64]
    seen: int
    velocity: NDArray[np.float64] | None = None

    def expected(self, now: int) -> NDArray[np.float64]:
        """Where its box should be in a frame."""
        if self.velocity is None:
            return self.box
        return np.concatenate([self.box[:2] + (now - self.seen) * self.velocity, self.box[2:]])

    def move(self, box: NDArray[np.float64], now: int) -> None:
        """Moves it to its box in a frame."""
        centre, before = box[:2] + box[2:] / 2, self.box[:2] + self.box[2:] / 2
        step = (centre - before) / (now - self.seen)
        self.velocity = step if self.velocity is None else SMOOTHING * step + (1 - SMOOTHING) * self.velocity
        self.box, self.seen = box, now


@dataclass
class Tracker:
    """Numbers the boxes of successive frames by track.

    Args:
        min_overlap: IoU from which a box is of a track, both made larger by ``BUFFER``; above 0.
        max_gap: frames in which a track may be missed.

    Example:
        >>> tracker = Tracker()
        >>> [tracker.follow(np.array([[left, 0.0, 30.0, 60.0]])).tolist() for left in (0.0, 5.0, 10.0, 500.0)]
        [[0], [0], [0], [1]]
    """

    min_overlap: float = 0.3
    max_gap: int = 5
    active: list[Track] = field(default_factory=list, init=False)
    begun: int = field(default=0, init=False)
    now: int = field(default=-1, init=False)

    def follow(self, boxes: Boxes) -> NDArray[np.int64]:
        """The tracks of the boxes of the next frame.

        Args:
            boxes: (N, 4).

        Returns:
            (N,), numbers of tracks, each once.
        """
        self.now += 1
        self.active = [track for track in self.active if self.now - track.seen <= self.max_gap + 1]
        numbers = np.full(len(boxes), -1, dtype=np.int64)
        for track, index in self.pairs(boxes):
            track.move(boxes[index], self.now)
            numbers[index] = track.number
        for index in np.flatnonzero(numbers < 0).tolist():
            self.active.append(Track(self.begun, boxes[index], self.now))
            numbers[index] = self.begun
            self.begun += 1
        return numbers

    def pairs(self, boxes: Boxes) -> list[tuple[Track, int]]:
        """Tracks and the indices of their boxes, those that overlap most first."""
        if not (self.active and len(boxes)):
            return []
        expected = np.stack([track.expected(self.now) for track in self.active])
        shared = overlaps(larger(expected), larger(boxes))  # (tracks, boxes)
        found: list[tuple[Track, int]] = []
        taken_tracks, taken_boxes = set[int](), set[int]()
        for place in np.argsort(-shared, axis=None, kind="stable"):
            row, column = divmod(int(place), len(boxes))
            if shared[row, column] < self.min_overlap:
                break
            if row not in taken_tracks and column not in taken_boxes:
                taken_tracks.add(row)
                taken_boxes.add(column)
                found.append((self.active[row], column))
        return found

    @property
    def alive(self) -> frozenset[int]:
        """Numbers of the tracks that may go on."""
        return frozenset(track.number for track in self.active if self.now - track.seen <= self.max_gap)


def larger(boxes: Boxes) -> Boxes:
    """Boxes made larger by ``BUFFER`` at each side.

    Args:
        boxes: (N, 4).
    """
    return np.concatenate([boxes[:, :2] - BUFFER * boxes[:, 2:], (1 + 2 * BUFFER) * boxes[:, 2:]], axis=1)
