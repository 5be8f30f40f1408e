"""What the reports of all demos compare: a network trained plain and one with attention, and which images they show of many."""

from __future__ import annotations

PLAIN, ATTENDED = "plain", "RGA-SC"
RUNS = {PLAIN: "plain", ATTENDED: "rga-sc"}
"""What is trained, and its folder in the demo's."""


def spread(count: int, chosen: int, shift: float = 0.5) -> list[int]:
    """So many places, spread evenly over ``count``: a choice that nobody made.

    Example:
        >>> spread(100, 4)
        [12, 37, 62, 87]
    """
    chosen = min(count, chosen)
    return [int((number + shift) * count / chosen) for number in range(chosen)]
