"""Rank lists by colour histogram, with which the networks are compared."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.rank_list import RankList, draw_rank_lists
from rga.reports.report import Figure, Section


def section(lists: Sequence[RankList]) -> Section:
    """One figure."""
    caption = "The colours of an image depend first of all on its camera and its background."
    return Section("Rank lists by colour histogram", (Figure.of(draw_rank_lists(lists), "rank lists of the colour histogram", caption),))
