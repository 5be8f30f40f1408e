"""``make demo``: the whole way from nothing to a report, on two cores and without a download.

Generates people, trains a small trunk plain and with RGA-SC on the same batches, evaluates both and a colour histogram on people that no
training saw, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test set would flatter them.
"""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as ConsoleTable

import rga
from rga.commands.train import RECIPE_FILE, train
from rga.costs import Cost, cost
from rga.data.contact_sheet import PAPER, contact_sheet
from rga.data.histogram import histogram_features
from rga.data.people import VERSION, PeopleOptions, make_people
from rga.explain.curves import draw_cmc, draw_training
from rga.explain.gates import draw_gates
from rga.explain.rank_list import RankList, draw_rank_lists, rank_lists
from rga.explain.report import Part, Picture, Section, Table, write_report
from rga.loading import load
from rga.recipes.reid import reid_demo
from rga.reid.model import ReidModel
from rga.reid.ranking import evaluate
from rga.reid.recipe import ReidRecipe
from rga.reid.result import RankingResult
from rga.reid.samples import ReidData, by_identity
from rga.reid.sources.catalog import load_data

HISTOGRAM, PLAIN, ATTENDED = "histogram", "plain", "RGA-SC"
PEOPLE = "people"
RUNS = {PLAIN: "plain", ATTENDED: "rga-sc"}
"""What is trained, and its folder in the demo's."""
REPORT = "report.html"

QUERIES_SHOWN = 8
PEOPLE_SHOWN = 12
GATES_SHOWN = 3


@dataclass(frozen=True)
class Method:
    """A way to describe pictures, and what it reached.

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


class Stopwatch:
    """How long each part of the demo took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Times a part."""
        started = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - started


def demo(
    output: Path = Path("demo-output"),
    *,
    identities: int = 300,
    images_per_camera: int = 3,
    distractors: int = 200,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generates people, trains a small network plain and with RGA-SC, and writes a report with what came out.

    The folder may be an earlier demo's: its people are taken again if they are the same, its runs and its report are replaced.

    Args:
        output: the folder for all of it.
        identities: people to generate; the first half is trained on, the others are looked for.
        images_per_camera: pictures of a person under each camera that sees it.
        distractors: pictures in the gallery that show nobody of the test.
        epochs: of each training; 0 for the recipe's.
        seed: of the people and of the trainings.

    Returns:
        Exit code: 0, or 130 after Ctrl-C.

    Raises:
        FileExistsError: something in the folder is not a demo's.
    """
    console = Console()
    watch = Stopwatch()
    started = time.perf_counter()
    people = PeopleOptions(
        identities=identities, images_per_camera=images_per_camera, distractors=distractors, junk=distractors // 5, seed=seed
    )
    output.mkdir(parents=True, exist_ok=True)
    for folder in RUNS.values():
        remove_run(output / folder)
    (output / REPORT).unlink(missing_ok=True)

    console.rule("1 of 4: people")
    with watch.time("people"):
        root = provide_people(output / PEOPLE, people, console)
        data = load_data("market1501", root)

    recipes = {name: demo_recipe(name, root, data, epochs, seed) for name in RUNS}
    for number, (name, recipe) in enumerate(recipes.items(), start=2):
        console.rule(f"{number} of 4: training, {name}")
        with watch.time(name):
            outcome = train(recipe, output / RUNS[name])
        if outcome.interrupted:
            console.print("stopped: run the demo again; it keeps the people and trains anew")
            return 130

    console.rule("4 of 4: evaluation and report")
    with watch.time("evaluation"):
        methods = [histogram(data)]
        models = {}
        for name, recipe in recipes.items():
            models[name] = load(output / RUNS[name] / "last")
            methods.append(network(name, models[name], data, recipe, watch.seconds[name]))
    runs = {name: output / folder for name, folder in RUNS.items()}
    with watch.time("report"):
        pictures = draw(data, methods, runs, models[ATTENDED])
    total = time.perf_counter() - started
    sections = compose(data, people, recipes[ATTENDED], methods, pictures, seconds={**watch.seconds, "in all": total})
    write_report(output / REPORT, "Relation-aware attention on generated people", summary(methods, data), sections, footer())
    show(console, methods)
    console.print(f"done in {total / 60:.1f} minutes; look at [bold]{output / REPORT}[/bold]")
    return 0


def demo_recipe(name: str, root: Path, data: ReidData, epochs: int, seed: int) -> ReidRecipe:
    """The recipe of one of the two trainings: they differ in the attention alone."""
    recipe = reid_demo("none" if name == PLAIN else "rga-sc")
    there = data.counts["train"].identities
    recipe = replace(recipe, root=root, seed=seed, identities=min(recipe.identities, there))
    if not epochs:
        return recipe
    return replace(recipe, epochs=epochs, warmup=min(recipe.warmup, epochs / 4), evaluate_every=min(recipe.evaluate_every, epochs))


def remove_run(folder: Path) -> None:
    """Removes an earlier demo's run, and nothing else.

    Raises:
        FileExistsError: the folder is no run.
    """
    if not folder.exists():
        return
    if not (folder / RECIPE_FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not a run of an earlier demo: name another folder with --output, or move it away first")
    shutil.rmtree(folder)


def provide_people(root: Path, options: PeopleOptions, console: Console) -> Path:
    """Renders the people, or takes those that are there if they are the same.

    Raises:
        FileExistsError: the folder holds something else.
    """
    about = root / "people.json"
    if about.is_file():
        found = json.loads(about.read_text())
        if (found.get("version"), found.get("options")) == (VERSION, asdict(options)):
            console.print(f"the people are there already: {root}")
            return root
        console.print(f"{root} holds people of other options: they are replaced")
        shutil.rmtree(root)
    with Progress(console=console) as progress:
        bar = progress.add_task("rendering", total=None)
        return make_people(root, options, lambda done, total: progress.update(bar, completed=done, total=total))


def ranked(query: NDArray[np.float32], gallery: NDArray[np.float32], data: ReidData) -> RankingResult:
    """The evaluation of features on a data set with cameras."""
    sides = []
    for features, samples in ((query, data.query), (gallery, data.gallery)):
        cameras = [sample.camera for sample in samples] if data.has_cameras else None
        sides.append((features, np.array([sample.identity for sample in samples]), None if cameras is None else np.array(cameras)))
    return evaluate(*sides[0], *sides[1])


def histogram(data: ReidData) -> Method:
    """The colour histogram, which is not trained."""
    query, gallery = (histogram_features([sample.path for sample in samples]) for samples in (data.query, data.gallery))
    return Method(HISTOGRAM, ranked(query, gallery, data), query, gallery)


def network(name: str, model: ReidModel, data: ReidData, recipe: ReidRecipe, seconds: float) -> Method:
    """A trained network."""
    samples = [*data.query, *data.gallery]
    features = model.embed([sample.path for sample in samples], batch_size=recipe.test_batch, workers=recipe.workers)
    query, gallery = features[: len(data.query)], features[len(data.query) :]
    spent = cost(model.trunk, (1, 3, *model.preprocessing.size))
    return Method(name, ranked(query, gallery, data), query, gallery, spent, seconds)


def figures(method: Method) -> tuple[str, ...]:
    """A method's row in the table of results."""
    result, spent = method.result, method.cost
    shares = (result.cmc[0], result.cmc[min(4, len(result.cmc) - 1)], result.mAP, result.mINP)
    costs = (
        ("-", "-", "-") if spent is None else (f"{spent.parameters / 1e6:.2f} M", f"{spent.macs / 1e6:.0f} M", f"{method.seconds:.0f} s")
    )
    return (method.name, *(f"{share:.1%}" for share in shares), *costs)


HEADS = ("", "R1", "R5", "mAP", "mINP", "parameters", "MAC", "training")


def show(console: Console, methods: Sequence[Method]) -> None:
    """Prints the results."""
    table = ConsoleTable(*HEADS, title="People that no training saw")
    for method in methods:
        table.add_row(*figures(method))
    console.print(table)


def summary(methods: Sequence[Method], data: ReidData) -> str:
    """What came out, in a sentence or two."""
    first = {method.name: f"{method.result.cmc[0]:.1%}" for method in methods}
    return (
        f"{data.counts['query'].identities} people whom no training saw, looked for from camera to camera: the network with RGA-SC finds "
        f"the right person at the first place for {first[ATTENDED]} of {len(data.query)} queries, the same network without it for "
        f"{first[PLAIN]}, colour histograms for {first[HISTOGRAM]}."
    )


@dataclass(frozen=True)
class Pictures:
    """The pictures of the report."""

    people: Picture
    training: Picture
    cmc: Picture
    found: Picture
    missed: Picture | None
    by_colour: Picture
    gates: Picture


def draw(data: ReidData, methods: Sequence[Method], runs: Mapping[str, Path], model: ReidModel) -> Pictures:
    """Draws the pictures of the report."""
    lists = {method.name: rank_lists(data.query, method.query, data.gallery, method.gallery) for method in methods}
    chosen = spread(len(data.query), QUERIES_SHOWN)
    missed = [each for each in lists[ATTENDED] if each.first_right is not None and each.first_right > 1]
    missed.sort(key=lambda each: each.first_right or 0, reverse=True)
    shown = [data.query[place].path for place in spread(len(data.query), GATES_SHOWN, shift=0.35)]
    legend = (
        "Green frame and tick: the same person; red frame and cross: somebody else. Below: cosine similarity and camera; below the query "
        "the pictures of this person by other cameras, of which there may be fewer than ten."
    )
    return Pictures(
        people=Picture.of(
            sheet_of_people(data),
            "generated people, each in a row, by one column a camera",
            "People of the test, one a row, a picture from each camera that saw them. Light, white balance, sharpness, background and "
            "viewpoint change from camera to camera.",
        ),
        training=Picture(
            draw_training(runs, model.feature, skip_styles=1),
            "the loss and the mAP of both trainings by epoch",
            "Both trainings see the same pictures in the same batches.",
        ),
        cmc=Picture(draw_cmc({method.name: method.result for method in methods}), "the share of queries found among the first k by k"),
        found=Picture.of(draw_rank_lists([lists[ATTENDED][n] for n in chosen]), "rank lists of the network with RGA-SC", legend),
        missed=picture_of_misses(missed[: QUERIES_SHOWN // 2]),
        by_colour=Picture.of(
            draw_rank_lists([lists[HISTOGRAM][n] for n in chosen[: QUERIES_SHOWN // 2]]),
            "rank lists of the colour histogram",
            "The colours of a picture are first of all those of its camera and its background.",
        ),
        gates=Picture(
            draw_gates(model, shown),
            "spatial gates of the stages and relations of a node for some test pictures",
            "Gates multiply the map of their stage, place by place: bright places are kept, dark ones damped; they start "
            "near .95. Relations are the affinities of the marked place to all places, and of all places to it, after the first stage.",
        ),
    )


def picture_of_misses(lists: Sequence[RankList]) -> Picture | None:
    """Rank lists that begin with somebody else; None where all is right."""
    if not lists:
        return None
    ranks = ", ".join(str(each.first_right) for each in lists)
    return Picture.of(
        draw_rank_lists(lists),
        "the worst rank lists of the network with RGA-SC",
        f"Its worst misses: the first right pictures come at rank {ranks}.",
    )


def spread(count: int, chosen: int, shift: float = 0.5) -> list[int]:
    """So many places, spread evenly over ``count``: a choice that nobody made.

    Example:
        >>> spread(100, 4)
        [12, 37, 62, 87]
    """
    chosen = min(count, chosen)
    return [int((number + shift) * count / chosen) for number in range(chosen)]


def sheet_of_people(data: ReidData) -> Image.Image:
    """One picture of some test people from each camera that saw them; a column is a camera."""
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
    pictures: Pictures,
    *,
    seconds: Mapping[str, float],
) -> list[Section]:
    """The sections of the report."""
    tested, place = methods[0].result, "after" if recipe.feature == "neck" else "before"
    table = Table(
        HEADS,
        tuple(figures(method) for method in methods),
        f"{tested.queries} queries, {tested.gallery:,} gallery pictures; pictures of the query's own person and camera do not count. "
        f"Features {place} the neck, of the last epoch; parameters and multiply-accumulates (MAC) of the network for one picture.",
        strong=len(methods) - 1,
    )
    misses: tuple[Part, ...] = () if pictures.missed is None else (pictures.missed,)
    return [
        Section("Results", (table, pictures.cmc)),
        Section("The people", (pictures.people,)),
        Section("Training", (pictures.training, training_in_words(recipe))),
        Section("Rank lists with RGA-SC", (pictures.found, *misses)),
        Section("The same queries by colour alone", (pictures.by_colour,)),
        Section("Where the attention looks", (pictures.gates,)),
        Section("Settings", (counts_of(data), settings_of(recipe, people), times(seconds))),
        Section("How to go on", how_to_go_on(recipe.root, people)),
    ]


def training_in_words(recipe: ReidRecipe) -> str:
    """What a training was."""
    start = "from random weights" if recipe.weights == "none" else f"from {recipe.weights} weights"
    return (
        f"{recipe.trunk} {start} at {recipe.height}\u00d7{recipe.width}, {recipe.epochs} epochs in batches of {recipe.identities} people "
        f"with {recipe.images} pictures each. The two trainings differ in the attention alone; a single training of each says little "
        "about small differences between them."
    )


def counts_of(data: ReidData) -> Table:
    """What the data hold."""
    rows = tuple((name, f"{count.identities:,}", f"{count.images:,}", str(count.cameras or "-")) for name, count in data.counts.items())
    return Table(("", "people", "pictures", "cameras"), rows, f"Generated people, fingerprint [[{data.fingerprint}]]")


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
        "Your own pictures, a folder for each person: [[rga train reid-folder --root DIR]]; Market-1501, CUHK03 and MSMT17: "
        "[[rga train reid-market1501 --root DIR]] and its siblings, for a GPU.",
    )


def footer() -> str:
    """The last line of the report."""
    return (
        "Attention after Zhang, Lan, Zeng, Jin, Chen: Relation-Aware Global Attention for Person Re-identification (CVPR 2020). "
        "The people are drawings; figures on them say nothing about real pictures."
    )
