"""Batches of P identities with K images each.

As in the paper's code: an epoch is one pass over the identities in random order, K images of each; a last batch with fewer than P
identities is dropped. An identity with fewer than K images has some of them more than once; one with more has K different ones. Every epoch
is drawn from (seed, epoch) alone, whatever was drawn before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rga.errors import InputError


class IdentityBatches:
    """Lists of P * K indices into the training samples: a plan for ``rga.training.input.loader.SampleLoader``.

    Several processes share a batch by identities: all K images of one go to the same process.

    Args:
        labels: the identity of each sample.
        ids_per_batch: P, different identities in a batch.
        images_per_id: K, images of each identity.
        seed: of the draws.
        passes: passes over the identities in an epoch.

    Raises:
        InputError: there are fewer than P identities, or a number is not positive.

    Example:
        >>> batches = IdentityBatches([0, 0, 1, 1, 1, 2], ids_per_batch=2, images_per_id=2, seed=0)
        >>> len(batches), [len(batch) for batch in batches.batches(epoch=3)]
        (1, [4])
    """

    def __init__(self, labels: Sequence[int], ids_per_batch: int, images_per_id: int, seed: int, passes: int = 1) -> None:
        if min(ids_per_batch, images_per_id, passes) < 1:
            raise InputError(
                "a batch needs at least one identity and one image of it: got "
                f"ids_per_batch={ids_per_batch}, images_per_id={images_per_id}, passes={passes}"
            )
        self.of_identity: dict[int, list[int]] = {}
        for index, label in enumerate(labels):
            self.of_identity.setdefault(label, []).append(index)
        if len(self.of_identity) < ids_per_batch:
            raise InputError(
                f"a batch of {ids_per_batch} identities cannot be drawn from {len(self.of_identity)}: lower ids_per_batch (--ids-per-batch)"
            )
        self.labels = list(labels)
        self.ids_per_batch = ids_per_batch
        self.size = ids_per_batch * images_per_id
        self.together = images_per_id
        self.seed = seed
        self.passes = passes

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.passes * (len(self.of_identity) // self.ids_per_batch)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """The batches of an epoch."""
        generator = np.random.default_rng((self.seed, epoch))
        everyone = sorted(self.of_identity)
        for _ in range(self.passes):
            order = generator.permutation(len(everyone))
            for start in range(0, len(everyone) - self.ids_per_batch + 1, self.ids_per_batch):
                batch: list[int] = []
                for position in order[start : start + self.ids_per_batch]:
                    indices = self.of_identity[everyone[position]]
                    batch.extend(generator.choice(indices, self.together, replace=len(indices) < self.together).tolist())
                yield batch

    def substitutes(self, index: int) -> Iterator[int]:
        """The other images of an image's identity, in their order after it, then all others."""
        own = self.of_identity[self.labels[index]]
        position = own.index(index)
        yield from own[position + 1 :]
        yield from own[:position]
        yield from (other for other, label in enumerate(self.labels) if label != self.labels[index])
