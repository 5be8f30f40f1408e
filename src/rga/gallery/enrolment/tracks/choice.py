"""The best few of a track's crops, spread in time, found while the track goes by: a track of any length takes the memory of a few crops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Candidate(Generic[Item]):
    """What may be chosen.

    Attributes:
        moment: when it was, in any unit that grows.
        quality: the larger the better.
        item: itself.
    """

    moment: int
    quality: float
    item: Item


class BestSpread(Generic[Item]):
    """Chooses the best few items, spread in time.

    Time is divided into parts of equal length, twice as many as items are wanted at most, and the best item of each part is kept; when the
    parts have become too many, each two are joined. At the end the time between the first and the last item that were kept is divided into
    as many parts as items are wanted: the best one of each is chosen, and where a part has none, the best of the others. The best item of
    all is always among them.

    Args:
        count: how many items are wanted, at least 1.

    Attributes:
        seen: how many items there were.

    Example:
        >>> best = BestSpread(2)
        >>> for moment, quality in enumerate([0.1, 0.9, 0.3, 0.2, 0.3, 0.8, 0.1]):
        ...     best.add(moment, quality, lambda: quality)
        >>> best.chosen()
        [0.9, 0.8]
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self.first = 0
        self.length = 1
        self.parts: dict[int, Candidate[Item]] = {}

    def add(self, moment: int, quality: float, make: Callable[[], Item]) -> None:
        """Looks at one more item.

        Args:
            moment: when it is, not before the last one.
            quality: the larger the better.
            make: makes the item, if it is kept.
        """
        if not self.seen:
            self.first = moment
        self.seen += 1
        part = (moment - self.first) // self.length
        if part not in self.parts or quality > self.parts[part].quality:
            self.parts[part] = Candidate(moment, quality, make())
        while len(self.parts) > 2 * self.count:
            self.length *= 2
            joined: dict[int, Candidate[Item]] = {}
            for each in self.parts.values():
                key = (each.moment - self.first) // self.length
                if key not in joined or each.quality > joined[key].quality:
                    joined[key] = each
            self.parts = joined

    def chosen(self) -> list[Item]:
        """The chosen items in their order."""
        kept = sorted(self.parts.values(), key=lambda each: each.moment)
        if not kept:
            return []
        length = kept[-1].moment - kept[0].moment + 1
        parts = [(each.moment - kept[0].moment) * self.count // length for each in kept]
        order = sorted(range(len(kept)), key=lambda index: -kept[index].quality)
        first = {parts[index]: index for index in reversed(order)}  # the best of each part
        others = [index for index in order if index not in first.values()]
        return [kept[index].item for index in sorted([*first.values(), *others[: self.count - len(first)]])]
