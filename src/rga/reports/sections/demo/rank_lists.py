"""Rank lists of some queries, and of those that were ranked worst."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.demo_runs import spread
from rga.reports.rank_list import LEGEND, RankList, draw_rank_lists
from rga.reports.report import Figure, Section, Text


def section(title: str, lists: Sequence[RankList], method: str, shown: int, caption: Text = LEGEND, worst: int = 0) -> Section:
    """A figure of rank lists, and if there are misses one of the worst.

    Args:
        title: of the section.
        lists: of all queries, by one method.
        method: name of the method, with its article.
        shown: how many queries are shown, spread evenly over all.
        caption: of the figure.
        worst: how many of the queries whose nearest image is no match are shown in a second figure.
    """
    chosen = [lists[index] for index in spread(len(lists), shown)]
    figures = [Figure.of(draw_rank_lists(chosen), f"rank lists of {method}", caption)]
    missed = [each for each in lists if each.first_right is not None and each.first_right > 1]
    missed = sorted(missed, key=lambda each: each.first_right or 0, reverse=True)[:worst]
    if missed:
        ranks = ", ".join(str(each.first_right) for each in missed)
        figures.append(
            Figure.of(
                draw_rank_lists(missed), f"worst rank lists of {method}", f"The worst queries. Their first matches are at rank {ranks}."
            )
        )
    return Section(title, tuple(figures))
