"""OpenCV's detector of people: histograms of oriented gradients and a linear classifier, the last resort where there are no weights.

It needs neither weights nor a GPU, and misses many: upright people who are seen as a whole are what it finds. Dalal, Triggs, "Histograms of
Oriented Gradients for Human Detection", CVPR 2005.
"""

from __future__ import annotations

import numpy as np

from rga.errors import InputError
from rga.extras import require
from rga.gallery.enrolment.boxes import suppress
from rga.gallery.enrolment.detectors.detector import Detections, check_scores
from rga.gallery.enrolment.frames.frame import Frame

WINDOW = (64, 128)
"""Width and height in pixels of what the classifier looks at."""

TALL = 96
"""Height in pixels of a person in that window: the classifier was trained with 16 pixels above and below."""

NARROW = 0.41
"""Width of a box as a fraction of its height: the usual shape of a person, where the window has much at both sides."""


class HogDetector:
    """OpenCV's detector of people.

    Args:
        min_score: boxes with a lower score are left out; scores are distances from the classifier's plane, from 0 to some 3.
        height: in pixels, of the smallest people who are looked for. Frames are enlarged where it is below 96, which takes time.
        max_overlap: IoU up to which two boxes are of two people.

    Raises:
        MissingPackageError: OpenCV is not installed.
        InputError: an option is out of its range.
    """

    def __init__(self, min_score: float = 0.5, height: float = 64.0, max_overlap: float = 0.4) -> None:
        require("cv2")
        import cv2  # noqa: PLC0415  an optional dependency, slow to import

        check_scores(0, max_overlap)
        if not height >= 16:
            raise InputError(f"height must be at least 16, got {height}")
        self.classifier = cv2.HOGDescriptor()
        self.classifier.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), dtype=np.float32))
        self.min_score, self.scale, self.max_overlap = min_score, max(1.0, TALL / height), max_overlap

    def __call__(self, frame: Frame) -> Detections:
        """The people in a frame."""
        import cv2  # noqa: PLC0415  an optional dependency, slow to import

        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        if self.scale > 1:
            grey = cv2.resize(grey, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_LINEAR)
        if grey.shape[0] < WINDOW[1] or grey.shape[1] < WINDOW[0]:
            return Detections(np.zeros((0, 4)), np.zeros(0))
        found, weights = self.classifier.detectMultiScale(grey, winStride=(8, 8), padding=(8, 8), scale=1.05, groupThreshold=0)
        windows, scores = np.array(found, dtype=np.float64).reshape(-1, 4) / self.scale, np.array(weights, dtype=np.float64).reshape(-1)
        height = windows[:, 3] * TALL / WINDOW[1]
        centre = windows[:, :2] + windows[:, 2:] / 2  # (N, 2)
        size = np.stack([NARROW * height, height], axis=1)  # (N, 2)
        people = Detections(np.concatenate([centre - size / 2, size], axis=1), scores).keep(scores >= self.min_score)
        return people.keep(suppress(people.boxes, people.scores, self.max_overlap))
