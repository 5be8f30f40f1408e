"""The best few of a track's crops, spread in time, found while the track goes by: a track of any length takes the memory of a few crops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")

HALF = 0.5
"""Of the worth of the best item: what is worth less is not chosen for being far away in time."""


class BestSpread(Generic[Item]):
    """Chooses the best few items, spread in time.

    Time is divided into parts of equal length, twice as many as items are wanted at most, and the best item of each part is kept; when the
    parts have become too many, each two are joined. At the end the time between the first and the last item that were kept is divided into
    as many parts as items are wanted: the best one of each is chosen, and for a part that has none, or none worth half as much as the best
    of all, the best of the others. The best item of all is always among them.

    Args:
        count: how many items are wanted, at least 1.
        worth: of an item, the larger the better. It is asked whenever two items are compared, and may learn from those that were added.

    Attributes:
        seen: how many items there were.

    Example:
        >>> best = BestSpread(2, worth=float)
        >>> for moment, item in enumerate(["0.1", "0.9", "0.3", "0.2", "0.3", "0.8", "0.1"]):
        ...     best.add(moment, item)
        >>> best.chosen()
        ['0.9', '0.8']
    """

    def __init__(self, count: int, worth: Callable[[Item], float]) -> None:
        self.count = count
        self.worth = worth
        self.seen = 0
        self.first = 0
        self.length = 1
        self.parts: dict[int, tuple[int, Item]] = {}

    def add(self, moment: int, item: Item) -> None:
        """Looks at one more item.

        Args:
            moment: when it was, in any unit that grows; not before the last one.
            item: itself.
        """
        if not self.seen:
            self.first = moment
        self.seen += 1
        self.parts = self.best_of([*self.parts.values(), (moment, item)], lambda each: (each - self.first) // self.length)
        while len(self.parts) > 2 * self.count:
            self.length *= 2
            self.parts = self.best_of(self.parts.values(), lambda each: (each - self.first) // self.length)

    def best_of(self, items: Iterable[tuple[int, Item]], part_of: Callable[[int], int]) -> dict[int, tuple[int, Item]]:
        """The best item of each part of time, of equal ones the first.

        Args:
            items: with their moments.
            part_of: moment -> part.
        """
        parts: dict[int, tuple[int, Item]] = {}
        for moment, item in items:
            part = part_of(moment)
            if part not in parts or self.worth(item) > self.worth(parts[part][1]):
                parts[part] = moment, item
        return parts

    def chosen(self) -> list[Item]:
        """The chosen items in their order."""
        kept = dict(self.parts.values())  # moment -> item
        if not kept:
            return []
        first, length = min(kept), max(kept) - min(kept) + 1
        best = self.best_of(kept.items(), lambda moment: (moment - first) * self.count // length)
        worth = {moment: self.worth(item) for moment, item in kept.items()}
        taken = [moment for moment, _ in best.values() if worth[moment] >= HALF * max(worth.values())]
        others = sorted(kept.keys() - taken, key=lambda moment: (-worth[moment], moment))
        return [kept[moment] for moment in sorted([*taken, *others[: self.count - len(taken)]])]
