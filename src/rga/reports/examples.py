"""Which examples a report shows."""

from __future__ import annotations


def spread(count: int, chosen: int, shift: float = 0.5) -> list[int]:
    """Chooses indices that are spread evenly over ``range(count)``, so that nobody picks the examples.

    Args:
        count: number of things to choose from.
        chosen: number of indices; all of them if there are fewer things.
        shift: position of the first index in its part, from 0 to 1.

    Example:
        >>> spread(100, 4)
        [12, 37, 62, 87]
    """
    chosen = min(count, chosen)
    return [int((number + shift) * count / chosen) for number in range(chosen)]
