"""A ranking at random, for tests of the evaluation."""

from typing import Any

import numpy as np


def random_case(queries: int = 40, gallery: int = 150, dimensions: int = 16) -> tuple[Any, ...]:
    """Features and labels in the order of ``evaluate``."""
    generator = np.random.default_rng(0)
    sides = []
    for size, lowest in ((queries, 1), (gallery, -1)):
        identities = generator.integers(lowest, 12, size)
        features = generator.normal(size=(size, dimensions)) + 0.2 * np.eye(dimensions)[identities]
        sides += [features, identities, generator.integers(1, 4, size)]
    return tuple(sides)
