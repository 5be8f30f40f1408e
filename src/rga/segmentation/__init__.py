"""Semantic segmentation: its datasets, model, losses, recipes, training and evaluation.

Names are imported when they are first used, so that recipes need no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.segmentation.confusion import class_iou, confusion_matrix
    from rga.segmentation.inference import Inference

__all__ = ["Inference", "class_iou", "confusion_matrix"]

HOMES = {
    "Inference": "rga.segmentation.inference",
    "class_iou": "rga.segmentation.confusion",
    "confusion_matrix": "rga.segmentation.confusion",
}
"""The module in which each name lives."""

__getattr__, __dir__ = lazily(__name__, HOMES)
