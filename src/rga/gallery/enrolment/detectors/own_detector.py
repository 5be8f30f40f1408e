"""A detector that was trained here (``rga train detection/...``): its objects of the category "person"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rga.errors import InputError
from rga.gallery.enrolment.boxes import from_corners
from rga.gallery.enrolment.detectors.detector import Detections, check_scores
from rga.gallery.enrolment.frames.frame import Frame
from rga.opening import load

if TYPE_CHECKING:
    from rga.detection.model import DetectionModel

PERSON = "person"
"""The category of people."""


class OwnDetector:
    """A detection model in a folder.

    Args:
        folder: of a run or of a saved model.
        min_score: boxes with a lower score, from 0 to 1, are left out.
        device: on which it runs.

    Raises:
        InputError: the model is for another task, or has no category of people; or an option is out of its range.
        MissingFileError: there is no model.
    """

    def __init__(self, folder: Path, *, min_score: float = 0.5, device: str = "cpu") -> None:
        from rga.detection.model import DetectionModel  # noqa: PLC0415  slow to import

        check_scores(min_score, 0)
        self.model: DetectionModel = load(folder, DetectionModel).to(device)
        names = self.model.classes.names
        if PERSON not in names:
            raise InputError(f"the detector at {folder} has the categories {', '.join(names)}, and none called {PERSON!r}")
        self.person = names.index(PERSON)
        self.min_score = min_score

    def __call__(self, frame: Frame) -> Detections:
        """The people in a frame."""
        found = self.model.detect(frame.image, min_score=self.min_score)[0]
        boxes = from_corners(found.boxes.astype(np.float64))
        kept = (found.labels == self.person) & (boxes[:, 2:] > 0).all(axis=1)
        return Detections(boxes[kept], found.scores[kept].astype(np.float64))
