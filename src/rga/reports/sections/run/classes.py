"""Accuracy by class of each run, and what the last one confuses, with examples."""

from __future__ import annotations

from collections.abc import Sequence

from rga.classification.result import ClassificationResult
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.results import share

CONFUSED = 10
"""How many kinds of mistakes are listed."""


def by_class(runs: Sequence[ReportedRun]) -> Section:
    """One row a class: the share of its images that each run classifies right."""
    found = [result_of(run) for run in runs]
    images = found[0].confusion.sum(1)
    rows = [
        (name, str(int(images[index])), *(share(float(each.recall[index])) for each in found))
        for index, name in enumerate(found[0].classes)
    ]
    caption = "The share of the images of each class that are classified right."
    return Section("Classes", (Table(("class", "images", *(run.name for run in runs)), tuple(rows), caption),))


def mistakes(runs: Sequence[ReportedRun]) -> list[Section]:
    """The commonest mistakes of the last run, with how often each run makes them; nothing where there are none."""
    found = [result_of(run) for run in runs]
    confused = found[-1].confusions(CONFUSED)
    if not confused:
        return []
    names = found[-1].classes
    rows = [
        (f"{right} taken for {answer}", *(str(int(each.confusion[names.index(right), names.index(answer)])) for each in found))
        for right, answer, _ in confused
    ]
    caption = f"The commonest mistakes of {runs[-1].name}, and how many images each run mistakes so."
    return [Section("Confusions", (Table(("mistake", *(run.name for run in runs)), tuple(rows), caption),))]


def result_of(run: ReportedRun) -> ClassificationResult:
    """The result of a classification run."""
    assert isinstance(run.result, ClassificationResult)
    return run.result
