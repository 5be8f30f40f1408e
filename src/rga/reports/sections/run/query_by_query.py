"""The queries in which the last re-ID run differs most from the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rga.reports.rank_list import draw_rank_lists
from rga.reports.reid_runs import examination_of, lists
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun

DIFFERENT = 4
"""How many queries are shown of each kind."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """For each query the list of the first run, then that of the last; None for a single run, or where no query differs."""
    if len(runs) < 2:
        return None
    first, last = runs[0], runs[-1]
    before, after = examination_of(first).details, examination_of(last).details
    gain = after.average_precision - before.average_precision  # both have the same queries, those with a match
    figures = []
    for heading, order in (("gains most", np.argsort(-gain, kind="stable")), ("loses most", np.argsort(gain, kind="stable"))):
        rows = [row for row in order[:DIFFERENT] if (gain[row] > 0 if heading == "gains most" else gain[row] < 0)]
        if not rows:
            continue
        queries = before.queries[rows].tolist()
        pairs = zip(lists(first, queries), lists(last, queries), strict=True)
        names = [first.name, last.name] * len(rows)
        said = "; ".join(f"{before.average_precision[row]:.0%} to {after.average_precision[row]:.0%}" for row in rows)
        figures.append(
            Figure.of(
                draw_rank_lists([each for pair in pairs for each in pair], names=names),
                f"rank lists of {first.name} and of {last.name} where {last.name} {heading}",
                f"Where {last.name} {heading}: of each query the list of {first.name}, and below it that of {last.name}. Average "
                f"precision: {said}.",
            )
        )
    return Section(f"{first.name} and {last.name}, query by query", tuple(figures)) if figures else None
