"""What speaks for the nearest images of a re-ID run: rank lists of its best and worst queries, with Grad-CAM over each image."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from PIL import Image

from rga.explanation import Similarity, grad_cam, shown_image
from rga.reid.datasets.samples import Sample
from rga.reports.panels import over
from rga.reports.rank_list import RankList, draw_rank_lists
from rga.reports.reid_runs import examination_of, lists
from rga.reports.report import Figure, Section
from rga.reports.reported_run import ReportedRun

QUERIES, NEAREST = 2, 6
"""How many queries of each end are shown, and how many images of each list."""


def section(runs: Sequence[ReportedRun]) -> Section | None:
    """One figure; None where captum is not installed."""
    if find_spec("captum") is None:
        return None
    run = runs[-1]
    details = examination_of(run).details
    queries = [*details.queries[details.best(QUERIES)], *details.queries[details.worst(QUERIES)]]
    drawn = lists(run, [int(query) for query in queries], top=NEAREST)

    def image_of(ranked: RankList, sample: Sample) -> Image.Image:
        other = ranked.found[0].sample if sample is ranked.query else ranked.query
        return over(shown_image(run.model, sample.path), grad_cam(run.model, sample.path, Similarity(other.path)))

    caption = (
        "The best queries and the worst ones. Red parts of an image are more like the query than the image as a whole is, blue parts less "
        "(Grad-CAM of the similarity); those of the query are compared with the first image of its list."
    )
    figure = Figure.of(draw_rank_lists(drawn, image_of=image_of), f"what speaks for the nearest images by {run.name}", caption)
    return Section("What speaks for the nearest images", (figure,))
