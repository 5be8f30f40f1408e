"""Some images with the objects that each detection run finds, and those that are annotated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from rga.detection.datasets.samples import DetectionData, Sample
from rga.detection.datasets.targets import read_checked, read_target
from rga.detection.drawing import overlay
from rga.detection.found import Detections
from rga.detection.model import DetectionModel
from rga.reports.examples import spread
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun
from rga.segmentation.drawing import PAPER, panels

SHOWN = 4
"""How many images are shown."""
WIDTH = 360
"""Pixels of an image's width, at most."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """One figure: a row for each image, a column with its annotated objects, and one for each run; None without annotated images."""
    data: DetectionData = runs[0].data
    samples = [sample for sample in data.val if sample.objects is not None]
    if not samples:
        return None
    names = data.classes.names
    rows = []
    for index in spread(len(samples), SHOWN, shift=0.3):
        image = read_checked(samples[index])
        cells = [overlay(image, annotated(samples[index]), names)]
        for run in runs:
            assert isinstance(run.model, DetectionModel)
            cells.append(overlay(image, run.model.detect(image)[0], names))
        rows.append([small(cell) for cell in cells])
    size = max(cell.width for row in rows for cell in row), max(cell.height for row in rows for cell in row)
    rows = [[ImageOps.pad(cell, size, Image.Resampling.NEAREST, PAPER) for cell in row] for row in rows]  # images may differ in size
    shown = Figure.of(
        panels(rows, ("annotated", *(run.name for run in runs))),
        "images with the objects that are annotated, and with those that each network finds",
        "Objects with a score of 0.5 or more. Crowd regions are left out.",
    )
    return Section("Objects", (shown,))


def annotated(sample: Sample) -> Detections:
    """The annotated objects of an image, as if they had been found."""
    target = read_target(sample)
    return Detections(target.boxes, target.labels, np.ones(len(target.boxes), np.float32), target.masks)


def small(image: Image.Image) -> Image.Image:
    """An image that is at most ``WIDTH`` wide."""
    if image.width <= WIDTH:
        return image
    return image.resize((WIDTH, max(1, round(image.height * WIDTH / image.width))), Image.Resampling.BOX)
