"""A ranking looked at more closely: query by query, at every recall, and from camera to camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.errors import InputError
from rga.ranking.average_precision import average_precision, found_at, precision
from rga.ranking.blocks import RankedBlock
from rga.ranking.labels import JUNK
from rga.ranking.matches import ABSENT, Labels, Pairing, match_ranks

RECALLS = 101
"""At how many recalls, from 0 to 1, precision is told."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class QueryDetails:
    """What each query reached; those without a match are left out.

    Attributes:
        queries: (n,), their indices among the queries.
        average_precision: (n,).
        first_rank: (n,), the rank of the first match, from 1.
        matches: (n,), how many there are to find.
        precision: (``RECALLS``,), at recalls from 0 to 1 the mean over the queries of the best precision at that recall or a higher one.
    """

    queries: Integers
    average_precision: Floats
    first_rank: Integers
    matches: Integers
    precision: Floats

    def best(self, count: int) -> Integers:
        """(count,), which rows of this table have the largest average precision, best first; of equal ones those with more to find."""
        order: Integers = np.lexsort((self.queries, -self.matches, -self.average_precision))[:count]
        return order

    def worst(self, count: int) -> Integers:
        """(count,), which rows of this table have the least average precision, worst first."""
        order: Integers = np.lexsort((self.queries, self.average_precision))[:count]
        return order


class QueryWatcher:
    """Watches a ranking for what each query reaches."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []
        self.precision = torch.zeros(RECALLS, dtype=torch.float64)

    def see(self, block: RankedBlock) -> None:
        """See ``Watcher``."""
        ranks = block.ranks[block.matched]
        indices = block.matched.nonzero().flatten() + block.queries.start
        columns = [indices.double(), average_precision(ranks), ranks[:, 0].double(), (ranks != ABSENT).sum(1).double()]
        self.rows.append(torch.stack(columns, 1).cpu())
        self.precision += interpolated_precision(ranks).sum(0).cpu()

    def result(self) -> QueryDetails:
        """The table of all blocks, of which at least one query must have had a match."""
        queries, average, first, matches = torch.cat(self.rows).T.numpy()
        return QueryDetails(
            queries.astype(np.int64), average, first.astype(np.int64), matches.astype(np.int64), (self.precision / len(queries)).numpy()
        )


def interpolated_precision(ranks: Tensor) -> Tensor:
    """At each of the recalls the best precision that a query reaches there or later.

    Args:
        ranks: (b, M) int64, each row the ranks of a query's matches, ascending, at least one; then ``ABSENT``.

    Returns:
        (b, ``RECALLS``) float64.

    Example:
        >>> interpolated_precision(torch.tensor([[1, 4, ABSENT]]))[0, [0, 50, 51, 100]]
        tensor([1.0000, 1.0000, 0.5000, 0.5000], dtype=torch.float64)
    """
    counts = (ranks != ABSENT).sum(1, keepdim=True)
    at_matches = precision(ranks, found_at(ranks)).where(ranks != ABSENT, 0.0)
    best = at_matches.flip(1).cummax(1).values.flip(1)
    needed = torch.arange(RECALLS, device=ranks.device) * counts  # matches to be found, times RECALLS - 1
    return best.gather(1, (-(-needed // (RECALLS - 1)) - 1).clamp_(min=0))


@dataclass(frozen=True)
class CameraPairs:
    """How well people are found from camera to camera, in a gallery of that camera's images alone.

    Attributes:
        query_cameras: (q,), ascending.
        gallery_cameras: (g,), ascending.
        queries: (q, g), how many queries of a camera have a match by the other.
        rank1: (q, g), the share of these whose nearest image is a match; NaN where there are none.
        mAP: (q, g), their mean average precision; NaN where there are none.
    """

    query_cameras: Integers
    gallery_cameras: Integers
    queries: Integers
    rank1: Floats
    mAP: Floats  # noqa: N815 - the field's own name

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: one entry for each pair with queries."""
        return {
            f"{query} -> {gallery}": {"queries": int(self.queries[i, j]), "R1": float(self.rank1[i, j]), "mAP": float(self.mAP[i, j])}
            for i, query in enumerate(self.query_cameras)
            for j, gallery in enumerate(self.gallery_cameras)
            if self.queries[i, j]
        }


class CameraWatcher:
    """Watches a ranking for the cameras that its images are from.

    Args:
        query: labels of the queries, with cameras.
        gallery: labels of the gallery, with cameras.

    Raises:
        InputError: cameras are not known.
    """

    def __init__(self, query: Labels, gallery: Labels) -> None:
        if query.cameras is None or gallery.cameras is None:
            raise InputError("cameras are not known: there are no pairs of cameras to look at")
        self.query_cameras, self.row = query.cameras.unique(return_inverse=True)
        seen = gallery.identities != JUNK
        self.gallery_cameras = gallery.cameras[seen].unique()
        self.columns = [((gallery.cameras == camera) & seen).nonzero().flatten() for camera in self.gallery_cameras]
        self.pairings = [Pairing(query, gallery.select(columns)) for columns in self.columns]
        self.sums = torch.zeros(len(self.query_cameras), len(self.columns), 3, dtype=torch.float64, device=self.row.device)

    def see(self, block: RankedBlock) -> None:
        """See ``Watcher``."""
        for number, (columns, pairing) in enumerate(zip(self.columns, self.pairings, strict=True)):
            candidates = pairing.candidates(block.queries)
            matched = candidates.matches.any(1)
            ranks = match_ranks(block.distances.index_select(1, columns), candidates)[matched]
            figures = torch.stack([torch.ones(len(ranks), device=ranks.device), ranks[:, 0] == 1, average_precision(ranks)], 1).double()
            self.sums[:, number].index_add_(0, self.row[block.queries][matched], figures)

    def result(self) -> CameraPairs:
        """The tables of all blocks."""
        counts, first, average = self.sums.cpu().numpy().transpose(2, 0, 1)
        with np.errstate(invalid="ignore"):
            rank1, mean = first / counts, average / counts
        return CameraPairs(self.query_cameras.cpu().numpy(), self.gallery_cameras.cpu().numpy(), counts.astype(np.int64), rank1, mean)
