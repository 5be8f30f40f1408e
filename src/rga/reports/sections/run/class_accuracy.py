"""The accuracy of each class by each classification run."""

from __future__ import annotations

from collections.abc import Sequence

from rga.classification.result import ClassificationResult
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.results import share


def section(runs: Sequence[ReportedRun]) -> Section:
    """One row a class: the share of its images that each run classifies right."""
    found = [result_of(run) for run in runs]
    images = found[0].confusion.sum(1)
    rows = [
        (name, str(int(images[index])), *(share(float(each.recall[index])) for each in found))
        for index, name in enumerate(found[0].classes)
    ]
    caption = "The share of the images of each class that are classified right."
    return Section("Classes", (Table(("class", "images", *(run.name for run in runs)), tuple(rows), caption),))


def result_of(run: ReportedRun) -> ClassificationResult:
    """The result of a classification run."""
    assert isinstance(run.result, ClassificationResult)
    return run.result
