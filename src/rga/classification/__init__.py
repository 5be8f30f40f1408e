"""Image classification: its datasets, model, recipes, training and evaluation.

Names are imported when they are first used, so that recipes need no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.classification.metrics import evaluate

__all__ = ["evaluate"]

HOMES = {"evaluate": "rga.classification.metrics"}
"""The module in which each name lives."""

__getattr__, __dir__ = lazily(__name__, HOMES)
