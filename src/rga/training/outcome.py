"""What a training came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rga.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        epoch: epochs that are over.
        step: steps that are over.
        metrics: of the last evaluation; empty if there was none.
        ema: of the averaged weights (EMA) in that evaluation; empty without them.
        best: the best value of the watched metric; None if there was no evaluation.
        test: metrics of the best model on the test split, where that chose nothing; empty where there is none.
        skipped: samples that could not be read and were replaced.
        signal: the signal that stopped it; 0 if it reached its end.
    """

    epoch: int
    step: int
    metrics: Mapping[str, float]
    best: float | None
    ema: Mapping[str, float] = field(default_factory=dict)
    skipped: int = 0
    signal: int = 0
    test: Mapping[str, float] = field(default_factory=dict)

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped it."""
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        """As shells have it: 0 at the end, 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal if self.signal else 0


class DivergedError(InputError):
    """The loss, or the weights, are no longer numbers."""
