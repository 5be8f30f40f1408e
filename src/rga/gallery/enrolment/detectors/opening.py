"""Detectors by what a person types: a file of boxes, a file of ONNX, a model of ours, a detector of torchvision, or OpenCV's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rga.errors import InputError, MissingFileError
from rga.gallery.enrolment.detectors.detector import Detector
from rga.gallery.enrolment.detectors.hog_detector import HogDetector
from rga.gallery.enrolment.detectors.mot_file import MotFile
from rga.gallery.enrolment.detectors.onnx_detector import OnnxDetector
from rga.gallery.enrolment.detectors.own_detector import OwnDetector
from rga.gallery.enrolment.detectors.torchvision_detector import DEFAULT, TorchvisionDetector, published
from rga.runtime.session import SUFFIXES

CHOICES = (
    "a file of boxes (det.txt), a detector in a file (yolo.onnx), the folder of a detection model that was trained here, torchvision (with "
    "its weights on this machine) or torchvision:NAME, or hog (OpenCV's, the last resort)"
)


def open_detector(named: str, *, weights: Path | None = None, min_score: float | None = None, download: bool = False) -> Detector:
    """A detector by what a person types.

    Args:
        named: ``FILE.txt`` or ``FILE.csv`` with boxes in the MOT format; ``FILE.onnx`` or OpenVINO's ``FILE.xml``; the folder of a
            detection model that was trained here; ``torchvision`` for Faster R-CNN; ``torchvision:NAME`` for another of its detectors;
            ``hog``.
        weights: file of the weights of a detector of torchvision.
        min_score: boxes with a lower score are left out; each detector has its own default.
        download: get the weights that torchvision publishes, where they are not on this machine.

    Raises:
        InputError: there is no such detector, or an option is not for it.
        MissingFileError: a file is not there.
        MissingPackageError: the detector needs a package that is not installed.
    """
    kind, _, name = named.partition(":")
    options: dict[str, Any] = {} if min_score is None else {"min_score": min_score}
    if kind == "torchvision":
        return TorchvisionDetector(name or DEFAULT, weights, download=download, **options)
    if weights is not None or download:
        raise InputError(f"weights are for detectors of torchvision, got {named!r}: write torchvision:NAME, or leave the weights out")
    if named == "hog":
        return HogDetector(**options)
    path = Path(named).expanduser()
    if path.suffix.lower() in SUFFIXES:
        return OnnxDetector(path, **options)
    if path.suffix.lower() in (".txt", ".csv"):
        return MotFile(path, **options)
    if path.is_dir():
        return OwnDetector(path, **options)
    raise InputError(f"unknown detector {named!r}: choose {CHOICES}")


def default_detector() -> str:
    """The name of the best detector that needs no file of the user's: torchvision's where its weights are on this machine, else OpenCV's.

    Raises:
        InputError: there is neither.
    """
    try:
        published(DEFAULT)
    except MissingFileError as error:
        if find_spec("cv2") is None:
            raise InputError(f"people in whole frames are found by a detector, and there is none here: choose {CHOICES}") from error
        return "hog"
    return "torchvision"
