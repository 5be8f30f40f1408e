"""The report of ``rga demo segmentation``: two segmentation networks, compared on generated street scenes.

The sections on the networks are those of ``rga report``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from rga.reports.demo_runs import ATTENDED, RUNS, counted
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.demo import next_steps, scenes, settings, training
from rga.reports.sections.run import class_iou, configuration, gates, predictions, results
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.recipe import SegmentationRecipe
from rga.synthetic.streets.streets import StreetOptions

FOOTER = (
    "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention (arXiv 1904.02998). The scenes are drawings. Their "
    "figures say nothing about real streets."
)


@dataclass(frozen=True, eq=False)
class SegmentationDemo:
    """What the demo did.

    Attributes:
        streets: options that the scenes were generated with.
        runs: the plain network's, and that with RGA-SC, on the generated scenes.
        output: the demo's folder.
        seconds: part of the demo -> seconds that it took.
    """

    streets: StreetOptions
    runs: Sequence[ReportedRun]
    output: Path
    seconds: Mapping[str, float]
    footer: ClassVar[str] = FOOTER

    @property
    def data(self) -> SegmentationData:
        """The generated scenes."""
        data: SegmentationData = self.runs[0].data
        return data

    def summary(self) -> str:
        """The main result in two sentences."""
        plain, attended = (f"{class_iou.result_of(run).mIoU:.1%}" for run in self.runs)
        return (
            f"The test segments {len(self.data.val)} street scenes into {len(self.data.classes)} classes; neither training saw them. "
            f"The network with RGA-SC reaches a mean intersection over union (mIoU) of {attended}, the same network without "
            f"attention {plain}."
        )

    def figures(self) -> Table:
        """What each network reached."""
        return results.table(self.runs)

    def sections(self) -> list[Section]:
        """The sections of the report in their order."""
        runs = self.runs
        recipe = runs[-1].recipe
        assert isinstance(recipe, SegmentationRecipe)
        found = [
            Section("Results", (self.figures(),)),
            class_iou.section(runs),
            scenes.section(self.data),
            predictions.section(runs),
            training.section(runs, recipe_in_words(recipe)),
            gates.section(runs),
            configuration.section(runs),
            settings.section("streets", asdict(self.streets), self.seconds),
            next_steps.section(commands(self)),
        ]
        return [section for section in found if section is not None]


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
        "Compare the best models of both trainings:": f"rga report {both} -o comparison.html",
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
