"""What a classifier says of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError


@dataclass(frozen=True)
class Answer:
    """One thing that an image may show.

    Attributes:
        label: name of the class.
        probability: in [0, 1].
    """

    label: str
    probability: float


def check_top(top: int) -> None:
    """Raises an InputError if less than one answer is asked for."""
    if top < 1:
        raise InputError(f"top must be at least 1, got {top}")


def likeliest(probabilities: NDArray[np.float32], classes: Sequence[str], top: int) -> list[list[Answer]]:
    """The likeliest classes of each image, the likeliest first.

    Args:
        probabilities: (n, classes).
        classes: their names.
        top: answers for each image, at most as many as there are classes.

    Example:
        >>> likeliest(np.array([[0.25, 0.75]], np.float32), ["cat", "dog"], 1)
        [[Answer(label='dog', probability=0.75)]]
    """
    orders = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        [Answer(classes[index], float(row[index])) for index in order.tolist()] for row, order in zip(probabilities, orders, strict=True)
    ]
