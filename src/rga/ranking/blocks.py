"""Rankings block by block: some queries at a time, in memory that depends on neither the number of queries nor that of gallery images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rga.errors import InputError
from rga.ranking.distances import METRICS, FeatureArray, Features, as_matrix, read_features
from rga.ranking.matches import Candidates, Pairing, hide, match_ranks
from rga.ranking.metric import Metric

BLOCK_BYTES = 2**30
"""Memory for one block of distances. A matrix product of few rows is slow, and a large gallery leaves few: be generous."""


class DistanceRows(Protocol):
    """Distances of queries to a gallery that are there, or computed, some rows at a time.

    Attributes:
        shape: (queries, gallery).
        dtype: float32 or float64.
        device: where they are.
        bounds: no distance is below the first or above the second, but for rounding.
    """

    @property
    def shape(self) -> tuple[int, int]: ...  # noqa: D102 - see above
    @property
    def dtype(self) -> torch.dtype: ...  # noqa: D102
    @property
    def device(self) -> torch.device: ...  # noqa: D102
    @property
    def bounds(self) -> tuple[float, float]: ...  # noqa: D102

    def fill(self, queries: slice, out: Tensor) -> Tensor:
        """Writes the distances of some queries into ``out`` (b, gallery), finite, small where alike; ``queries`` has a start and a stop."""
        ...


class FeatureDistances:
    """Distances of features.

    Args:
        query: features of the queries.
        gallery: features of the gallery.
        metric: which distance.
    """

    def __init__(self, query: Features, gallery: Features, metric: Metric) -> None:
        self.query = query
        self.gallery = gallery
        self.metric = metric
        self.shape = len(query), len(gallery)
        self.dtype = gallery.rows.dtype
        self.device = gallery.rows.device
        self.bounds = 0.0, 2.0 if metric == "cosine" else float(query.norms.max() + gallery.norms.max())

    def fill(self, queries: slice, out: Tensor) -> Tensor:
        """See ``DistanceRows``."""
        return METRICS[self.metric](self.query.select(queries), self.gallery, out)


class GivenDistances:
    """Distances that somebody computed.

    Args:
        matrix: (queries, gallery), floating-point.

    Raises:
        InputError: by ``fill``: they are not finite.
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.shape = matrix.shape[0], matrix.shape[1]
        self.dtype = torch.float64 if matrix.dtype == torch.float64 else torch.float32
        self.device = matrix.device

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest of them."""
        return float(self.matrix.min()), float(self.matrix.max())

    def fill(self, queries: slice, out: Tensor) -> Tensor:
        """See ``DistanceRows``."""
        out.copy_(self.matrix[queries])
        if not out.isfinite().all():
            raise InputError("distances hold NaN or infinity: replace them by finite numbers")
        return out


def row_distances(query_features: FeatureArray, gallery_features: FeatureArray, metric: Metric = "cosine") -> FeatureDistances:
    """The distances of features, to be computed some rows at a time; arguments and errors as for ``rga.ranking.distances.distances``.

    Example:
        >>> row_distances(torch.eye(2), torch.eye(2)).fill(slice(0, 1), torch.empty(1, 2))
        tensor([[0., 1.]])
    """
    query, gallery = read_features(query_features, gallery_features, metric)
    return FeatureDistances(query, gallery, metric)


def as_rows(distances: FeatureArray | DistanceRows) -> DistanceRows:
    """Distances to be had some rows at a time: an array or a tensor (queries, gallery), or what is that already.

    Raises:
        InputError: they are something else.
    """
    if isinstance(distances, (np.ndarray, Tensor, list, tuple)):
        return GivenDistances(as_matrix(distances, "distances"))
    if not callable(getattr(distances, "fill", None)):
        raise InputError(
            "distances are an array or a tensor (queries, gallery), or what rga.reid.row_distances and rga.reid.rerank return; "
            f"got {type(distances).__name__}"
        )
    return distances


@dataclass(frozen=True)
class RankedBlock:
    """Some queries and what is known of their rankings.

    Attributes:
        queries: which they are; start and stop are numbers.
        distances: (b, gallery); infinite for what a query may not see. The memory is used again for the next block.
        candidates: the gallery images of each query's identity.
        ranks: (b, M) int64, of each query's matches, ascending, counted from 1; ``ABSENT`` behind the last.
    """

    queries: slice
    distances: Tensor
    candidates: Candidates
    ranks: Tensor

    @property
    def matched(self) -> Tensor:
        """(b,), the queries that have a match."""
        return self.candidates.matches.any(1)


def ranked_blocks(source: DistanceRows, pairing: Pairing, block: int | None = None) -> Iterator[RankedBlock]:
    """All queries, block by block.

    Args:
        source: of the distances.
        pairing: who matches whom.
        block: how many queries at a time; None chooses by memory.
    """
    queries, images = source.shape
    bytes_per_query = source.dtype.itemsize * images + 64 * pairing.widest
    block = min(queries, max(1, BLOCK_BYTES // bytes_per_query) if block is None else block)
    memory = torch.empty(block, images, dtype=source.dtype, device=source.device)
    for start in range(0, queries, block):
        some = slice(start, min(start + block, queries))
        distances = source.fill(some, memory[: some.stop - start])
        candidates = pairing.candidates(some)
        hide(distances, candidates, pairing.junk)
        yield RankedBlock(some, distances, candidates, match_ranks(distances, candidates))


class Watcher(Protocol):
    """Something that gathers what it wants to know from the blocks of a ranking."""

    def see(self, block: RankedBlock) -> None:
        """Takes a block in; nothing of its distances may be changed or kept."""
        ...


def walk(source: DistanceRows, pairing: Pairing, watchers: Sequence[Watcher], block: int | None = None) -> None:
    """Shows all blocks to each of the watchers; arguments as for ``ranked_blocks``."""
    for each in ranked_blocks(source, pairing, block):
        for watcher in watchers:
            watcher.see(each)
