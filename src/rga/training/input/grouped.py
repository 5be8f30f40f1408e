"""The plan of a training whose batches hold samples of one group, such as wide or tall images, which then need less padding."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from rga.training.input.plan import ShuffledBatches


class GroupedBatches:
    """Every sample once in an epoch, in random order, and batches of one group each; what does not fill a batch is dropped at random.

    What groups have left over makes mixed batches, so that the samples of a small group come as often as all others.

    Args:
        groups: the group of each sample.
        size: of a batch.
        seed: of the order.

    Raises:
        InputError: there is less than a batch of samples.

    Example:
        >>> plan = GroupedBatches("aaaabbbb", 2, seed=0)
        >>> sorted("".join(sorted("aaaabbbb"[index] for index in batch)) for batch in plan.batches(epoch=5))
        ['aa', 'aa', 'bb', 'bb']
    """

    together = 1

    def __init__(self, groups: Sequence[Hashable], size: int, seed: int) -> None:
        self.plain = ShuffledBatches(len(groups), size, seed)
        self.groups = groups
        self.size = size
        self.seed = seed

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.plain)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """The batches of an epoch."""
        generator = np.random.default_rng((self.seed, epoch))
        waiting: dict[Hashable, list[int]] = {}
        whole: list[list[int]] = []
        for index in generator.permutation(len(self.groups))[: len(self) * self.size].tolist():
            group = waiting.setdefault(self.groups[index], [])
            group.append(index)
            if len(group) == self.size:
                whole.append(waiting.pop(self.groups[index]))
        left = [index for group in waiting.values() for index in group]
        whole += [left[start : start + self.size] for start in range(0, len(left), self.size)]
        return iter([whole[position] for position in generator.permutation(len(whole))])

    def substitutes(self, index: int) -> Iterator[int]:
        """All other samples, in their order after this one."""
        return self.plain.substitutes(index)
