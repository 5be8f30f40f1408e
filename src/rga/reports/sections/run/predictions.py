"""Some images as each segmentation run sees them."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.report import Section
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.demo import predictions
from rga.segmentation.model import SegmentationModel


def section(runs: Sequence[ReportedRun]) -> Section:
    """A row for each image, a column for each run, and the mistakes of the last one."""
    models: dict[str, SegmentationModel] = {}
    for run in runs:
        assert isinstance(run.model, SegmentationModel)
        models[run.name] = run.model
    return predictions.section(runs[0].data, models)
