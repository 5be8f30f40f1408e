"""The nearest neighbours of every image, in bounded memory: the matrix of all distances is never there, only a tile of it.

Equal distances go by their index, as everywhere in this package: neighbours are ordered by (distance, index), so that neither the size of
the tiles nor a selection algorithm's whims change what is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rga.ranking.distances import METRICS, Features
from rga.ranking.metric import Metric

TILE_BYTES = 128 * 2**20
"""Memory for one tile of distances."""
ROWS = 1024
"""How many rows a tile has at most: half of a square one among the images themselves is computed twice."""
PENDING = 2**22
"""How many candidates wait at most, but for those of one tile, until they are sorted in."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest images of each of n images.

    Attributes:
        indices: (n, k), the indices of the nearest, nearest first.
        distances: (n, k), how far they are.
        farthest: (n,), how far the farthest of all is.
    """

    indices: Tensor
    distances: Tensor
    farthest: Tensor


def nearest(query: Features, gallery: Features, metric: Metric, count: int) -> Neighbours:
    """The nearest gallery images of each query.

    Args:
        query: n images.
        gallery: m images.
        metric: of the distances.
        count: how many neighbours; no more than m are found.

    Returns:
        Neighbours (n, min(count, m)), by (distance, index).
    """
    found = Nearest(len(query), min(count, len(gallery)), gallery.rows)
    for rows, tile in tiles(query, gallery, metric):
        found.add_rows(rows, tile, 0)
    return found.all()


def nearest_among(features: Features, metric: Metric, count: int, keep: Tensor | None = None) -> Neighbours:
    """The nearest images of each image among all of them, itself included.

    Distances are symmetric, and only half of them are computed: those from each image to itself and to later ones.

    Args:
        features: n images.
        metric: of the distances.
        count: how many neighbours; no more than n are found.
        keep: (q, n - q), filled with the distances of the first q images to all others; None keeps none.

    Returns:
        Neighbours (n, min(count, n)), by (distance, index).
    """
    found = Nearest(len(features), min(count, len(features)), features.rows)
    for rows, tile in tiles(features, None, metric):
        if keep is not None and rows.start < len(keep):
            some = slice(rows.start, min(rows.stop, len(keep)))
            keep[some] = tile[: some.stop - some.start, len(keep) - rows.start :]
        found.add_rows(rows, tile, rows.start)
        if rows.stop < len(features):
            found.add_columns(rows, tile[:, rows.stop - rows.start :])
    return found.all()


def tiles(query: Features, gallery: Features | None, metric: Metric) -> Iterator[tuple[slice, Tensor]]:
    """Distances of some queries at a time (b, m), in the same memory each time; without a gallery those to themselves and later ones."""
    queries, images = len(query), len(query if gallery is None else gallery)
    template = query.rows if gallery is None else gallery.rows
    elements = max(images, min(ROWS * images, TILE_BYTES // template.dtype.itemsize))
    memory = template.new_empty(min(elements, queries * images))
    start = 0
    while start < queries:
        others = query.select(slice(start, None)) if gallery is None else gallery
        rows = slice(start, min(queries, start + min(ROWS, elements // len(others))))
        shape = rows.stop - rows.start, len(others)
        tile = METRICS[metric](query.select(rows), others, memory[: shape[0] * shape[1]].view(shape))
        yield rows, tile.clamp_(min=0)  # rounding
        start = rows.stop


class Nearest:
    """The nearest neighbours seen so far.

    Whoever is offered to an image must have a higher index than those that were offered to it before, or be offered in one tile with
    them: then equals keep the order in which they came.

    Args:
        images: whose neighbours are looked for.
        count: how many neighbours of each.
        template: a tensor of the distances' type and device.
    """

    def __init__(self, images: int, count: int, template: Tensor) -> None:
        self.distances = template.new_full((images, count), torch.inf)
        self.indices = torch.full((images, count), -1, device=template.device)
        self.farthest = template.new_zeros(images)
        self.pending: list[tuple[Tensor, Tensor, Tensor]] = []
        self.waiting = 0
        self.rows_seen = self.rows_merged = 0

    def add_rows(self, rows: slice, tile: Tensor, first: int) -> None:
        """Offers to each of the images ``rows`` all that its row of the tile (b, m) is about: the indices from ``first`` on."""
        self.farthest[rows] = torch.maximum(self.farthest[rows], tile.amax(1))
        if 2 * self.rows_merged > len(self.distances):  # the limits that are known leave few
            owner, column = (tile < self.distances[rows, -1:]).nonzero(as_tuple=True)
            self.offer(owner + rows.start, column + first, tile[owner, column])
            return
        count = min(self.distances.shape[1], tile.shape[1])
        limit = tile.topk(count, dim=1, largest=False, sorted=False).values.amax(1)  # the distance of the last one that can stay
        owner, column = (tile <= limit[:, None]).nonzero(as_tuple=True)
        distance = tile[owner, column]
        equal = distance == limit[owner]  # of these, which may be all, the first ones are enough
        number = equal.cumsum(0)
        before = number - equal.long()
        row_start = torch.searchsorted(owner, torch.arange(len(tile), device=tile.device))
        few = ~equal | (number - before[row_start][owner] <= count)
        self.offer(owner[few] + rows.start, column[few] + first, distance[few])

    def add_columns(self, rows: slice, tile: Tensor) -> None:
        """Offers the images ``rows`` to the last images, which the columns of the tile (b, m) are about."""
        images = slice(len(self.distances) - tile.shape[1], None)
        self.farthest[images] = torch.maximum(self.farthest[images], tile.amax(0))
        count = self.distances.shape[1]
        if rows.start:
            below = tile < self.distances[images, -1]  # an equal with a higher index would come behind
        else:  # no limit is known yet
            below = tile <= tile.topk(min(count, len(tile)), dim=0, largest=False, sorted=False).values.amax(0)
        index, column = below.nonzero(as_tuple=True)
        self.offer(column + images.start, index + rows.start, tile[index, column])
        self.rows_seen = rows.stop
        if self.rows_seen >= 2 * self.rows_merged or self.waiting > PENDING:  # limits that tighten with each doubling keep candidates few
            self.merge()

    def offer(self, owner: Tensor, index: Tensor, distance: Tensor) -> None:
        """Lets candidates wait: whose, where they are, how far."""
        self.pending.append((owner, index, distance))
        self.waiting += len(owner)

    def merge(self) -> None:
        """Sorts the waiting candidates in."""
        if not self.pending:
            return
        owner, index, distance = (torch.cat(parts) for parts in zip(*self.pending, strict=True))
        self.pending, self.waiting, self.rows_merged = [], 0, self.rows_seen
        count = self.distances.shape[1]
        touched = owner.unique()
        owner = torch.cat([touched.repeat_interleave(count), owner])
        index = torch.cat([self.indices[touched].flatten(), index])
        distance = torch.cat([self.distances[touched].flatten(), distance])
        by_distance = distance.argsort(stable=True)
        order = by_distance[owner[by_distance].argsort(stable=True)]
        owner, index, distance = owner[order], index[order], distance[order]
        first = torch.searchsorted(owner, touched)[:, None] + torch.arange(count, device=owner.device)  # (touched, count)
        self.indices[touched] = index[first]
        self.distances[touched] = distance[first]

    def all(self) -> Neighbours:
        """What was found."""
        self.merge()
        return Neighbours(self.indices, self.distances, self.farthest)
