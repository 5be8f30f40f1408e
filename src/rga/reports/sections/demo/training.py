"""The curves of both trainings, and how they were trained."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.report import Paragraph, Section
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.run import curves

COMPARED = (
    "The two trainings see the same images in the same batches and differ only in the attention. One training of each network is too "
    "little evidence to judge small differences between them."
)


def section(runs: Sequence[ReportedRun], recipe: str) -> Section:
    """The curves and a paragraph.

    Args:
        runs: both.
        recipe: the recipe in a sentence, with its full stop.
    """
    drawn = curves.section(runs)
    return Section("Training", (*(() if drawn is None else drawn.parts), Paragraph(f"{recipe} {COMPARED}")))
