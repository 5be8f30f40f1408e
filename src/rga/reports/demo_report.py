"""What ``make demo`` says in the end: the images, tables and sections of its report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import rga
from rga.attachment.costs import Cost
from rga.datasets.contact_sheet import PAPER, contact_sheet
from rga.ranking.result import RankingResult
from rga.reid.datasets.samples import ReidData, by_identity
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reports.curves import draw_cmc, draw_training
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, spread
from rga.reports.gates import draw_gates
from rga.reports.rank_list import RankList, draw_rank_lists, rank_lists
from rga.reports.report import Figure, Part, Section, Table
from rga.synthetic.people.people import PeopleOptions

HISTOGRAM = "histogram"

QUERIES_SHOWN = 8
PEOPLE_SHOWN = 12
GATES_SHOWN = 3


@dataclass(frozen=True)
class Method:
    """A way to describe images, and what it reached.

    Attributes:
        name: in the report.
        result: on query and gallery.
        query: features of the queries.
        gallery: features of the gallery.
        cost: of the network; None for the histogram.
        seconds: of training.
    """

    name: str
    result: RankingResult
    query: NDArray[np.float32]
    gallery: NDArray[np.float32]
    cost: Cost | None = None
    seconds: float = 0.0


def figures(method: Method) -> tuple[str, ...]:
    """A method's row in the table of results."""
    result, spent = method.result, method.cost
    shares = (result.cmc[0], result.cmc[min(4, len(result.cmc) - 1)], result.mAP, result.mINP)
    costs = (
        ("-", "-", "-") if spent is None else (f"{spent.parameters / 1e6:.2f} M", f"{spent.macs / 1e6:.0f} M", f"{method.seconds:.0f} s")
    )
    return (method.name, *(f"{share:.1%}" for share in shares), *costs)


HEADS = ("", "R1", "R5", "mAP", "mINP", "parameters", "MAC", "training")


def summary(methods: Sequence[Method], data: ReidData) -> str:
    """What came out, in a sentence or two."""
    first = {method.name: f"{method.result.cmc[0]:.1%}" for method in methods}
    return (
        f"{data.counts['query'].identities} people whom no training saw, looked for from camera to camera: the network with RGA-SC finds "
        f"the right person at the first place for {first[ATTENDED]} of {len(data.query)} queries, the same network without it for "
        f"{first[PLAIN]}, colour histograms for {first[HISTOGRAM]}."
    )


@dataclass(frozen=True)
class Figures:
    """The images of the report."""

    people: Figure
    training: Figure
    cmc: Figure
    found: Figure
    missed: Figure | None
    by_colour: Figure
    gates: Figure


def draw(data: ReidData, methods: Sequence[Method], runs: Mapping[str, Path], model: ReidModel) -> Figures:
    """Draws the images of the report."""
    lists = {method.name: rank_lists(data.query, method.query, data.gallery, method.gallery) for method in methods}
    chosen = spread(len(data.query), QUERIES_SHOWN)
    missed = [each for each in lists[ATTENDED] if each.first_right is not None and each.first_right > 1]
    missed.sort(key=lambda each: each.first_right or 0, reverse=True)
    shown = [data.query[place].path for place in spread(len(data.query), GATES_SHOWN, shift=0.35)]
    legend = (
        "Green frame and tick: the same person; red frame and cross: somebody else. Below: cosine similarity and camera; below the query "
        "the images of this person by other cameras, of which there may be fewer than ten."
    )
    return Figures(
        people=Figure.of(
            sheet_of_people(data),
            "generated people, each in a row, by one column a camera",
            "People of the test, one a row, an image from each camera that saw them. Light, white balance, sharpness, background and "
            "viewpoint change from camera to camera.",
        ),
        training=Figure(
            draw_training(runs, model.feature, skip_styles=1),
            "the loss and the mAP of both trainings by epoch",
            "Both trainings see the same images in the same batches.",
        ),
        cmc=Figure(draw_cmc({method.name: method.result for method in methods}), "the share of queries found among the first k by k"),
        found=Figure.of(draw_rank_lists([lists[ATTENDED][n] for n in chosen]), "rank lists of the network with RGA-SC", legend),
        missed=figure_of_misses(missed[: QUERIES_SHOWN // 2]),
        by_colour=Figure.of(
            draw_rank_lists([lists[HISTOGRAM][n] for n in chosen[: QUERIES_SHOWN // 2]]),
            "rank lists of the colour histogram",
            "The colours of an image are first of all those of its camera and its background.",
        ),
        gates=Figure(
            draw_gates(model, shown),
            "spatial gates of the stages and relations of a node for some test images",
            "Gates multiply the map of their stage, place by place: bright places are kept, dark ones damped; they start "
            "near .95. Relations are the affinities of the marked place to all places, and of all places to it, after the first stage.",
        ),
    )


def figure_of_misses(lists: Sequence[RankList]) -> Figure | None:
    """Rank lists that begin with somebody else; None where all is right."""
    if not lists:
        return None
    ranks = ", ".join(str(each.first_right) for each in lists)
    return Figure.of(
        draw_rank_lists(lists),
        "the worst rank lists of the network with RGA-SC",
        f"Its worst misses: the first right images come at rank {ranks}.",
    )


def sheet_of_people(data: ReidData) -> Image.Image:
    """One image of some test people from each camera that saw them; a column is a camera."""
    groups = list(by_identity(data.query).items())
    cameras = sorted({sample.camera for sample in data.query if sample.camera is not None})
    rows, labels = [], []
    for place in spread(len(groups), PEOPLE_SHOWN):
        identity, samples = groups[place]
        by_camera = {sample.camera: sample.path for sample in samples}
        rows.append([by_camera.get(camera) for camera in cameras])
        labels.append(f"id {identity}")
    return side_by_side(rows, labels, [f"camera {camera}" for camera in cameras])


def side_by_side(rows: Sequence[Sequence[Path | None]], labels: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Two contact sheets beside each other, each with half of the rows: wide, as a screen is."""
    half = (len(rows) + 1) // 2
    parts = [slice(0, half), slice(half, None)] if half < len(rows) else [slice(0, half)]
    sheets = [contact_sheet(rows[part], row_labels=labels[part], column_labels=columns) for part in parts]
    whole = Image.new("RGB", (sum(sheet.width for sheet in sheets), max(sheet.height for sheet in sheets)), PAPER)
    left = 0
    for sheet in sheets:
        whole.paste(sheet, (left, 0))
        left += sheet.width
    return whole


def compose(
    data: ReidData,
    people: PeopleOptions,
    recipe: ReidRecipe,
    methods: Sequence[Method],
    images: Figures,
    *,
    seconds: Mapping[str, float],
) -> list[Section]:
    """The sections of the report."""
    tested, place = methods[0].result, "after" if recipe.feature == "neck" else "before"
    table = Table(
        HEADS,
        tuple(figures(method) for method in methods),
        f"{tested.queries} queries, {tested.gallery:,} gallery images; images of the query's own person and camera do not count. "
        f"Features {place} the neck, of the last epoch; parameters and multiply-accumulates (MAC) of the network for one image.",
        strong=len(methods) - 1,
    )
    misses: tuple[Part, ...] = () if images.missed is None else (images.missed,)
    return [
        Section("Results", (table, images.cmc)),
        Section("The people", (images.people,)),
        Section("Training", (images.training, training_in_words(recipe))),
        Section("Rank lists with RGA-SC", (images.found, *misses)),
        Section("The same queries by colour alone", (images.by_colour,)),
        Section("Where the attention looks", (images.gates,)),
        Section("Settings", (counts_of(data), settings_of(recipe, people), times(seconds))),
        Section("How to go on", how_to_go_on(recipe.root, people)),
    ]


def training_in_words(recipe: ReidRecipe) -> str:
    """What a training was."""
    start = "from random weights" if recipe.weights == "none" else f"from {recipe.weights} weights"
    return (
        f"{recipe.backbone} {start} at {recipe.height}\u00d7{recipe.width}, {recipe.epochs} epochs in batches of {recipe.ids_per_batch} "
        f"people with {recipe.images_per_id} images each. The two trainings differ in the attention alone; a single training of each says "
        "little about small differences between them."
    )


def counts_of(data: ReidData) -> Table:
    """What the data hold."""
    rows = tuple((name, f"{count.identities:,}", f"{count.images:,}", str(count.cameras or "-")) for name, count in data.counts.items())
    return Table(("", "people", "images", "cameras"), rows, f"Generated people, fingerprint [[{data.fingerprint}]]")


def settings_of(recipe: ReidRecipe, people: PeopleOptions) -> Table:
    """What the demo chose, and the software."""
    defaults = ReidRecipe().to_dict()
    chosen = {name: value for name, value in recipe.to_dict().items() if value != defaults[name] and name != "root"}
    rows = [("recipe", "where it differs from the paper's: " + ", ".join(f"{name} {value}" for name, value in chosen.items()))]
    rows.append(("generated people", ", ".join(f"{name} {value}" for name, value in asdict(people).items())))
    rows.append(("software", f"rga {rga.__version__}, PyTorch {torch.__version__}, CPU threads {torch.get_num_threads()}"))
    return Table((), tuple(rows))


def times(seconds: Mapping[str, float]) -> Table:
    """How long each part took."""
    return Table(("part", "seconds"), tuple((part, f"{value:.0f}") for part, value in seconds.items()))


def how_to_go_on(root: Path, people: PeopleOptions) -> tuple[str, ...]:
    """What to type next."""
    run, people_root = (shlex.quote(str(path)) for path in (root.parent / RUNS[ATTENDED] / "last", root))
    return (
        f"Evaluate a model again: [[rga evaluate {run} --data market1501 --root {people_root}]].",
        f"Other attentions on the same people: [[rga train reid-generated --root {people_root} --attention cbam-cs --out runs/cbam]].",
        f"More people: [[rga data make data/people --identities {2 * people.identities}]].",
        "Your own images, a folder for each person: [[rga train reid-folder --root DIR]]; Market-1501, CUHK03 and MSMT17: "
        "[[rga train reid-market1501 --root DIR]] and its siblings, for a GPU.",
    )


def footer() -> str:
    """The last line of the report."""
    return (
        "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention for Person Re-identification (CVPR 2020). "
        "The people are drawings; figures on them say nothing about real images."
    )
