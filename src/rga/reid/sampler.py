"""Batches of P identities with K images each.

As in the paper's code: an epoch is one pass over the identities in random order, K images of each; a last batch with fewer than P
identities is dropped. An identity with fewer than K images has some of them more than once; one with more has K different ones. Every epoch
is drawn from (seed, epoch) alone, whatever was drawn before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class IdentityBatches:
    """Yields lists of P * K indices into the training samples; a batch sampler for ``torch.utils.data.DataLoader``.

    Args:
        labels: the identity of each sample.
        identities: P, different identities in a batch.
        images: K, images of each.
        seed: of the draws.
        passes: passes over the identities in an epoch.

    Raises:
        ValueError: there are fewer than P identities, or a number is not positive.

    Example:
        >>> batches = IdentityBatches([0, 0, 1, 1, 1, 2], identities=2, images=2, seed=0)
        >>> len(batches), [len(batch) for batch in batches]
        (1, [4])
    """

    def __init__(self, labels: Sequence[int], identities: int, images: int, seed: int, passes: int = 1) -> None:
        if min(identities, images, passes) < 1:
            raise ValueError(
                f"a batch needs at least one identity and image: got identities={identities}, images={images}, passes={passes}"
            )
        self.of_identity: dict[int, list[int]] = {}
        for index, label in enumerate(labels):
            self.of_identity.setdefault(label, []).append(index)
        if len(self.of_identity) < identities:
            raise ValueError(
                f"a batch of {identities} identities cannot be drawn from {len(self.of_identity)}: lower the batch's identities"
            )
        self.identities = identities
        self.images = images
        self.seed = seed
        self.passes = passes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses which epoch is drawn next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.passes * (len(self.of_identity) // self.identities)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the epoch."""
        generator = np.random.default_rng((self.seed, self.epoch))
        everyone = sorted(self.of_identity)
        for _ in range(self.passes):
            order = generator.permutation(len(everyone))
            for start in range(0, len(everyone) - self.identities + 1, self.identities):
                batch: list[int] = []
                for position in order[start : start + self.identities]:
                    indices = self.of_identity[everyone[position]]
                    batch.extend(generator.choice(indices, self.images, replace=len(indices) < self.images).tolist())
                yield batch
