"""Object detection with masks: its datasets, model, recipes, training, metrics and evaluation.

Names are imported when they are first used, so that recipes need no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.detection.found import Detections
    from rga.detection.metrics import coco_metrics

__all__ = ["Detections", "coco_metrics"]

HOMES = {"Detections": "rga.detection.found", "coco_metrics": "rga.detection.metrics"}
"""The module in which each name lives."""

__getattr__, __dir__ = lazily(__name__, HOMES)
