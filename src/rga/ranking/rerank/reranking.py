"""Re-ranking by k-reciprocal neighbours (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017).

Two images are k-reciprocal neighbours if each is among the k nearest of the other (queries and gallery together). An image is encoded by
the weights of its k-reciprocal neighbours, and the distance of two images is the Jaccard distance of their codes, mixed with the original.
The numbers are those of the published code, which builds six dense matrices of all images by all images; here only the k nearest
neighbours are kept of the distances, and codes are sparse.

Distances are squared before they are used, and divided by the largest of their row, as in the published code: with ``"euclidean"`` this is
the paper's squared Euclidean distance; with ``"cosine"`` (1 - cosine)^2, which is what that code makes of cosine distances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.arrays import check_count, is_number
from rga.errors import InputError
from rga.ranking.distances import METRICS, FeatureArray, Features, inverse, read_features
from rga.ranking.metric import Metric
from rga.ranking.rerank.neighbours import Neighbours, nearest_among
from rga.ranking.rerank.sparse_rows import SparseRows, ends_to_starts, stacked, summed

KEPT_BYTES = 512 * 2**20
"""Up to this memory the distances of queries to the gallery are kept when neighbours are looked for; beyond it they are computed twice."""
GROUP_BYTES = 64 * 2**20
"""Memory for what is gathered at a time."""
ROWS_AT_ONCE = 1024
"""How many images are encoded at a time."""
ENTRIES_AT_ONCE = 2**16
"""How many pairs of entries of codes are compared at a time; few enough for a processor's cache."""


def rerank(
    query_features: FeatureArray,
    gallery_features: FeatureArray,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    *,
    metric: Metric = "cosine",
) -> RerankedDistances:
    """Re-ranks the gallery for every query by k-reciprocal encoding.

    Memory is a copy of the features, some hundred numbers for each image, and half a GiB at most beside them; the distances themselves,
    (queries, gallery), are computed when they are asked for: ``rga.reid.evaluate_distances`` takes them in blocks of rows,
    ``numpy.asarray`` all at once. Where neighbours are equally near, the lower index comes first, queries before the gallery. A feature
    of length 0 has nothing in common with any other.

    Args:
        query_features: (queries, dimensions), a numpy array or a tensor.
        gallery_features: (gallery, dimensions).
        k1: how many neighbours are looked at for reciprocity.
        k2: over how many neighbours, itself included, a code is averaged; 1 leaves it as it is.
        lambda_: the weight of the original distance, from 0 (Jaccard distance alone) to 1 (original distance alone).
        metric: of the original distance, ``"cosine"`` or ``"euclidean"``.

    Returns:
        Distances in [0, 1], small where alike.

    Raises:
        InputError: as ``rga.reid.evaluate`` for features; k1 or k2 below 1, ``lambda_`` outside of [0, 1].

    Example:
        >>> query, gallery = torch.eye(3), torch.eye(3).repeat(4, 1)  # four images of each, which look the same
        >>> distances = rerank(query, gallery, k1=4, k2=2)
        >>> distances.shape
        (3, 12)
        >>> np.asarray(distances)[0, :4]
        array([0., 1., 1., 0.], dtype=float32)
    """
    k1, k2 = check_count("k1", k1), check_count("k2", k2)
    if not is_number(lambda_) or not 0 <= lambda_ <= 1:
        raise InputError(f"lambda_ must lie between 0 and 1, got {lambda_}")
    query, gallery = read_features(query_features, gallery_features, metric)
    both = together(query, gallery, metric)
    fits = len(query) * len(gallery) * both.rows.dtype.itemsize <= KEPT_BYTES
    original = both.rows.new_empty(len(query), len(gallery)) if fits and lambda_ else None
    neighbours = nearest_among(both, metric, max(k1 + 1, k2), original)
    codes = averaged(encode(both, metric, neighbours, k1), neighbours.indices[:, :k2])
    farthest = neighbours.farthest[: len(query)]
    return RerankedDistances(both, len(query), metric, farthest=farthest, codes=codes, lambda_=lambda_, original=original)


class RerankedDistances:
    """The distances of a re-ranking, computed when they are asked for.

    Args:
        features: of the queries and the gallery behind them.
        queries: how many of them are queries.
        metric: of the original distance.
        farthest: (queries,), the largest original distance of each query.
        codes: (images, images), the encoding of each image.
        lambda_: weight of the original distance.
        original: (queries, gallery), the original distances, if they are there; None computes them again.

    Attributes:
        shape: (queries, gallery).
        dtype: of the distances.
        device: of the distances.
        bounds: the least and the greatest that they can be.
    """

    def __init__(
        self,
        features: Features,
        queries: int,
        metric: Metric,
        *,
        farthest: Tensor,
        codes: SparseRows,
        lambda_: float,
        original: Tensor | None = None,
    ) -> None:
        self.query = features.select(slice(0, queries))
        self.gallery = features.select(slice(queries, None))
        self.metric = metric
        self.farthest = farthest
        self.query_codes = codes.slice(slice(0, queries))
        self.images_of = codes.slice(slice(queries, len(codes))).transposed()
        self.lambda_ = lambda_
        self.original = original
        self.shape = len(self.query), len(self.gallery)
        self.dtype = features.rows.dtype
        self.device = features.rows.device
        self.bounds = 0.0, 1.0

    def __len__(self) -> int:
        """How many queries."""
        return self.shape[0]

    def fill(self, queries: slice, out: Tensor) -> Tensor:
        """Writes the distances of some queries to the gallery into ``out`` (b, gallery)."""
        if self.lambda_:
            if self.original is None:
                METRICS[self.metric](self.query.select(queries), self.gallery, out)
            else:
                out.copy_(self.original[queries])
            normalised(out.clamp_(min=0), self.farthest[queries, None]).mul_(self.lambda_)
        else:
            out.zero_()
        if self.lambda_ < 1:
            step = max(1, GROUP_BYTES // (self.dtype.itemsize * self.shape[1]))
            for some in slices(len(out), step):
                shared = self.shared_weight(slice(queries.start + some.start, queries.start + some.stop))
                jaccard = 1 - shared / (2 - shared)
                out[some].add_(jaccard.clamp_(min=0), alpha=1 - self.lambda_)
        return out

    def rows(self, queries: slice) -> Tensor:
        """The distances of some queries to the gallery, (b, gallery)."""
        first, last, _ = queries.indices(len(self))
        return self.fill(slice(first, last), torch.empty(max(0, last - first), self.shape[1], dtype=self.dtype, device=self.device))

    def shared_weight(self, queries: slice) -> Tensor:
        """What the codes of queries and gallery have in common, the sum of the smaller weights: (b, gallery)."""
        codes = self.query_codes.slice(queries)
        row_starts = codes.rows * self.shape[1]
        total = codes.values.new_zeros(len(codes), self.shape[1])
        for some in portions(self.images_of.counts[codes.columns], ENTRIES_AT_ONCE):
            owner, entries = self.images_of.entries(codes.columns[some])
            smaller = torch.minimum(self.images_of.values.index_select(0, entries), codes.values[some].index_select(0, owner))
            index = row_starts[some].index_select(0, owner).add_(self.images_of.columns.index_select(0, entries))
            total.view(-1).index_add_(0, index, smaller)
        return total

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All distances as a numpy array; (queries, gallery) numbers of memory."""
        if copy is False:
            raise InputError("re-ranked distances are computed when they are asked for: they cannot be an array without a copy")
        out = torch.empty(self.shape, dtype=self.dtype, device=self.device)
        for start in range(0, len(self), ROWS_AT_ONCE):
            rows = slice(start, min(len(self), start + ROWS_AT_ONCE))
            self.fill(rows, out[rows])
        return np.asarray(out.cpu().numpy(), dtype=dtype)


def together(query: Features, gallery: Features, metric: Metric) -> Features:
    """Queries and gallery as one; for the cosine as directions, whose lengths are 1, or 0 where there is none."""
    rows = torch.empty(len(query) + len(gallery), query.rows.shape[1], dtype=gallery.rows.dtype, device=gallery.rows.device)
    norms = torch.cat([query.norms, gallery.norms])
    for side, index in ((query, slice(0, len(query))), (gallery, slice(len(query), None))):
        if metric == "cosine":
            torch.mul(side.rows, inverse(side.norms, rows.dtype)[:, None], out=rows[index])
        else:
            rows[index] = side.rows
    return Features(rows, (norms > torch.finfo(rows.dtype).tiny).double() if metric == "cosine" else norms)


def encode(features: Features, metric: Metric, neighbours: Neighbours, k1: int) -> SparseRows:
    """The code of each image: exp(-distance) to its k-reciprocal neighbours, and to theirs, as shares of 1 (the paper's section 3.3)."""
    nearest, close = neighbours.indices[:, : k1 + 1], neighbours.indices[:, : round(k1 / 2) + 1]
    mutual, mutually_close = reciprocal(nearest), reciprocal(close)
    parts = []
    for rows in slices(len(features), ROWS_AT_ONCE):
        mine = nearest[rows].where(mutual[rows], -1)
        others = joining(nearest[rows], mine, close, mutually_close)
        distances = torch.cat([neighbours.distances[rows, : k1 + 1], to_members(features, rows, others, metric)], 1)
        members = torch.cat([mine, others], 1)
        present = members >= 0
        weights = normalised(distances, neighbours.farthest[rows, None]).neg_().exp_().masked_fill_(~present, 0)
        weights /= weights.sum(1, keepdim=True).clamp_(min=torch.finfo(weights.dtype).tiny)  # zeros have no neighbour
        parts.append(SparseRows(ends_to_starts(present.sum(1)), members[present], weights[present], len(features)))
    return stacked(parts)


def reciprocal(indices: Tensor) -> Tensor:
    """Which neighbours (n, k) have the image among their own k neighbours: (n, k) bool."""
    images, count = indices.shape
    found = []
    for rows in slices(images, max(1, GROUP_BYTES // (8 * count * count))):
        image = torch.arange(rows.start, rows.stop, device=indices.device)
        found.append((indices[indices[rows]] == image[:, None, None]).any(2))  # (b, k, k) -> (b, k)
    return torch.cat(found)


def joining(nearest: Tensor, mine: Tensor, close: Tensor, mutually_close: Tensor) -> Tensor:
    """Whom an image's k-reciprocal neighbours bring along: their close ones, if more than two thirds of these are its own neighbours.

    Args:
        nearest: (b, k), the neighbours of the images.
        mine: the same, -1 where a neighbour is not reciprocal.
        close: (n, h), the nearest half as many neighbours of every image.
        mutually_close: (n, h), which of them are reciprocal.

    Returns:
        (b, others), those who are not among ``mine`` already, each once; -1 in front of a shorter row.
    """
    theirs = close[nearest]  # (b, k, h)
    counted = mutually_close[nearest] & (mine >= 0)[..., None]
    shared = torch.zeros_like(counted)
    for column in mine.T:
        shared |= theirs == column[:, None, None]
    joins = 3 * (shared & counted).sum(2) > 2 * counted.sum(2)  # (b, k)
    others = theirs.where(counted & ~shared & joins[..., None], -1).flatten(1).sort(1).values
    others[:, 1:][others[:, 1:] == others[:, :-1]] = -1
    most = int((others >= 0).sum(1).max())
    return others.sort(1).values[:, others.shape[1] - most :]


def to_members(features: Features, rows: slice, members: Tensor, metric: Metric) -> Tensor:
    """The distance of some images to their members (b, members): the same shape; 0 where there is none."""
    distances = torch.zeros(members.shape, dtype=features.rows.dtype, device=members.device)
    owner, slot = (members >= 0).nonzero(as_tuple=True)
    step = max(1, GROUP_BYTES // (2 * features.rows.shape[1] * features.rows.dtype.itemsize))
    for some in slices(len(owner), step):
        pair = owner[some], slot[some]
        images, others = features.select(pair[0] + rows.start).paired(), features.select(members[pair]).paired()
        distances[pair] = METRICS[metric](images, others, distances.new_empty(len(pair[0]), 1, 1)).flatten()
    return distances.clamp_(min=0)


def averaged(codes: SparseRows, indices: Tensor) -> SparseRows:
    """The mean of the codes of each image's nearest (n, k2), itself among them: the paper's local query expansion.

    An empty code, that of a feature of length 0, stays empty: it resembles nothing.
    """
    if indices.shape[1] == 1:
        return codes
    image = torch.arange(len(indices), device=indices.device)
    indices = torch.where(codes.counts[:, None] > 0, indices, image[:, None])
    parts = []
    for rows in slices(len(indices), ROWS_AT_ONCE):
        some = indices[rows]
        owner, entries = codes.entries(some.flatten())
        mean = codes.values.index_select(0, entries) / some.shape[1]
        parts.append(summed(owner // some.shape[1], codes.columns.index_select(0, entries), mean, (len(some), codes.width)))
    return stacked(parts)


def normalised(distances: Tensor, farthest: Tensor) -> Tensor:
    """Squared distances as shares of the largest of their row, in place; 0 where that is 0."""
    return distances.mul_(torch.where(farthest > 0, 1 / farthest, 0)).square_()


def slices(length: int, step: int) -> Iterator[slice]:
    """The numbers up to a length, a few at a time."""
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))


def portions(sizes: Tensor, most: int) -> Iterator[slice]:
    """Things of these sizes (n,), as many at a time as add up to at most ``most``, or a single one."""
    ends = sizes.cumsum(0)
    start, done = 0, 0
    while start < len(sizes):
        stop = max(start + 1, int(torch.searchsorted(ends, done + most, right=True)))
        yield slice(start, stop)
        start, done = stop, int(ends[stop - 1])
