"""Learning rates by epoch: pure functions, and how to put one into an optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch.optim import Optimizer

Schedule = Callable[[float], float]
"""Epochs that are over, fractions included -> learning rate."""


def warmup_then_steps(start: float, peak: float, warmup_epochs: float, milestones: Sequence[float], lr_decay: float) -> Schedule:
    """Linear from ``start`` to ``peak`` over ``warmup_epochs``, then times ``lr_decay`` at each milestone.

    The schedule of the paper's code: 8e-6 to 8e-4 over 20 epochs, halved at 80, 120, ..., 360.

    Example:
        >>> schedule = warmup_then_steps(8e-6, 8e-4, 20, range(80, 361, 40), 0.5)
        >>> [schedule(0), schedule(20), schedule(100)]
        [8e-06, 0.0008, 0.0004]
    """

    def lr(epoch: float) -> float:
        if epoch < warmup_epochs:
            return start + (peak - start) * epoch / warmup_epochs
        return peak * lr_decay ** sum(epoch >= milestone for milestone in milestones)

    return lr


def warmup_then_cosine(start: float, peak: float, warmup_epochs: float, epochs: float, end: float, hold_epochs: float = 0.0) -> Schedule:
    """Linear from ``start`` to ``peak`` over ``warmup_epochs``, ``hold_epochs`` at the peak, then half a cosine to ``end`` at ``epochs``.

    Example:
        >>> schedule = warmup_then_cosine(0.0, 1.0, 10, 110, 0.0)
        >>> [schedule(5), schedule(10), round(schedule(60), 6), schedule(110)]
        [0.5, 1.0, 0.5, 0.0]
        >>> schedule = warmup_then_cosine(0.0, 1.0, 10, 110, 0.0, hold_epochs=20)
        >>> [schedule(10), schedule(30), round(schedule(70), 6)]
        [1.0, 1.0, 0.5]
    """
    begin = warmup_epochs + hold_epochs

    def lr(epoch: float) -> float:
        if epoch < warmup_epochs:
            return start + (peak - start) * epoch / warmup_epochs
        done = min(1.0, max(0.0, epoch - begin) / max(epochs - begin, 1e-9))
        return end + (peak - end) * (1 + math.cos(math.pi * done)) / 2

    return lr


def warmup_then_poly(start: float, peak: float, warmup_epochs: float, epochs: float, power: float = 0.9) -> Schedule:
    """Linear from ``start`` to ``peak`` over ``warmup_epochs``, then times (1 - done)^power down to 0 at ``epochs``.

    Segmentation's schedule (DeepLab, PSPNet, DANet), there by iteration and without a warm-up.

    Example:
        >>> schedule = warmup_then_poly(0.0, 1.0, 0, 100, power=1.0)
        >>> [schedule(0), schedule(75), schedule(100)]
        [1.0, 0.25, 0.0]
    """

    def lr(epoch: float) -> float:
        if epoch < warmup_epochs:
            return start + (peak - start) * epoch / warmup_epochs
        done = min(1.0, (epoch - warmup_epochs) / max(epochs - warmup_epochs, 1e-9))
        return float(peak * (1 - done) ** power)

    return lr


def once_an_epoch(schedule: Schedule) -> Schedule:
    """The same schedule, read at the start of each epoch and kept until its end.

    The paper's code does this: its first epoch trains at the start of the warm-up, and it reaches the peak in the epoch after the warm-up.

    Example:
        >>> schedule = once_an_epoch(warmup_then_steps(8e-6, 8e-4, 20, range(80, 361, 40), 0.5))
        >>> [schedule(0), schedule(0.9), schedule(19.9) == schedule(19), schedule(20)]
        [8e-06, 8e-06, True, 0.0008]
    """
    return lambda epoch: schedule(math.floor(epoch))


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Gives every parameter group its learning rate: ``lr`` times the group's ``scale``, where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("scale", 1.0)
