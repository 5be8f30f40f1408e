"""How long a training will still take, estimated from the steps and evaluations that it has done."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST = 2
"""Steps that are not counted: the first ones wait for the readers of images and for memory."""

SAID_AFTER = 5
"""Steps after which the estimate is printed, ..."""

SAID_AFTER_SECONDS = 10.0
"""... or the seconds, where steps are slow; two steps at least."""

WORTH_SAYING = 10.0
"""Seconds: what is left of a shorter training is not printed."""


class Estimate:
    """The time that is left of a training.

    Steps take the mean of those so far, and evaluations the mean of theirs; time between them, such as for checkpoints, is not counted.

    Args:
        clock: returns seconds.

    Example:
        >>> seconds = iter(range(0, 100, 2))
        >>> estimate = Estimate(clock=lambda: next(seconds))
        >>> for _ in range(4):
        ...     estimate.begin()
        ...     estimate.step_is_over()
        >>> estimate.left(steps=10, evaluations=0)
        20.0
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.begun = clock()
        self.start = self.begun
        self.steps: list[float] = []
        self.evaluations: list[float] = []
        self.said = 0

    def begin(self) -> None:
        """A step, or an evaluation, begins."""
        self.begun = self.clock()

    def step_is_over(self) -> None:
        """A step has ended."""
        self.steps.append(self.clock() - self.begun)

    def evaluation_is_over(self) -> None:
        """An evaluation has ended."""
        self.evaluations.append(self.clock() - self.begun)

    @property
    def step(self) -> float | None:
        """Seconds of a step; None before there is one to go by."""
        counted = self.steps[FIRST:] or self.steps[-1:]
        return sum(counted) / len(counted) if counted else None

    def left(self, steps: int, evaluations: int) -> float | None:
        """Seconds that are left; None before the first step. Evaluations count from the first one on.

        Args:
            steps: that are to come.
            evaluations: that are to come.
        """
        if self.step is None:
            return None
        each = sum(self.evaluations) / len(self.evaluations) if self.evaluations else 0.0
        return steps * self.step + evaluations * each

    def shown(self, steps: int, evaluations: int) -> str:
        """The time that is left, in short; empty before the first step."""
        left = self.left(steps, evaluations)
        return "" if left is None else f"{as_duration(left)} left"

    def to_say(self, steps: int, evaluations: int) -> str:
        """A line for the screen: after the first few steps, and again after the first evaluation; otherwise empty.

        Args:
            steps: that are to come.
            evaluations: that are to come.
        """
        left = self.left(steps, evaluations)
        due = 2 if self.evaluations else int(self.enough)
        if left is None or self.said >= due:
            return ""
        self.said = due
        if left < WORTH_SAYING:
            return ""
        parts = f"{steps:,} steps of {as_duration(self.step or 0.0)}"
        if evaluations and self.evaluations:
            parts += f", {evaluations} evaluations of {as_duration(sum(self.evaluations) / len(self.evaluations))}"
        elif evaluations:
            parts += ", evaluations not counted"
        return f"about {as_duration(left)} left: {parts}"

    @property
    def enough(self) -> bool:
        """Whether there are steps enough to go by."""
        count = len(self.steps)
        return count >= SAID_AFTER or (count >= FIRST and self.begun - self.start >= SAID_AFTER_SECONDS)


def as_duration(seconds: float) -> str:
    """A duration for people.

    Example:
        >>> [as_duration(seconds) for seconds in (0.0123, 1.26, 59.8, 61, 200, 5000, 200_000)]
        ['0.01 s', '1.3 s', '60 s', '1 min', '3 min', '1 h 23 min', '2 days 8 h']
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"
