"""How often a client may ask: a bucket for each, which fills steadily and is emptied by requests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

CLIENTS = 10_000
"""Buckets that are kept; of more clients than that, those who have not asked for the longest start anew."""


class Rate:
    """A limit on requests.

    Args:
        per_second: that may be made in the long run.
        burst: that may be made at once.
        clock: gives seconds, and never goes back.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self.per_second = per_second
        self.burst = burst
        self.clock = clock
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, cost: float) -> float:
        """Counts a request.

        Args:
            client: who asks.
            cost: for how many the request counts.

        Returns:
            0, or the seconds to wait, if the client has asked too often; then it was not counted.

        Example:
            >>> now = [0.0]
            >>> rate = Rate(2, 3, lambda: now[0])
            >>> [rate.take("a", 1) for _ in range(4)], rate.take("b", 1)
            ([0, 0, 0, 0.5], 0)
        """
        now = self.clock()
        left, before = self.buckets.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - before) * self.per_second)
        enough = left >= min(cost, self.burst)
        self.buckets[client] = (left - cost if enough else left, now)
        if len(self.buckets) > CLIENTS:
            self.buckets.popitem(last=False)
        return 0 if enough else (min(cost, self.burst) - left) / self.per_second
