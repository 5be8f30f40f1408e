"""Classifiers of identities: linear scores, or the cosines with a direction an identity."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.precision import in_float32


class CosineClassifier(nn.Linear):
    """The cosines between features and one direction an identity; the losses with margins take them as scores.

    Args:
        dimensions: of the features.
        classes: identities.

    Example:
        >>> import torch
        >>> classifier = CosineClassifier(2, 1)
        >>> with torch.no_grad():
        ...     _ = classifier.weight.copy_(torch.tensor([[3.0, 4.0]]))
        >>> classifier(torch.tensor([[10.0, 0.0]])).detach()
        tensor([[0.6000]])
    """

    def __init__(self, dimensions: int, classes: int) -> None:
        super().__init__(dimensions, classes, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, classes), in float32 at least."""
        return cosines(features, self.weight)


@in_float32
def cosines(features: Tensor, directions: Tensor) -> Tensor:
    """The cosines of (B, D) with (C, D): (B, C)."""
    return F.linear(F.normalize(features), F.normalize(directions))


Classifier = Literal["linear", "cosine"]
CLASSIFIERS: dict[Classifier, Callable[[int, int], nn.Linear]] = {"linear": partial(nn.Linear, bias=False), "cosine": CosineClassifier}
"""(dimensions, classes) -> the classifier."""
