"""The IoU of each class by each segmentation run."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.results import share
from rga.segmentation.result import SegmentationResult


def section(runs: Sequence[ReportedRun]) -> Section:
    """One row a class."""
    found = [result_of(run) for run in runs]
    rows = [(name, *(share(float(each.iou[index])) for each in found)) for index, name in enumerate(found[0].names)]
    caption = "Intersection over union (IoU) of each class. A dash marks a class that is neither there nor predicted."
    return Section("Classes", (Table(("class", *(run.name for run in runs)), tuple(rows), caption),))


def result_of(run: ReportedRun) -> SegmentationResult:
    """The result of a segmentation run."""
    assert isinstance(run.result, SegmentationResult)
    return run.result
