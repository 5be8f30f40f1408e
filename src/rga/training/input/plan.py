"""Which samples make the batches of an epoch: a plan, drawn from the epoch's number alone, and every process's share of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np

from rga.errors import InputError


class Plan(Protocol):
    """The batches of every epoch. They are those of the whole training, however many processes share them."""

    @property
    def size(self) -> int:
        """Samples in a batch."""
        ...

    @property
    def together(self) -> int:
        """So many samples in a row go to the same process: the K images of an identity; 1 where all samples stand alone."""
        ...

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def batches(self, epoch: int) -> Iterator[Sequence[int]]:
        """The batches of an epoch, as indices of samples; the same whenever they are asked for."""
        ...

    def substitutes(self, index: int) -> Iterator[int]:
        """Samples that may stand in for one that cannot be read, the best first."""
        ...


def batch_that_fits(size: int, there: int, shares: int = 1) -> int:
    """The largest batch that data can fill.

    Args:
        size: of the batch that is wanted, in samples or, for re-identification, in identities.
        there: as many there are.
        shares: a multiple of this is wanted: processes, and the parts that each computes one after the other.

    Returns:
        ``size`` if it fits, or if no batch fits whose shares hold two: drawing batches of it then fails with the numbers. Otherwise less.

    Example:
        >>> batch_that_fits(32, there=24), batch_that_fits(32, there=23, shares=2), batch_that_fits(32, there=500)
        (24, 22, 32)
    """
    fitting = there // shares * shares
    return fitting if 2 * shares <= fitting < size else size


class ShuffledBatches:
    """The plan of a plain training: every sample once in an epoch, in random order; what does not fill a batch at the end is dropped.

    Args:
        samples: how many there are.
        size: of a batch.
        seed: of the order.

    Raises:
        InputError: there is less than a batch of samples.

    Example:
        >>> plan = ShuffledBatches(7, 3, seed=0)
        >>> len(plan), sorted(sum(plan.batches(epoch=5), []))
        (2, [0, 1, 3, 4, 5, 6])
    """

    together = 1

    def __init__(self, samples: int, size: int, seed: int) -> None:
        if not 1 <= size <= samples:
            raise InputError(f"a batch of {size} cannot be drawn from {samples} samples: lower batch_size (--batch-size)")
        self.samples = samples
        self.size = size
        self.seed = seed

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.samples // self.size

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """The batches of an epoch."""
        order = np.random.default_rng((self.seed, epoch)).permutation(self.samples).tolist()
        return (order[start : start + self.size] for start in range(0, len(self) * self.size, self.size))

    def substitutes(self, index: int) -> Iterator[int]:
        """All other samples, in their order after this one."""
        return ((index + step) % self.samples for step in range(1, self.samples))


class BalancedBatches:
    """The plan of a training on classes of different sizes: every class as often as every other, in random order.

    An epoch has as many batches as without. Each class goes through its samples in random order, again and again: those of a small class
    come more often, and of a large one not all come in an epoch.

    Args:
        labels: the class of each sample.
        size: of a batch.
        seed: of the order.

    Raises:
        InputError: there is less than a batch of samples.

    Example:
        >>> plan = BalancedBatches([0, 0, 0, 0, 0, 0, 1, 1], 4, seed=0)
        >>> [sorted(index >= 6 for index in batch) for batch in plan.batches(epoch=5)]
        [[False, False, True, True], [False, False, True, True]]
    """

    together = 1

    def __init__(self, labels: Sequence[int], size: int, seed: int) -> None:
        self.plain = ShuffledBatches(len(labels), size, seed)
        self.of_class: dict[int, list[int]] = {}
        for index, label in enumerate(labels):
            self.of_class.setdefault(int(label), []).append(index)
        self.size = size
        self.seed = seed

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.plain)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """The batches of an epoch."""
        generator = np.random.default_rng((self.seed, epoch))
        classes = again_and_again(sorted(self.of_class), generator)
        streams = {label: again_and_again(indices, generator) for label, indices in self.of_class.items()}
        for _ in range(len(self)):
            yield [next(streams[next(classes)]) for _ in range(self.size)]

    def substitutes(self, index: int) -> Iterator[int]:
        """All other samples, in their order after this one."""
        return self.plain.substitutes(index)


def again_and_again(values: Sequence[int], generator: np.random.Generator) -> Iterator[int]:
    """Values in random order, without end, each as often as every other."""
    while True:
        yield from generator.permutation(values).tolist()


class Draw(NamedTuple):
    """A sample to be made, and the key of all that is drawn for it."""

    sample: int
    key: tuple[int, int, int, int]
    """Seed, epoch, batch, and position in the batch of the whole training."""


class Share:
    """One process's share of a plan, a batch sampler: of every batch its part in a row, itself in ``parts`` smaller batches.

    Args:
        plan: of the whole training.
        seed: of all that is drawn for samples.
        rank: of this process.
        processes: that share the batches.
        parts: smaller batches that a process's part of a batch comes in.

    Raises:
        InputError: a batch cannot be shared so.

    Example:
        >>> share = Share(ShuffledBatches(8, 4, seed=0), seed=0, rank=1, processes=2)
        >>> share.epoch = 3
        >>> [[draw.key for draw in part] for part in share]
        [[(0, 3, 0, 2), (0, 3, 0, 3)], [(0, 3, 1, 2), (0, 3, 1, 3)]]
    """

    def __init__(self, plan: Plan, seed: int, rank: int = 0, processes: int = 1, parts: int = 1) -> None:
        groups = plan.size // plan.together
        if groups % (processes * parts):
            unit = f"{groups} x {plan.together}" if plan.together > 1 else str(groups)
            raise InputError(
                f"a batch of {unit} samples cannot be shared by {processes} processes in {parts} parts each: "
                f"{groups} must be a multiple of {processes * parts}"
            )
        self.plan = plan
        self.seed = seed
        self.rank = rank
        self.parts = parts
        self.part = plan.size // (processes * parts)
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        """Smaller batches from the start on."""
        return self.parts * (len(self.plan) - self.start)

    def __iter__(self) -> Iterator[list[Draw]]:
        """The smaller batches of ``epoch`` from batch ``start`` on."""
        for number, indices in islice(enumerate(self.plan.batches(self.epoch)), self.start, None):
            draws = [Draw(index, (self.seed, self.epoch, number, position)) for position, index in enumerate(indices)]
            first = self.rank * self.parts * self.part
            for begin in range(first, first + self.parts * self.part, self.part):
                yield draws[begin : begin + self.part]
