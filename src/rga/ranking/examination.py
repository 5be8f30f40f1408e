"""Everything that a report tells of a ranking, gathered in one walk over its distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rga.ranking.blocks import DistanceRows, Watcher, as_rows, walk
from rga.ranking.details import CameraPairs, CameraWatcher, QueryDetails, QueryWatcher
from rga.ranking.distances import FeatureArray
from rga.ranking.evaluation import Figures, pair
from rga.ranking.matches import FileNumbers, LabelArray
from rga.ranking.open_set.verification import PairCounter, PairDistances
from rga.ranking.result import RankingResult

WORST = 20
"""How many of the worst queries are named."""


@dataclass(frozen=True)
class Examination:
    """A ranking from all sides.

    Attributes:
        result: its figures.
        details: query by query.
        pairs: the distances of matches and of others.
        cameras: from camera to camera; None where cameras are not known.
    """

    result: RankingResult
    details: QueryDetails
    pairs: PairDistances
    cameras: CameraPairs | None

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """As JSON can hold it, with the names of the queries."""
        details = self.details
        worst = [
            {
                "query": names[details.queries[row]],
                "average_precision": float(details.average_precision[row]),
                "first_rank": int(details.first_rank[row]),
                "matches": int(details.matches[row]),
            }
            for row in details.worst(WORST)
        ]
        return {
            "ranking": self.result.to_dict(),
            "precision_at_recall": dict(zip(np.linspace(0, 1, 11).round(1).tolist(), details.precision[::10].tolist(), strict=True)),
            "verification": self.pairs.to_dict(),
            "cameras": None if self.cameras is None else self.cameras.to_dict(),
            "worst_queries": worst,
        }


def query_details(
    distances: FeatureArray | DistanceRows,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    files: FileNumbers | None = None,
    block: int | None = None,
) -> QueryDetails:
    """What each query reaches in a ranking; at least one must have a match. The arguments are those of ``examine``.

    Example:
        >>> query_details(np.array([[0.1, 0.6, 0.9], [0.7, 0.3, 0.2]]), [1, 2], [1, 1], [1, 2, 3], [2, 2, 3]).average_precision
        array([1. , 0.5])
    """
    source = as_rows(distances)
    pairing = pair(query_ids, query_cameras, gallery_ids, gallery_cameras, source, files)
    details = QueryWatcher()
    walk(source, pairing, [details], block)
    return details.result()


def examine(
    distances: FeatureArray | DistanceRows,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    files: FileNumbers | None = None,
    metric: str = "given",
    block: int | None = None,
) -> Examination:
    """Looks at a ranking from all sides.

    Args:
        distances: as for ``rga.reid.evaluate_distances``, like all that follow.
        query_ids: (queries,).
        query_cameras: (queries,) or None.
        gallery_ids: (gallery,).
        gallery_cameras: (gallery,) or None.
        files: of queries and gallery, or None.
        metric: what the result calls the distance.
        block: queries at a time; None chooses by memory.

    Raises:
        ValueError: as ``rga.reid.evaluate_distances`` and ``rga.reid.verify``.

    Example:
        >>> found = examine(np.array([[0.1, 0.6, 0.9], [0.7, 0.3, 0.2]]), [1, 2], [1, 1], [1, 2, 3], [2, 2, 3])
        >>> found.result.mAP, found.details.first_rank.tolist(), found.cameras.to_dict()["1 -> 2"]["R1"]
        (0.75, [1, 2], 1.0)
    """
    source = as_rows(distances)
    pairing = pair(query_ids, query_cameras, gallery_ids, gallery_cameras, source, files)
    figures, details, pairs = Figures(pairing, metric), QueryWatcher(), PairCounter(source, pairing)
    cameras = None if query_cameras is None else CameraWatcher(pairing.query, pairing.gallery)
    watchers: list[Watcher] = [figures, details, pairs]
    if cameras is not None:
        watchers.append(cameras)
    walk(source, pairing, watchers, block)
    return Examination(figures.result(), details.result(), pairs.result(), None if cameras is None else cameras.result())
