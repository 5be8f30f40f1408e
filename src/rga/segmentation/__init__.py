"""Semantic segmentation."""

from rga.segmentation.confusion import class_iou, confusion_matrix
from rga.segmentation.sliding import Inference

__all__ = ["Inference", "class_iou", "confusion_matrix"]
