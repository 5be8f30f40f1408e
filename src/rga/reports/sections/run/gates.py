"""Where the attention of the last run that has RGA looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rga.attention.modules import SpatialRelationAttention
from rga.attention.space_time import SpaceTimeAttention
from rga.classification.datasets.samples import ClassificationData
from rga.detection.datasets.samples import DetectionData
from rga.images.inputs import ImageLike
from rga.reid.datasets.samples import ReidData
from rga.reports.examples import spread
from rga.reports.gates import LEGEND, draw_gates
from rga.reports.plotting import as_png
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun
from rga.segmentation.datasets.samples import SegmentationData

SHOWN = 3
"""How many images are shown."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """One figure with a row for each image; None where no run has RGA over positions."""
    attended = [run for run in runs if any(is_drawn(module) for module in run.model.modules())]
    if not attended:
        return None
    run = attended[-1]
    figure = Figure(as_png(draw_gates(run.model, images_of(run.data))), f"gates of {run.name} on some test images", LEGEND)
    return Section(f"Where {run.name} looks", (figure,))


def is_drawn(module: object) -> bool:
    """Whether a module is an RGA-S with relations, between the positions of one image."""
    return isinstance(module, SpatialRelationAttention) and module.gate.relation and not isinstance(module, SpaceTimeAttention)


def images_of(data: Any) -> list[ImageLike]:
    """Some images of a test, spread evenly over all."""
    if isinstance(data, ReidData):
        return [data.query[index].path for index in spread(len(data.query), SHOWN, shift=0.35)]
    if isinstance(data, SegmentationData):
        return [data.val[index].image for index in spread(len(data.val), SHOWN, shift=0.35)]
    if isinstance(data, DetectionData):
        return [data.val[index].image for index in spread(len(data.val), SHOWN, shift=0.35)]
    assert isinstance(data, ClassificationData)
    tested = data.test if len(data.test) else data.val
    return [tested.images[index] for index in spread(len(tested), SHOWN, shift=0.35)]
