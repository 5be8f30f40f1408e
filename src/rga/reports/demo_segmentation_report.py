"""The report of ``rga demo segmentation``: two segmentation networks, compared on generated street scenes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from rga.attachment.costs import Cost
from rga.reports.curves import draw_runs
from rga.reports.demo_runs import ATTENDED, COST_HEADS, PLAIN, RUNS, counted, method_columns
from rga.reports.report import Section, Table
from rga.reports.sections.demo import next_steps, predictions, results, scenes, settings, training
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.result import SegmentationResult
from rga.synthetic.streets.streets import StreetOptions

HEADS = ("", "mIoU", "pixel accuracy", "mean accuracy", *COST_HEADS)
FOOTER = (
    "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention (arXiv 1904.02998). The scenes are drawings. Their "
    "figures say nothing about real streets."
)


@dataclass(frozen=True)
class Method:
    """A trained network, and what it reached.

    Attributes:
        name: in the report.
        model: the network.
        result: on the validation scenes.
        cost: of the network for one scene.
        seconds: of training.
    """

    name: str
    model: SegmentationModel
    result: SegmentationResult
    cost: Cost
    seconds: float


@dataclass(frozen=True)
class SegmentationDemo:
    """What the demo did.

    Attributes:
        data: the generated scenes.
        streets: options that they were generated with.
        recipe: of the training with attention.
        methods: plain network, network with RGA-SC.
        output: the demo's folder.
        seconds: part of the demo -> seconds that it took.
    """

    data: SegmentationData
    streets: StreetOptions
    recipe: SegmentationRecipe
    methods: Sequence[Method]
    output: Path
    seconds: Mapping[str, float]
    footer: ClassVar[str] = FOOTER

    def summary(self) -> str:
        """The main result in two sentences."""
        reached = {method.name: f"{method.result.mIoU:.1%}" for method in self.methods}
        return (
            f"The test segments {len(self.data.val)} street scenes into {len(self.data.classes)} classes; neither training saw them. "
            f"The network with RGA-SC reaches a mean intersection over union (mIoU) of {reached[ATTENDED]}, the same network without "
            f"attention {reached[PLAIN]}."
        )

    def sections(self) -> list[Section]:
        """The sections of the report in their order."""
        data, recipe, methods = self.data, self.recipe, self.methods
        tested = methods[0].result
        caption = (
            f"{tested.images} scenes, {tested.matrix.sum():,} pixels in one confusion matrix; networks after the last epoch. Parameters "
            "and multiply-accumulates (MAC) are those for one scene."
        )
        curves = draw_runs(
            {name: self.output / folder for name, folder in RUNS.items()},
            ("pixels", "auxiliary"),
            "mIoU",
            loss_label="cross-entropy of both heads",
            title="mIoU on scenes not seen in training",
            metric_label="mIoU (%)",
            skip_styles=1,
        )
        return [
            results.section(HEADS, [columns(method) for method in methods], caption, by_class(methods)),
            scenes.section(data),
            predictions.section(data, {method.name: method.model for method in methods}),
            training.section(curves, "mIoU", "crops", recipe_in_words(recipe)),
            settings.section(recipe.fields(), SegmentationRecipe().fields(), "streets", asdict(self.streets), self.seconds),
            next_steps.section(commands(self)),
        ]


def columns(method: Method) -> tuple[str, ...]:
    """The values of a method below ``HEADS``."""
    result = method.result
    shares = (result.mIoU, result.pixel_accuracy, result.mean_accuracy)
    return method_columns(method.name, shares, method.cost, method.seconds)


def by_class(methods: Sequence[Method]) -> Table:
    """The IoU of each class by each network."""
    rows = []
    for index, name in enumerate(methods[0].result.names):
        found = [method.result.iou[index] for method in methods]
        rows.append((name, *("-" if np.isnan(iou) else f"{iou:.1%}" for iou in found)))
    caption = "Intersection over union (IoU) of each class. A dash marks a class without pixels."
    return Table(("class", *(method.name for method in methods)), tuple(rows), caption)


def recipe_in_words(recipe: SegmentationRecipe) -> str:
    """The recipe in two sentences."""
    chosen, (height, width) = recipe.model, recipe.batches.crop_size
    return (
        f"The backbone {chosen.backbone} starts with random weights, at output stride {chosen.output_stride}, with the head {chosen.head}. "
        f"It is trained for {counted(recipe.optimization.epochs, 'epoch')} on crops of {height}\u00d7{width} pixels in batches of "
        f"{recipe.batches.batch_size}. The loss counts only the hardest pixels."
    )


def commands(demo: SegmentationDemo) -> dict[str, str]:
    """What to try next."""
    run, root = (shlex.quote(str(path)) for path in (demo.output / RUNS[ATTENDED] / "last", demo.data.root))
    both = " ".join(shlex.quote(str(demo.output / folder)) for folder in RUNS.values())
    return {
        "Compare both networks on one page:": f"rga report {both} -o comparison.html",
        "See what the network looks at:": f"rga explain {run} IMAGES -o explained",
        "Segment your own images:": f"rga segment {run} IMAGES -o segmented",
        "Evaluate the model again:": f"rga evaluate {run} --data streets:{root}",
        "Train another attention and another head:": (
            f"rga train seg/generated --data streets:{root} --attention cbam-cs --head dual -o runs/cbam"
        ),
        "Train on your own images and masks:": "rga train seg/folder --data folder:DIR",
        "Train on CamVid:": "rga train seg/camvid --data camvid:DIR",
        "Train on Cityscapes, on a GPU:": "rga train seg/cityscapes --data cityscapes:DIR",
    }
