"""Image classification."""

from rga.classification.evaluation import evaluate

__all__ = ["evaluate"]
