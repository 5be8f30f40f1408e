"""Who matches whom, and at which ranks: from labels and a block of distances to the ranks of each query's matches.

AP, mINP and CMC are functions of these ranks alone, so that no ranking is ever built. The rank of a match is 1 + the number of gallery
images before it: those that are nearer, and those that are as near and come earlier in the gallery. This is the order of a stable sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.arrays import read_integers
from rga.errors import InputError
from rga.ranking.labels import DISTRACTOR, JUNK, RENUMBER

LabelArray = Sequence[int] | npt.NDArray[np.integer[Any]] | Tensor

FileNumbers = tuple[LabelArray, LabelArray]
"""Numbers of the files of queries (queries,) and gallery (gallery,), the same for the same image."""

KEYS = 2**13
"""How many coarse keys there are at most to count distances by."""
COUNTED_AT_ONCE = 2**20
"""How many distances are counted at a time; few enough for a processor's cache."""
ABSENT = torch.iinfo(torch.int64).max
"""Stands where a query has fewer matches than the widest of its block; larger than any rank."""


@dataclass(frozen=True)
class Labels:
    """Identity and camera of each image.

    Attributes:
        identities: (images,), int64.
        cameras: (images,), int64, or None where they are not known.
        files: (images,), int64, the same number for the same image, or None where no query can be in the gallery.
    """

    identities: Tensor
    cameras: Tensor | None
    files: Tensor | None = None

    def select(self, images: slice | Tensor) -> Labels:
        """Some of the images."""
        cameras, files = (None if each is None else each[images] for each in (self.cameras, self.files))
        return Labels(self.identities[images], cameras, files)


@dataclass(frozen=True)
class Candidates:
    """The gallery images of each query's identity.

    Attributes:
        columns: (b, M), their indices in the gallery, ascending; 0 where a query has fewer than M.
        matches: (b, M), true for those that count as a match.
        hidden: (b, M), true for those that the query's own camera took or that are the query itself, which are left out.
    """

    columns: Tensor
    matches: Tensor
    hidden: Tensor


class Pairing:
    """Finds the gallery images of each query's identity.

    Args:
        query: labels of the queries.
        gallery: labels of the gallery, on the same device.

    Attributes:
        junk: the indices of the gallery images that no ranking may hold.
        indices: of all others, by identity.
        widest: the most images that a query has of its identity.
    """

    def __init__(self, query: Labels, gallery: Labels) -> None:
        self.query = query
        self.gallery = gallery
        is_junk = gallery.identities == JUNK
        self.junk = is_junk.nonzero().flatten()
        self.indices = gallery.identities.argsort(stable=True)
        self.indices = self.indices[~is_junk[self.indices]]
        in_order = gallery.identities[self.indices]
        self.first = torch.searchsorted(in_order, query.identities)
        self.counts = torch.searchsorted(in_order, query.identities, right=True) - self.first
        self.widest = int(self.counts.max())

    @property
    def queries_in_gallery(self) -> int:
        """How many queries are in the gallery themselves, by the numbers of the files."""
        if self.query.files is None or self.gallery.files is None:
            return 0
        return int(torch.isin(self.query.files, self.gallery.files).sum())

    def candidates(self, queries: slice) -> Candidates:
        """The candidates of some queries."""
        first, counts, query = self.first[queries, None], self.counts[queries, None], self.query.select(queries)
        slots = torch.arange(max(1, int(counts.max())), device=first.device)  # (M,)
        present = slots < counts  # (b, M)
        columns = self.indices[(first + slots).where(present, 0)].where(present, 0)
        hidden = torch.zeros_like(present)
        for own, others in ((query.cameras, self.gallery.cameras), (query.files, self.gallery.files)):
            if own is not None and others is not None:
                hidden |= present & (others[columns] == own[:, None])
        return Candidates(columns, present & ~hidden, hidden)


def hide(distances: Tensor, candidates: Candidates, junk: Tensor) -> None:
    """Moves junk, and the images that a query may not see, behind all others, in place; distances (b, G) are finite before."""
    if len(junk):
        distances.index_fill_(1, junk, torch.inf)
    rows, slots = candidates.hidden.nonzero(as_tuple=True)
    distances[rows, candidates.columns[rows, slots]] = torch.inf


def match_ranks(distances: Tensor, candidates: Candidates) -> Tensor:
    """The ranks of each query's matches.

    Args:
        distances: (b, G), finite but for what ``hide`` moved.
        candidates: of the b queries.

    Returns:
        (b, M) int64, ascending, counted from 1; ``ABSENT`` behind a query's last match.
    """
    step = max(1, COUNTED_AT_ONCE // distances.shape[1])
    parts = zip(*(torch.split(tensor, step) for tensor in (distances, candidates.columns, candidates.matches)), strict=True)
    ranks = torch.cat([images_before(*part) for part in parts]) + 1
    return ranks.masked_fill_(~candidates.matches, ABSENT).sort(1).values


def numbers_of_people(identities: Tensor) -> Tensor:
    """A number from 0 on for the person of each gallery image (G,): distractors, of whom nothing is known, are a person each."""
    numbers: Tensor = identities.unique(return_inverse=True)[1]
    alone = identities == DISTRACTOR
    indices = torch.arange(len(identities), device=identities.device)
    return numbers.where(~alone, len(identities) + indices)


def people_before(distances: Tensor, columns: Tensor, matches: Tensor, people: Tensor) -> int:
    """How many people have an image before a query's first match: its rank among people, not images, is 1 more.

    Args:
        distances: (G,), finite but for what ``hide`` moved.
        columns: (M,), indices in the gallery.
        matches: (M,), which of them are matches; at least one.
        people: (G,), from ``numbers_of_people``.
    """
    own = distances[columns].where(matches, torch.inf)
    nearest = own.amin()
    first = columns[own == nearest].amin()  # of equals the first in the gallery, as in a stable sort
    indices = torch.arange(len(people), device=people.device)
    before = (distances < nearest) | ((distances == nearest) & (indices < first))
    return len(people[before].unique())


def images_before(distances: Tensor, columns: Tensor, matches: Tensor) -> Tensor:
    """How many images of each row come before its matches.

    Nothing is sorted but a few: images are counted by coarse keys, whole numbers that never decrease with the distance; those that share
    their key with a match are put in order.

    Args:
        distances: (b, G).
        columns: (b, M), indices in the gallery.
        matches: (b, M), for which of them an answer is wanted.

    Returns:
        (b, M) int64; anything where ``matches`` is false.
    """
    rows, images = distances.shape
    count = min(KEYS, max(16, images // 8))
    row = torch.arange(rows, device=distances.device)[:, None]
    keys = coarse_keys(distances, distances.gather(1, columns), matches, count).add_(row.int() * count)  # those of a row are its own
    own = keys.gather(1, columns).long()  # (b, M)
    histogram = torch.bincount(keys.flatten(), minlength=rows * count).view(rows, count)
    before = (histogram.cumsum(1) - histogram).flatten()[own]

    shared = torch.zeros(rows * count, dtype=torch.bool, device=keys.device)
    shared[own[matches]] = True
    members = shared.index_select(0, keys.flatten()).nonzero().flatten()  # ascending: by row, then by index in the gallery
    if not len(members):
        return before
    asked = torch.searchsorted(members, row * images + columns).clamp_(max=len(members) - 1)
    return before + ranks_in_groups(keys.flatten()[members], distances.flatten()[members])[asked]


def ranks_in_groups(groups: Tensor, distances: Tensor) -> Tensor:
    """The rank of each of n images by (distance, order) among those of its group, counted from 0: (n,)."""
    by_distance = distances.argsort(stable=True)
    order = by_distance[groups[by_distance].argsort(stable=True)]
    in_order = groups[order]
    indices = torch.arange(len(order), device=order.device) - torch.searchsorted(in_order, in_order)
    return torch.empty_like(indices).scatter_(0, order, indices)


def coarse_keys(distances: Tensor, own: Tensor, matches: Tensor, count: int) -> Tensor:
    """Keys (b, G) below ``count`` that never decrease with the distance, finest between the nearest and the farthest match of each row."""
    limits = torch.finfo(distances.dtype)
    nearest = own.masked_fill(~matches, limits.max).amin(1, keepdim=True)
    farthest = own.masked_fill(~matches, -limits.max).amax(1, keepdim=True)
    scale = ((count - 3) / (farthest - nearest)).clamp_(limits.tiny, limits.max)
    return (distances - nearest).mul_(scale).add_(1).clamp_(0, count - 1).int()


class SingleShots:
    """The draws of the single-gallery-shot CMC: in every repeat the gallery holds one image per identity.

    They are made once for all blocks: one image of each identity (all distractors are one), and for each query one of its own matches. That
    match takes the place of its identity's image, which the camera rule may forbid.

    Args:
        pairing: of queries and gallery.
        repeats: number of draws.
        seed: of the random numbers.
    """

    def __init__(self, pairing: Pairing, repeats: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        device = pairing.indices.device
        _, sizes = torch.unique_consecutive(pairing.gallery.identities[pairing.indices], return_counts=True)
        picks = torch.from_numpy(generator.random((repeats, len(sizes)))).to(device)
        self.columns = pairing.indices[sizes.cumsum(0) - sizes + pick(picks, sizes)]  # (repeats, identities)
        self.identities = pairing.gallery.identities[self.columns[0]]
        self.query_identities = pairing.query.identities
        self.picks = torch.from_numpy(generator.random((repeats, len(self.query_identities)))).to(device)

    def ranks(self, distances: Tensor, candidates: Candidates, queries: slice) -> Tensor:
        """The rank of each query's drawn match in each repeat: (b, repeats); meaningless for a query without match."""
        matches = candidates.matches
        others = self.identities != self.query_identities[queries, None]  # (b, identities)
        ranks = []
        for columns, picks in zip(self.columns, self.picks[:, queries], strict=True):
            slot = (matches.cumsum(1) <= pick(picks, matches.sum(1))[:, None]).sum(1, keepdim=True).clamp_(max=matches.shape[1] - 1)
            match = candidates.columns.gather(1, slot)  # (b, 1)
            own, drawn = distances.gather(1, match), distances.index_select(1, columns)
            before = (drawn < own) | ((drawn == own) & (columns < match))
            ranks.append((before & others).sum(1) + 1)
        return torch.stack(ranks, 1)


def pick(uniform: Tensor, sizes: Tensor) -> Tensor:
    """Uniform numbers in [0, 1) as indices into groups of these sizes."""
    return (uniform * sizes).long().minimum(sizes - 1)


def check_identities(identities: Tensor, side: str, least: int) -> None:
    """Raises an InputError for identities below the least one that a side may have."""
    wrong = identities[identities < least]
    if len(wrong):
        raise InputError(
            f"{side} identities must be {least} or more, got {int(wrong[0])} ({len(wrong)} of {len(identities)} such); {RENUMBER}"
        )


def read_labels(
    identities: LabelArray, cameras: LabelArray | None, images: int, side: str, device: torch.device, files: LabelArray | None = None
) -> Labels:
    """Identities and cameras of one side, checked.

    Args:
        identities: (images,).
        cameras: (images,), or None.
        images: how many there are.
        side: ``"query"``, whose identities are people, or ``"gallery"``, which may hold distractors (0) and junk (-1).
        device: to put them on.
        files: (images,), or None.

    Raises:
        InputError: they are not integers, or not one per image; identities are below those that the side may have.
    """

    def read(labels: LabelArray, name: str) -> Tensor:
        array = read_integers(labels, f"{side} {name}")
        if array.shape != (images,):
            raise InputError(f"{side} {name} must be one number per image, ({images},), got the shape {array.shape}")
        return torch.from_numpy(array.copy()).to(device)

    optional = (None if each is None else read(each, name) for each, name in ((cameras, "cameras"), (files, "files")))
    labels = Labels(read(identities, "identities"), *optional)
    check_identities(labels.identities, side, JUNK if side == "gallery" else DISTRACTOR + 1)
    return labels
