"""Rank lists of the last re-ID run: of queries that are spread evenly over all, and of those with the least average precision."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.examples import spread
from rga.reports.rank_list import JUNK_LEGEND, LEGEND, draw_rank_lists
from rga.reports.reid_runs import examination_of, lists
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun

SPREAD, WORST = 6, 4
"""How many queries are shown of each kind."""


def section(runs: Sequence[ReportedRun]) -> Section:
    """Two figures."""
    run = runs[-1]
    details = examination_of(run).details
    chosen = details.queries[spread(len(details.queries), SPREAD)].tolist()
    worst = details.worst(WORST)
    precision = ", ".join(f"{each:.1%}" for each in details.average_precision[worst])
    return Section(
        f"Rank lists of {run.name}",
        (
            Figure.of(draw_rank_lists(lists(run, chosen)), f"rank lists of {run.name}", LEGEND),
            Figure.of(
                draw_rank_lists(lists(run, details.queries[worst].tolist(), junk=True)),
                f"worst rank lists of {run.name}",
                f"The queries with the least average precision: {precision}. {JUNK_LEGEND}",
            ),
        ),
    )
