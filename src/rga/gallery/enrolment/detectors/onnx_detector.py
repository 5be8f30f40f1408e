"""A detector of people in a file of ONNX, in the layouts of torchvision's export and of YOLO.

**Input**: one, of float32, RGB from 0 to 1: ``(1, 3, height, width)``, or ``(3, height, width)`` as torchvision's export has it. If height
and width are fixed, the frame is fitted in: scaled as a whole, centred, grey (114) beside it. If they are free, an input of four dimensions
gets the frame fitted into ``size``, and one of three gets the frame as it is.

**Outputs**, told apart by their shapes:

- torchvision: corners ``(N, 4)`` (left, top, right, bottom), labels ``(N,)`` of an integer type, scores ``(N,)`` of floats, in any order.
  People have the label 1. Double boxes are gone.
- YOLO with suppression inside: ``(1, N, 6)``: left, top, right, bottom, score, class. People have the class 0.
- YOLO without: ``(1, 4 + classes, N)``, as (1, 84, 8400): centre across, centre down, width, height, then the score of each class. People
  have the class 0. Double boxes are taken away here.

Boxes are in pixels of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.errors import InputError
from rga.gallery.enrolment.boxes import from_corners, suppress
from rga.gallery.enrolment.detectors.detector import Detections, check_scores
from rga.gallery.enrolment.frames.frame import Frame
from rga.runtime.opening import open_session

GREY = 114
"""What stands beside a frame that is fitted in, in all trainings of YOLO."""

SIZE = (640, 640)

EXPECTED = "expected boxes (N, 4), labels (N,) and scores (N,) as torchvision exports them, or YOLO's (1, N, 6) or (1, 4 + classes, N)"


class OnnxDetector:
    """A detector in a file of ONNX; see the module for what it has to take and to give.

    Args:
        path: of the file.
        min_score: boxes with a lower score, from 0 to 1, are left out.
        person: label or class of people; by default 1 in torchvision's layout and 0 in YOLO's.
        size: height and width of the input, where the file leaves them free.
        max_overlap: IoU up to which two boxes are of two people, where the file does not suppress double boxes.
        threads: of the runtime; 0 for one a core.

    Raises:
        MissingFileError: there is no such file.
        MissingPackageError: the runtime is not installed.
        InputError: the file is damaged or takes another input, or an option is out of its range.
    """

    def __init__(
        self,
        path: Path,
        *,
        min_score: float = 0.5,
        person: int | None = None,
        size: tuple[int, int] = SIZE,
        max_overlap: float = 0.5,
        threads: int = 0,
    ) -> None:
        check_scores(min_score, max_overlap)
        self.session = open_session(path, threads=threads)
        self.min_score, self.person, self.max_overlap = min_score, person, max_overlap
        (self.input, shape), *more = self.session.inputs.items()
        batched = len(shape) == 4
        if more or len(shape) not in (3, 4) or shape[-3] not in (3, "3") or (batched and isinstance(shape[0], int) and shape[0] != 1):
            raise InputError(f"{path} takes {self.session.inputs}: expected one input (1, 3, height, width) or (3, height, width)")
        fixed = [side for side in shape[-2:] if isinstance(side, int)]
        self.batched = batched
        self.size = (fixed[0], fixed[1]) if len(fixed) == 2 else size if batched else None

    def __call__(self, frame: Frame) -> Detections:
        """The people in a frame.

        Raises:
            InputError: the file gives something else than a known layout.
        """
        fitted = fit(frame.image, self.size)
        values = np.ascontiguousarray(fitted.image.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)  # (3, H, W)
        outputs = self.session.run(self.input, values[None] if self.batched else values, list(self.session.outputs))
        people = self.people([np.asarray(each) for each in outputs])
        boxes = (people.boxes - [*fitted.offset, 0, 0]) / fitted.scale
        return Detections(boxes, people.scores)

    def people(self, outputs: list[NDArray[Any]]) -> Detections:
        """The people in what the file gave, in pixels of its input."""
        deep = [each for each in outputs if each.ndim == 3]
        if not deep:
            boxes, labels, scores = self.of_torchvision(outputs)
            return self.chosen(boxes, scores, labels == (1 if self.person is None else self.person))
        found, person = deep[0].astype(np.float64), self.person or 0
        if found.shape[0] == 1 and found.shape[2] == 6:
            rows = found[0]  # (N, 6)
            return self.chosen(from_corners(rows[:, :4]), rows[:, 4], rows[:, 5].round() == person)
        if found.shape[0] == 1 and 4 < found.shape[1] < found.shape[2] and person < found.shape[1] - 4:
            rows = found[0].T  # (N, 4 + classes)
            boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
            people = self.chosen(boxes, rows[:, 4 + person], np.ones(len(rows), dtype=np.bool_))
            return people.keep(suppress(people.boxes, people.scores, self.max_overlap))
        raise self.unknown(outputs)

    def of_torchvision(self, outputs: list[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
        """Boxes, labels and scores.

        Raises:
            InputError: the outputs are others.
        """
        corners = [each for each in outputs if each.ndim == 2 and each.shape[1] == 4]
        labels = [each for each in outputs if each.ndim == 1 and each.dtype.kind in "iu"]
        scores = [each for each in outputs if each.ndim == 1 and each.dtype.kind == "f"]
        if not (len(corners) == len(labels) == len(scores) == 1 and len(corners[0]) == len(labels[0]) == len(scores[0])):
            raise self.unknown(outputs)
        return from_corners(corners[0]), labels[0], scores[0].astype(np.float64)

    def chosen(self, boxes: NDArray[np.float64], scores: NDArray[np.float64], people: NDArray[np.bool_]) -> Detections:
        """Boxes of people that are sure enough; those without width or height are none."""
        kept = people & (scores >= self.min_score) & (boxes[:, 2:] > 0).all(axis=1)
        return Detections(boxes[kept], scores[kept])

    def unknown(self, outputs: list[NDArray[Any]]) -> InputError:
        """The error for outputs of no known layout."""
        shapes = {name: f"{each.dtype} {each.shape}" for name, each in zip(self.session.outputs, outputs, strict=True)}
        return InputError(f"{self.session.path} gives {shapes}: {EXPECTED}")


@dataclass(frozen=True)
class Fitted:
    """A frame as a network takes it.

    Attributes:
        image: (H, W, 3), uint8.
        scale: by which it was made larger.
        offset: across and down, of the frame in it, in pixels.
    """

    image: NDArray[np.uint8]
    scale: float
    offset: tuple[int, int]


def fit(image: NDArray[np.uint8], size: tuple[int, int] | None) -> Fitted:
    """Fits an image into a size, as a whole and centred, with grey beside it.

    Args:
        image: (H, W, 3).
        size: height and width; None for the image as it is.
    """
    if size is None:
        return Fitted(image, 1.0, (0, 0))
    height, width = image.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    canvas = np.full((*size, 3), GREY, dtype=np.uint8)
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    scaled = Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR)
    canvas[top : top + rows, left : left + columns] = np.asarray(scaled)
    return Fitted(canvas, scale, (left, top))
