"""Some of the generated street scenes beside their masks, and how many there are."""

from __future__ import annotations

from rga.datasets.splits import SPLITS
from rga.reports.examples import spread
from rga.reports.report import Code, Figure, Section, Table
from rga.reports.sections.run.predictions import with_legend
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.drawing import label_image, panels

SHOWN = 3
"""How many scenes are shown."""


def section(data: SegmentationData) -> Section:
    """A figure of scenes with their masks, and a table of the splits."""
    rows = []
    for index in spread(len(data.val), SHOWN):
        image, labels = read_sample(data.val[index], data.classes)
        rows.append([image, label_image(labels, data.classes)])
    counts = tuple((name, f"{data.counts[name].images:,}", f"{data.counts[name].masks:,}") for name in SPLITS)
    return Section(
        "The scenes",
        (
            Figure.of(
                with_legend(panels(rows, ("image", "mask")), data),
                "generated street scenes beside their masks",
                "Black pixels are ignored: they show the bonnet of the car that carries the camera.",
            ),
            Table(
                ("split", "streets", "masks"),
                counts,
                ("Generated scenes in the layout of Cityscapes, dataset fingerprint ", Code(data.fingerprint), "."),
            ),
        ),
    )
