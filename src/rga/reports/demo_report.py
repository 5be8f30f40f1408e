"""The report of ``rga demo``: two re-ID networks and a colour histogram, compared on generated people.

The sections on the networks are those of ``rga report``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from rga.ranking.blocks import DistanceRows
from rga.ranking.examination import Examination
from rga.reid.datasets.samples import ReidData
from rga.reid.recipe import ReidRecipe
from rga.reports.demo_runs import ATTENDED, RUNS, counted
from rga.reports.examples import spread
from rga.reports.rank_list import RankList, rank_lists_by
from rga.reports.reid_runs import examination_of, findings_of
from rga.reports.report import Code, Section, Table
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.demo import colours, next_steps, people, settings, training
from rga.reports.sections.ranking import ranks
from rga.reports.sections.run import conditions, configuration, gates, query_by_query, rank_lists, reasons, results
from rga.synthetic.people.people import PeopleOptions

HISTOGRAM = "histogram"

BY_COLOUR = 4
"""How many queries are shown with their rank lists by colour."""

FOOTER = (
    "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention for Person Re-identification (CVPR 2020). "
    "The people are drawings. Their figures say nothing about photographs."
)


@dataclass(frozen=True, eq=False)
class ReidDemo:
    """What the demo did.

    Attributes:
        people: options that the people were generated with.
        runs: the plain network's, and that with RGA-SC, on the generated people.
        histogram: distances by the colour histogram.
        by_colour: the ranking by them.
        output: the demo's folder.
        seconds: part of the demo -> seconds that it took.
    """

    people: PeopleOptions
    runs: Sequence[ReportedRun]
    histogram: DistanceRows
    by_colour: Examination
    output: Path
    seconds: Mapping[str, float]
    footer: ClassVar[str] = FOOTER

    @property
    def data(self) -> ReidData:
        """The generated people."""
        data: ReidData = self.runs[0].data
        return data

    def summary(self) -> str:
        """The main result in three sentences."""
        plain, attended, colour = (f"{each.result.cmc[0]:.1%}" for each in (*map(examination_of, self.runs), self.by_colour))
        return (
            f"The test searches for {self.data.counts['query'].identities} people from camera to camera; neither training saw them. "
            f"The network with RGA-SC ranks the right person first for {attended} of {len(self.data.query)} queries. "
            f"The same network without attention reaches {plain}, colour histograms {colour}."
        )

    def figures(self) -> Table:
        """What each method reached."""
        return results.table(self.runs, {HISTOGRAM: self.by_colour.result})

    def sections(self) -> list[Section]:
        """The sections of the report in their order."""
        data, runs = self.data, self.runs
        recipe = runs[-1].recipe
        assert isinstance(recipe, ReidRecipe)
        found = [
            Section("Results", (self.figures(),)),
            people.section(data),
            training.section(runs, recipe_in_words(recipe)),
            ranks.section(findings_of(runs, {HISTOGRAM: self.by_colour})),
            rank_lists.section(runs),
            reasons.section(runs),
            query_by_query.section(runs),
            colours.section(self.lists_by_colour()),
            gates.section(runs),
            conditions.section(runs),
            configuration.section(runs),
            settings.section("people", asdict(self.people), self.seconds, counts_of(data)),
            next_steps.section(commands(self)),
        ]
        return [section for section in found if section is not None]

    def lists_by_colour(self) -> list[RankList]:
        """Rank lists of some queries by colour."""
        data = self.data
        return rank_lists_by(self.histogram, data.query, data.gallery, spread(len(data.query), BY_COLOUR), data.files)


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
        "Compare the best models of both trainings, with a map of their features:": f"rga report {both} -o comparison.html",
        "See what the network looked at, and explore the relations of any position:": f"rga explain {run} {root}/query -o explained",
        "Evaluate the model again:": f"rga evaluate {run} --data market1501:{root}",
        "Train another attention on these people:": f"rga train reid/generated --data market1501:{root} --attention cbam-cs -o runs/cbam",
        "Generate more people:": f"rga data make people data/people --identities {2 * demo.people.identities}",
        "Train on your own images, one folder for each identity:": "rga train reid/folder --data folder:DIR",
        "Train on Market-1501, on a GPU; CUHK03 and MSMT17 have recipes of their own:": "rga train reid/market1501 --data market1501:DIR",
    }
