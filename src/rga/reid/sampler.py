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
        for identities in self.identities(generator):
            batch: list[int] = []
            for identity in identities:
                indices = self.of_identity[identity]
                batch.extend(generator.choice(indices, self.together, replace=len(indices) < self.together).tolist())
            yield batch

    def identities(self, generator: np.random.Generator) -> Iterator[list[int]]:
        """The identities of each batch of an epoch."""
        for _ in range(self.passes):
            yield from in_groups(sorted(self.of_identity), self.ids_per_batch, generator)

    def substitutes(self, index: int) -> Iterator[int]:
        """The other images of an image's identity, in their order after it, then all others."""
        own = self.of_identity[self.labels[index]]
        position = own.index(index)
        yield from own[position + 1 :]
        yield from own[:position]
        yield from (other for other, label in enumerate(self.labels) if label != self.labels[index])


class DomainBatches(IdentityBatches):
    """The same with as many identities of each dataset in every batch, for trainings on several datasets of different sizes.

    An epoch has as many batches as without. Each dataset goes through its identities in random order, again and again; those of a small
    one come more often. Datasets take turns within a batch, so that each of several processes has some of all.

    Args:
        labels: the identity of each sample.
        domains: the dataset of each sample.
        ids_per_batch: P, different identities in a batch; a multiple of the number of datasets.
        images_per_id: K, images of each identity.
        seed: of the draws.
        passes: passes over as many identities as there are, in an epoch.

    Raises:
        InputError: P is no multiple of the number of datasets, a dataset has less than its share of P, or a number is not positive.

    Example:
        >>> batches = DomainBatches([0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 1, 1], ids_per_batch=4, images_per_id=1, seed=0)
        >>> [[index >= 4 for index in batch] for batch in batches.batches(epoch=0)]
        [[False, True, False, True]]
    """

    def __init__(
        self, labels: Sequence[int], domains: Sequence[int], ids_per_batch: int, images_per_id: int, seed: int, passes: int = 1
    ) -> None:
        super().__init__(labels, ids_per_batch, images_per_id, seed, passes)
        of_domain: dict[int, set[int]] = {}
        for label, domain in zip(labels, domains, strict=True):
            of_domain.setdefault(domain, set()).add(label)
        self.of_domain = [sorted(of_domain[domain]) for domain in sorted(of_domain)]
        if ids_per_batch % len(of_domain):
            raise InputError(
                f"a batch of {ids_per_batch} identities cannot be shared equally by {len(of_domain)} datasets: choose a multiple of "
                f"{len(of_domain)} (--ids-per-batch)"
            )
        self.share = ids_per_batch // len(of_domain)
        least = min(map(len, self.of_domain))
        if least < self.share:
            raise InputError(
                f"each of {len(of_domain)} datasets has {self.share} identities in a batch, and one has {least} in all: lower "
                f"ids_per_batch to {least * len(of_domain)} (--ids-per-batch)"
            )

    def identities(self, generator: np.random.Generator) -> Iterator[list[int]]:
        """The identities of each batch of an epoch."""
        streams = [endless(identities, self.share, generator) for identities in self.of_domain]
        for _ in range(len(self)):
            yield [identity for row in zip(*map(next, streams), strict=True) for identity in row]


def in_groups(identities: Sequence[int], size: int, generator: np.random.Generator) -> Iterator[list[int]]:
    """Identities in random order, so many at a time; a last group with fewer is dropped."""
    order = generator.permutation(len(identities))
    for start in range(0, len(identities) - size + 1, size):
        yield [identities[position] for position in order[start : start + size]]


def endless(identities: Sequence[int], size: int, generator: np.random.Generator) -> Iterator[list[int]]:
    """The same, again and again in another order."""
    while True:
        yield from in_groups(identities, size, generator)
