"""The mAP of groups of queries, where the data say under which conditions their images were taken."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.reid_runs import evaluation_of
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.results import share


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """One row a group; None where the data do not say."""
    found = [evaluation_of(run).conditions.get(evaluation_of(run).shown, {}) for run in runs]
    if not all(found):
        return None
    rows = [
        (group, f"{figures['queries']:.0f}", *(share(each[group]["mAP"]) if group in each else "-" for each in found))
        for group, figures in found[0].items()
    ]
    heads = ("queries", "number", *(run.name for run in runs))
    return Section("Conditions", (Table(heads, tuple(rows), "The mAP of groups of queries; a query may be in several."),))
