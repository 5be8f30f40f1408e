"""What detectors give is checked."""

import numpy as np
import pytest

from rga.errors import InputError
from rga.gallery.enrolment import Detections


@pytest.mark.parametrize(
    ("boxes", "scores", "tracks"),
    [
        (np.zeros((2, 5)), np.zeros(2), None),
        (np.ones((2, 4)), np.zeros(3), None),
        (np.ones((2, 4)), np.zeros(2), np.zeros(1, dtype=np.int64)),
        (np.zeros((1, 4)), np.zeros(1), None),
        (np.array([[np.nan, 0, 1, 1]]), np.zeros(1), None),
    ],
)
def test_arrays_that_do_not_fit(boxes: np.ndarray, scores: np.ndarray, tracks: np.ndarray | None) -> None:
    with pytest.raises(InputError, match="a detector gave"):
        Detections(boxes, scores, tracks)


def test_a_part_of_them() -> None:
    found = Detections(np.ones((3, 4)), np.array([0.1, 0.2, 0.3]), np.array([7, 8, 9])).keep(np.array([2, 0]))
    assert (found.scores.tolist(), found.tracks is not None and found.tracks.tolist()) == ([0.3, 0.1], [9, 7])
