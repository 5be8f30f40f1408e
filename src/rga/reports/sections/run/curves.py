"""The loss and the main metric of all runs by epoch."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reid.model import ReidModel
from rga.reports.curves import draw_runs
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun
from rga.training.run.log import read_log

LOSSES = {
    "reid": ("identity", "triplet"),
    "segmentation": ("pixels", "auxiliary"),
    "classification": ("cross_entropy",),
    "detection": ("classifier", "box_reg", "mask", "objectness", "rpn_box_reg"),
}
LABELS = {
    "reid": "cross-entropy + triplet loss",
    "segmentation": "cross-entropy of all heads",
    "classification": "cross-entropy",
    "detection": "sum of the five losses",
}
METRICS = {
    "reid": ("mAP_neck", "mAP"),
    "segmentation": ("mIoU", "mIoU"),
    "classification": ("top1", "top-1"),
    "detection": ("mask_AP", "mask AP"),
}
"""Task -> its losses and their label, and the name of its metric in the log and in words."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """A figure with two plots; None where no run has a log with an epoch in it."""
    logged = {run.name: run.folder for run in runs if read_log(run.folder, "train")}
    if not logged:
        return None
    task, model = runs[0].record.task, runs[0].model
    metric, label = METRICS[task]
    if isinstance(model, ReidModel):
        metric = f"mAP_{model.feature}"
    drawn = draw_runs(logged, LOSSES[task], metric, loss_label=LABELS[task], title=f"{label} by epoch", metric_label=f"{label} (%)")
    caption = f"The training loss, and the {label} of the evaluations during the training."
    return Section("Curves", (Figure(drawn, f"curves of the training loss and of the {label} by epoch", caption),))
