"""The value that all sections on a ranking are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rga.ranking.examination import Examination
from rga.ranking.open_set.open_set import OpenSetResult
from rga.reports.rank_list import RankList


@dataclass(frozen=True)
class Findings:
    """What an evaluation found out about a ranking.

    Attributes:
        examined: feature -> the ranking by this feature.
        open_set: feature -> open-set identification by this feature; empty if it was not evaluated.
        shown: the feature whose distances, cameras and worst queries are shown.
        threshold: a distance to mark in the histogram; None for none.
        worst: rank lists of the worst queries of that feature, worst first.
        names: names of those queries.
    """

    examined: Mapping[str, Examination]
    open_set: Mapping[str, OpenSetResult]
    shown: str
    threshold: float | None
    worst: Sequence[RankList]
    names: Sequence[str]
