"""The average precision of each category by each detection run."""

from __future__ import annotations

from collections.abc import Sequence

from rga.detection.result import DetectionResult
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.results import share


def section(runs: Sequence[ReportedRun]) -> Section:
    """One row a category, with a column for boxes and one for masks of each run."""
    columns = []
    for run in runs:
        assert isinstance(run.result, DetectionResult)
        columns.append((f"{run.name}: box AP", run.result.boxes.by_class))
        if run.result.masks is not None:
            columns.append((f"{run.name}: mask AP", run.result.masks.by_class))
    first = runs[0].result
    assert isinstance(first, DetectionResult)
    rows = [(name, *(share(float(values[index])) for _, values in columns)) for index, name in enumerate(first.names)]
    caption = "COCO's average precision (AP) over IoU thresholds from .50 to .95. A dash marks a category without objects."
    return Section("Categories", (Table(("category", *(head for head, _ in columns)), tuple(rows), caption),))
