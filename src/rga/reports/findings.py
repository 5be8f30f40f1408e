"""The value that all sections on rankings are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rga.ranking.examination import Examination
from rga.ranking.open_set.open_set import OpenSetResult
from rga.reports.rank_list import RankList


@dataclass(frozen=True)
class Findings:
    """What evaluations found out about rankings of one gallery.

    Attributes:
        examined: name -> the ranking by a feature, or by a run.
        shown: the one whose distances, cameras and worst queries are shown.
        compared: what the names name: feature, run.
        open_set: name -> open-set identification; empty if it was not evaluated.
        threshold: a distance to mark in the histogram; None for none.
        worst: rank lists of the worst queries of the one that is shown, worst first.
        names: names of those queries.
    """

    examined: Mapping[str, Examination]
    shown: str
    compared: str = "feature"
    open_set: Mapping[str, OpenSetResult] = field(default_factory=dict)
    threshold: float | None = None
    worst: Sequence[RankList] = ()
    names: Sequence[str] = ()

    @property
    def by_shown(self) -> str:
        """What captions say of the one that is shown: by the feature neck, by RGA-SC."""
        return f"by the feature {self.shown}" if self.compared == "feature" else f"by {self.shown}"
