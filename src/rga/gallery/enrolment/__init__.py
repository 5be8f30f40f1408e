"""Enrolment: crops of people from folders of images, tables, frames and video, one after the other, as a gallery takes them.

``crops_of`` reads any such source. Boxes in whole frames come from a detector, of which ``detectors`` has several and takes yours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.gallery.enrolment.detectors.detector import Detections, Detector
    from rga.gallery.enrolment.detectors.opening import open_detector
    from rga.gallery.enrolment.frames.frame import Frame
    from rga.gallery.enrolment.options import EnrolmentOptions
    from rga.gallery.enrolment.sources import crops_of

__all__ = ["Detections", "Detector", "EnrolmentOptions", "Frame", "crops_of", "open_detector"]

HOMES = {
    "Detections": "rga.gallery.enrolment.detectors.detector",
    "Detector": "rga.gallery.enrolment.detectors.detector",
    "EnrolmentOptions": "rga.gallery.enrolment.options",
    "Frame": "rga.gallery.enrolment.frames.frame",
    "crops_of": "rga.gallery.enrolment.sources",
    "open_detector": "rga.gallery.enrolment.detectors.opening",
}
"""The module in which each name lives."""

__getattr__, __dir__ = lazily(__name__, HOMES)
