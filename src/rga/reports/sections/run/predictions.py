"""Some images as each segmentation run sees them, and the mistakes of the last run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from rga.reports.examples import spread
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.drawing import PAPER, legend, overlay, panels
from rga.segmentation.model import SegmentationModel

SHOWN = 6
"""How many images are shown."""
WIDTH = 260
"""Pixels of an image's width, at most: larger ones would make the writing unreadable in a page."""


def section(runs: Sequence[ReportedRun]) -> Section:
    """One figure: a row for each image, a column for each run, and a column with the mistakes of the last one."""
    data: SegmentationData = runs[0].data
    models = [model_of(run) for run in runs]
    rows = []
    for index in spread(len(data.val), SHOWN, shift=0.3):
        image, labels = read_sample(data.val[index], data.classes)
        found = [model.segment([image])[0].labels for model in models]
        wrong = np.where((found[-1] != labels) & (labels < len(data.classes)), np.uint8(255), np.uint8(40))
        cells = [image, *(overlay(image, each, data.classes) for each in found), Image.fromarray(wrong).convert("RGB")]
        rows.append([small(cell) for cell in cells])
    size = max(cell.width for row in rows for cell in row), max(cell.height for row in rows for cell in row)
    rows = [[ImageOps.pad(cell, size, Image.Resampling.NEAREST, PAPER) for cell in row] for row in rows]  # images may differ in size
    heads = ("image", *(run.name for run in runs), f"mistakes of {runs[-1].name}")
    return Section(
        "Predictions",
        (
            Figure.of(
                with_legend(panels(rows, heads), data),
                "images, the classes that each network predicts, and the mistakes of the last network",
                "In the last column, white pixels are wrong, and dark pixels are right or ignored.",
            ),
        ),
    )


def model_of(run: ReportedRun) -> SegmentationModel:
    """The model of a segmentation run."""
    assert isinstance(run.model, SegmentationModel)
    return run.model


def small(image: Image.Image) -> Image.Image:
    """An image that is at most ``WIDTH`` wide."""
    if image.width <= WIDTH:
        return image
    return image.resize((WIDTH, max(1, round(image.height * WIDTH / image.width))), Image.Resampling.BOX)


def with_legend(sheet: Image.Image, data: SegmentationData) -> Image.Image:
    """A sheet with the names and colours of the classes below it."""
    below = legend(data.classes, sheet.width)
    whole = Image.new("RGB", (sheet.width, sheet.height + below.height))
    whole.paste(sheet, (0, 0))
    whole.paste(below, (0, sheet.height))
    return whole
