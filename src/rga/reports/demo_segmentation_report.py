"""What ``rga demo segmentation`` says in the end: the images, tables and sections of its report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import rga
from rga.attachment.costs import Cost
from rga.reports.curves import draw_runs
from rga.reports.demo_report import times
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, spread
from rga.reports.report import Figure, Part, Section, Table
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import SPLITS, SegmentationData
from rga.segmentation.drawing import label_image, legend, overlay, panels
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.result import SegmentationResult
from rga.synthetic.streets.streets import StreetOptions

SHOWN = 6
"""Scenes whose prediction is shown."""


@dataclass(frozen=True)
class Method:
    """A trained network, and what it reached.

    Attributes:
        name: in the report.
        model: the network.
        result: on the scenes that no training saw.
        cost: for one scene.
        seconds: of training.
    """

    name: str
    model: SegmentationModel
    result: SegmentationResult
    cost: Cost
    seconds: float


HEADS = ("", "mIoU", "pixel accuracy", "mean accuracy", "parameters", "MAC", "training")


def figures(method: Method) -> tuple[str, ...]:
    """A method's row in the table of results."""
    result, spent = method.result, method.cost
    shares = (result.mIoU, result.pixel_accuracy, result.mean_accuracy)
    costs = (f"{spent.parameters / 1e6:.2f} M", f"{spent.macs / 1e6:.0f} M", f"{method.seconds:.0f} s")
    return (method.name, *(f"{share:.1%}" for share in shares), *costs)


def summary(methods: Sequence[Method], data: SegmentationData) -> str:
    """What came out, in a sentence or two."""
    reached = {method.name: f"{method.result.mIoU:.1%}" for method in methods}
    return (
        f"{len(data.val)} street scenes that no training saw, each pixel told apart into {len(data.classes)} classes: the network with "
        f"RGA-SC reaches a mean intersection over union of {reached[ATTENDED]}, the same network without it {reached[PLAIN]}."
    )


def compose(
    data: SegmentationData,
    streets: StreetOptions,
    recipe: SegmentationRecipe,
    methods: Sequence[Method],
    output: Path,
    *,
    seconds: Mapping[str, float],
) -> list[Section]:
    """The sections of the report."""
    counted = methods[0].result
    table = Table(
        HEADS,
        tuple(figures(method) for method in methods),
        f"{counted.images} scenes, {counted.matrix.sum():,} pixels in one confusion matrix; models of the last epoch. Parameters and "
        "multiply-accumulates (MAC) for one scene.",
        strong=len(methods) - 1,
    )
    training = Figure(
        draw_runs(
            {name: output / folder for name, folder in RUNS.items()},
            ("pixels", "auxiliary"),
            "mIoU",
            loss_label="cross-entropy, both heads",
            title="mIoU on scenes not seen in training",
            metric_label="mIoU (%)",
            skip_styles=1,
        ),
        "the loss and the mIoU of both trainings by epoch",
        "Both trainings see the same crops in the same batches.",
    )
    return [
        Section("Results", (table, by_class(methods))),
        Section("The scenes", (examples_of(data), counts_of(data))),
        Section("What the networks see", predictions(data, methods)),
        Section("Training", (training, training_in_words(recipe))),
        Section("Settings", (settings_of(recipe, streets), times(seconds))),
        Section("How to go on", how_to_go_on(output, data.root)),
    ]


def by_class(methods: Sequence[Method]) -> Table:
    """The IoU of each class."""
    rows = []
    for index, name in enumerate(methods[0].result.names):
        found = [method.result.iou[index] for method in methods]
        rows.append((name, *("-" if np.isnan(iou) else f"{iou:.1%}" for iou in found)))
    return Table(("intersection over union", *(method.name for method in methods)), tuple(rows))


def examples_of(data: SegmentationData) -> Figure:
    """Some scenes and their masks."""
    rows = []
    for place in spread(len(data.val), 3):
        image, labels = read_sample(data.val[place], data.classes)
        rows.append([image, label_image(labels, data.classes)])
    return Figure.of(
        with_legend(panels(rows, ("scene", "mask")), data),
        "generated scenes and their masks",
        "Black is ignored: the bonnet of the car that carries the camera.",
    )


def predictions(data: SegmentationData, methods: Sequence[Method]) -> tuple[Part, ...]:
    """Some scenes as the networks see them, and where the last of these is wrong."""
    rows = []
    for place in spread(len(data.val), SHOWN, shift=0.3):
        image, labels = read_sample(data.val[place], data.classes)
        found = [method.model.segment([image])[0].labels for method in methods]
        wrong = np.where((found[-1] != labels) & (labels < len(data.classes)), np.uint8(255), np.uint8(40))
        rows.append([image, *(overlay(image, each, data.classes) for each in found), Image.fromarray(wrong).convert("RGB")])
    heads = ("scene", *(method.name for method in methods), f"mistakes of {methods[-1].name}")
    sheet = with_legend(panels(rows, heads), data)
    return (Figure.of(sheet, "street scenes, what each network sees in them, and mistakes", "White pixels are wrong: most lie on seams."),)


def with_legend(sheet: Image.Image, data: SegmentationData) -> Image.Image:
    """A sheet with the names of the colours below it."""
    below = legend(data.classes, sheet.width)
    whole = Image.new("RGB", (sheet.width, sheet.height + below.height))
    whole.paste(sheet, (0, 0))
    whole.paste(below, (0, sheet.height))
    return whole


def training_in_words(recipe: SegmentationRecipe) -> str:
    """What a training was."""
    return (
        f"{recipe.backbone} from random weights at an output stride of {recipe.output_stride}, head {recipe.head}, crops of "
        f"{recipe.height}\u00d7{recipe.width}, {recipe.epochs} epochs in batches of {recipe.batch_size}, on the pixels that are hard. The "
        "two trainings differ in the attention alone; a single training of each says little about small differences between them."
    )


def counts_of(data: SegmentationData) -> Table:
    """What the data hold."""
    rows = tuple((name, f"{data.counts[name].images:,}", f"{data.counts[name].masks:,}") for name in SPLITS)
    return Table(("", "images", "masks"), rows, f"Generated street scenes in Cityscapes' layout, fingerprint [[{data.fingerprint}]]")


def settings_of(recipe: SegmentationRecipe, streets: StreetOptions) -> Table:
    """What the demo chose, and the software."""
    defaults = SegmentationRecipe().to_dict()
    chosen = {name: value for name, value in recipe.to_dict().items() if value != defaults[name] and name != "root"}
    return Table(
        (),
        (
            ("recipe", "where it differs from the one for Cityscapes: " + ", ".join(f"{name} {value}" for name, value in chosen.items())),
            ("generated street scenes", ", ".join(f"{name} {value}" for name, value in asdict(streets).items())),
            ("software", f"rga {rga.__version__}, PyTorch {torch.__version__}, CPU threads {torch.get_num_threads()}"),
        ),
    )


def how_to_go_on(output: Path, root: Path) -> tuple[str, ...]:
    """What to type next."""
    run, streets = (shlex.quote(str(path)) for path in (output / RUNS[ATTENDED] / "last", root))
    return (
        f"Segment images of your own: [[rga segment IMAGES --model {run} -o segmented]].",
        f"Evaluate a model again: [[rga evaluate-segmentation {run} --data streets --root {streets}]].",
        f"Other attentions and heads: [[rga train seg-generated --root {streets} --attention cbam-cs --head dual --out runs/cbam]].",
        "Your own images and masks: [[rga train seg-folder --root DIR]]; CamVid: [[rga train seg-camvid --root DIR]]; Cityscapes, for a "
        "GPU: [[rga train seg-cityscapes --root DIR]].",
    )


def footer() -> str:
    """The last line of the report."""
    return (
        "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention (arXiv 1904.02998). The scenes are drawings; figures "
        "on them say nothing about real streets."
    )
