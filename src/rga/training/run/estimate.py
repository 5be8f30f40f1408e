"""How long a training will still take, estimated from the steps and evaluations that it has done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection

FIRST = 2
"""Steps that are not counted: the first ones wait for memory and for the readers of images."""

RECENT = 100
"""Steps that are counted: the last ones."""

SAID_AFTER = 5
"""Steps after which the estimate is printed, ..."""

SAID_AFTER_SECONDS = 10.0
"""... or seconds, where steps are slow."""

WORTH_SAYING = 10.0
"""Seconds: if less is left, it is not printed."""


class Estimate:
    """The time that is left of a training.

    Steps take the mean of the last ones, evaluations the mean of those so far. Checkpoints are not counted.

    Args:
        to_come: a step of the training -> the steps and the evaluations that come after it.
        clock: returns seconds.

    Example:
        >>> seconds = iter(range(100))
        >>> estimate = Estimate(lambda step: (10 - step, 0), clock=lambda: 2 * next(seconds))
        >>> for step in range(4):
        ...     estimate.begin()
        ...     estimate.step_is_over()
        >>> estimate.shown(4)
        '12 s left'
    """

    def __init__(self, to_come: Callable[[int], tuple[int, int]], clock: Callable[[], float] = time.perf_counter) -> None:
        self.to_come = to_come
        self.clock = clock
        self.start = self.begun = clock()
        self.count = 0
        self.steps: deque[float] = deque(maxlen=RECENT)
        """Seconds of the last steps."""
        self.evaluations: list[float] = []
        """Seconds of the evaluations so far."""
        self.said = 0
        """How often the estimate was due to be printed."""

    def begin(self) -> None:
        """A step or an evaluation begins."""
        self.begun = self.clock()

    def step_is_over(self) -> None:
        """A step ends."""
        self.count += 1
        if self.count == FIRST + 1:
            self.steps.clear()
        self.steps.append(self.clock() - self.begun)

    def evaluation_is_over(self) -> None:
        """An evaluation ends."""
        self.evaluations.append(self.clock() - self.begun)

    def left(self, step: int) -> float | None:
        """Seconds that are left after a step; None before there are steps to go by. Evaluations count from the first one on."""
        steps, evaluations = self.to_come(step)
        return steps * mean(self.steps) + evaluations * mean(self.evaluations) if self.steps else None

    def shown(self, step: int) -> str:
        """The time that is left after a step, in short; empty before there are steps to go by."""
        left = self.left(step)
        return "" if left is None else f"{as_duration(left)} left"

    def to_say(self, step: int) -> str:
        """A line to print after a step: once after the first few, and again after the first evaluation; otherwise empty."""
        left, due = self.left(step), 2 if self.evaluations else int(self.enough)
        if left is None or self.said >= due:
            return ""
        self.said = due
        if left < WORTH_SAYING:
            return ""
        steps, evaluations = self.to_come(step)
        each = f" of {as_duration(mean(self.evaluations))}" if self.evaluations else ", which are not counted yet"
        parts = f"{steps:,} steps of {as_duration(mean(self.steps))}, {evaluations} evaluation{'s' * (evaluations != 1)}{each}"
        return f"about {as_duration(left)} left: {parts}"

    @property
    def enough(self) -> bool:
        """Whether there are steps enough to print an estimate."""
        return self.count >= SAID_AFTER or (self.count >= FIRST and self.begun - self.start >= SAID_AFTER_SECONDS)


def mean(values: Collection[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def as_duration(seconds: float) -> str:
    """A duration for people.

    Example:
        >>> [as_duration(seconds) for seconds in (0.0123, 1.26, 12.4, 61, 200, 5000, 200_000)]
        ['0.01 s', '1.3 s', '12 s', '1 min', '3 min', '1 h 23 min', '2 days 8 h']
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"
