"""The report of ``rga demo``: two re-ID networks and a colour histogram, compared on generated people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rga.attachment.costs import Cost
from rga.ranking.result import RankingResult
from rga.reid.datasets.samples import ReidData
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reports.curves import draw_training
from rga.reports.demo_runs import ATTENDED, COST_HEADS, PLAIN, RUNS, counted, method_columns, spread
from rga.reports.rank_list import rank_lists
from rga.reports.ranking_curves import draw_cmc
from rga.reports.report import Code, Figure, Section, Table
from rga.reports.sections.demo import gates, next_steps, people, results, settings, training
from rga.reports.sections.demo import rank_lists as rank_list_section
from rga.synthetic.people.people import PeopleOptions

HISTOGRAM = "histogram"

QUERIES_SHOWN = 8
GATES_SHOWN = 3

HEADS = ("", "R1", "R5", "mAP", "mINP", *COST_HEADS)
FOOTER = (
    "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention for Person Re-identification (CVPR 2020). "
    "The people are drawings. Their figures say nothing about photographs."
)


@dataclass(frozen=True)
class Method:
    """A way to compute features of images, and what it reached.

    Attributes:
        name: in the report.
        result: on query and gallery.
        query: (queries, D) features.
        gallery: (gallery, D) features.
        cost: of the network for one image; None for the histogram.
        seconds: of training.
    """

    name: str
    result: RankingResult
    query: NDArray[np.float32]
    gallery: NDArray[np.float32]
    cost: Cost | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class ReidDemo:
    """What the demo did.

    Attributes:
        data: the generated people.
        people: options that they were generated with.
        recipe: of the training with attention.
        methods: histogram, plain network, network with RGA-SC.
        model: the network with RGA-SC.
        output: the demo's folder.
        seconds: part of the demo -> seconds that it took.
    """

    data: ReidData
    people: PeopleOptions
    recipe: ReidRecipe
    methods: Sequence[Method]
    model: ReidModel
    output: Path
    seconds: Mapping[str, float]
    footer: ClassVar[str] = FOOTER

    def summary(self) -> str:
        """The main result in three sentences."""
        first = {method.name: f"{method.result.cmc[0]:.1%}" for method in self.methods}
        return (
            f"The test searches for {self.data.counts['query'].identities} people from camera to camera; neither training saw them. "
            f"The network with RGA-SC ranks the right person first for {first[ATTENDED]} of {len(self.data.query)} queries. "
            f"The same network without attention reaches {first[PLAIN]}, colour histograms {first[HISTOGRAM]}."
        )

    def sections(self) -> list[Section]:
        """The sections of the report in their order."""
        data, recipe, methods = self.data, self.recipe, self.methods
        tested = methods[0].result
        lists = {method.name: rank_lists(data.query, method.query, data.gallery, method.gallery) for method in methods}
        neck = "after" if recipe.model.feature == "neck" else "before"
        caption = (
            f"{tested.queries} queries, {tested.gallery:,} gallery images. Gallery images of the query's own identity and camera are left "
            f"out. Features {neck} the neck, after the last epoch. Parameters and multiply-accumulates (MAC) are those of the network for "
            "one image."
        )
        cmc = Figure(
            draw_cmc({method.name: method.result for method in methods}),
            "curve of the share of queries with a match among the first k, by k",
            "The cumulative matching characteristic (CMC): the share of queries whose first match is among the first k images.",
        )
        runs = {name: self.output / folder for name, folder in RUNS.items()}
        images = [data.query[index].path for index in spread(len(data.query), GATES_SHOWN, shift=0.35)]
        by_colour = "The colours of an image depend first of all on its camera and its background."
        return [
            results.section(HEADS, [columns(method) for method in methods], caption, cmc),
            people.section(data),
            training.section(draw_training(runs, self.model.feature, skip_styles=1), "mAP", "images", recipe_in_words(recipe)),
            rank_list_section.section(
                "Rank lists with RGA-SC", lists[ATTENDED], "the network with RGA-SC", QUERIES_SHOWN, worst=QUERIES_SHOWN // 2
            ),
            rank_list_section.section(
                "Rank lists by colour histogram", lists[HISTOGRAM], "the colour histogram", QUERIES_SHOWN // 2, caption=by_colour
            ),
            gates.section(self.model, images),
            settings.section(recipe.fields(), ReidRecipe().fields(), "people", asdict(self.people), self.seconds, counts_of(data)),
            next_steps.section(commands(self)),
        ]


def columns(method: Method) -> tuple[str, ...]:
    """The values of a method below ``HEADS``."""
    result = method.result
    shares = (result.cmc[0], result.cmc[min(4, len(result.cmc) - 1)], result.mAP, result.mINP)
    return method_columns(method.name, shares, method.cost, method.seconds)


def recipe_in_words(recipe: ReidRecipe) -> str:
    """The recipe in a sentence."""
    chosen, batches, (height, width) = recipe.model, recipe.batches, recipe.model.image_size
    start = "with random weights" if chosen.weights == "none" else f"with {chosen.weights} weights"
    return (
        f"The backbone {chosen.backbone} starts {start} and is trained for {counted(recipe.optimization.epochs, 'epoch')} on images of "
        f"{height}\u00d7{width} pixels, in batches of {batches.ids_per_batch} identities with {batches.images_per_id} images each."
    )


def counts_of(data: ReidData) -> Table:
    """Identities, images and cameras of each split."""
    rows = tuple((name, f"{count.identities:,}", f"{count.images:,}", str(count.cameras or "-")) for name, count in data.counts.items())
    return Table(
        ("split", "identities", "images", "cameras"), rows, ("Generated people, dataset fingerprint ", Code(data.fingerprint), ".")
    )


def commands(demo: ReidDemo) -> dict[str, str]:
    """What to try next."""
    run, root = (shlex.quote(str(path)) for path in (demo.output / RUNS[ATTENDED] / "last", demo.data.root))
    both = " ".join(shlex.quote(str(demo.output / folder)) for folder in RUNS.values())
    return {
        "Compare both networks query by query:": f"rga report {both} -o comparison.html",
        "See what the network looked at, and explore the relations of any position:": f"rga explain {run} {root}/query -o explained",
        "Evaluate the model again:": f"rga evaluate {run} --data market1501:{root}",
        "Train another attention on these people:": f"rga train reid/generated --data market1501:{root} --attention cbam-cs -o runs/cbam",
        "Generate more people:": f"rga data make people data/people --identities {2 * demo.people.identities}",
        "Train on your own images, one folder for each identity:": "rga train reid/folder --data folder:DIR",
        "Train on Market-1501, on a GPU; CUHK03 and MSMT17 have recipes of their own:": "rga train reid/market1501 --data market1501:DIR",
    }
