"""Person re-identification."""

from rga.reid.ranking import evaluate

__all__ = ["evaluate"]
