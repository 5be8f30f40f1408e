"""What the last classification run confuses."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run.class_accuracy import result_of

CONFUSED = 10
"""How many kinds of mistakes are listed."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """The commonest mistakes of the last run, with how often each run makes them; None where there are none."""
    found = [result_of(run) for run in runs]
    confused = found[-1].confusions(CONFUSED)
    if not confused:
        return None
    names = found[-1].classes
    rows = [
        (f"{right} taken for {answer}", *(str(int(each.confusion[names.index(right), names.index(answer)])) for each in found))
        for right, answer, _ in confused
    ]
    caption = f"The commonest mistakes of {runs[-1].name}, and how many images each run mistakes so."
    return Section("Confusions", (Table(("mistake", *(run.name for run in runs)), tuple(rows), caption),))
