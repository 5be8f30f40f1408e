"""The demo of galleries: people are generated, most of them are enrolled, and each is looked for.

The model is the small one that ships, so nothing is trained and nothing is downloaded. Images of the people who are looked for were not
enrolled; neither was any image of the strangers, about whom a gallery should say "unknown".
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from rga.demos.demonstration import MARKER, Stopwatch, check_ours, mark, provide
from rga.errors import InputError
from rga.gallery.enrolment import crops_of
from rga.gallery.gallery import Gallery
from rga.images.images import read_image
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import Sample
from rga.storage.files import write_atomically
from rga.study.generated import GeneratedData
from rga.synthetic.people.people import GENERATOR, PeopleOptions
from rga.terminal import PlainConsole, folding_table, text_column
from rga.training.run.lock import locked

PEOPLE, GALLERY, LOOK_FOR = "people", "gallery", "look-for"
"""Folders of the demo."""
TABLE = "sightings.csv"
"""What is enrolled: a table in the demo's folder."""
FEWEST = 20
"""People who are enrolled, at least: a threshold is chosen on them."""
OPENING = datetime(2026, 6, 1, 9, tzinfo=UTC)
"""When the first of the generated images was taken, let us say."""
APART = timedelta(seconds=47)
"""From one image to the next."""


@dataclass(frozen=True)
class Outcome:
    """What the searches of the demo found.

    Attributes:
        people: enrolled people who were looked for.
        first: those who came first.
        matched: those who came first and were called a match.
        strangers: people who were looked for and not enrolled.
        unknown: those who were called unknown.
    """

    people: int
    first: int
    matched: int
    strangers: int
    unknown: int


def demo_gallery(
    output: Path = Path("demo-output/gallery"),
    *,
    identities: int = 80,
    strangers: int = 20,
    seed: int = 0,
    serve: Callable[[Path], object] | None = None,
) -> int:
    """Generates people, enrols most of them in a gallery, looks for all of them, and opens the gallery's page.

    The folder may be an earlier demo's: its people and its gallery are used again if they are the same.

    Args:
        output: the folder for all of it.
        identities: people who are enrolled.
        strangers: people who are not.
        seed: of the people.
        serve: opens the page of a gallery, and returns when it is closed; None to end without a page.

    Returns:
        Exit code 0.

    Raises:
        ExistingFileError: something in the folder is not a demo's.
        InputError: an option is out of its range, or another demo is at work in the folder.
    """
    if identities < FEWEST or strangers < 1:
        raise InputError(
            f"the demo needs at least {FEWEST} people to enrol and one stranger, got identities={identities}, strangers={strangers}"
        )
    options = PeopleOptions(
        identities=2, test_identities=identities + strangers, cameras=4, images_per_camera=3, distractors=40, junk=0, seed=seed
    )
    generated = GeneratedData(PEOPLE, "people", "market1501", GENERATOR, options)
    console, watch, people = PlainConsole(), Stopwatch(), output / PEOPLE
    for folder in (output / GALLERY, output / LOOK_FOR, *(() if generated.is_there(people) else (people,))):
        check_ours(folder)
    with locked(output, "--output"):
        console.rule("1 of 3: people")
        fresh = not generated.is_there(people)
        provide(generated, people, console)
        data = CATALOG.load("market1501", people)
        names = {
            identity: f"Person {number}" for number, identity in enumerate(sorted({sample.identity for sample in data.query}), start=1)
        }
        enrolled = set(list(names)[:identities])
        for_search = first_of_each(data.query)
        write_table(output / TABLE, [sample for sample in data.gallery if sample.identity in {*enrolled, *BYSTANDERS}], names)
        copy_images(output / LOOK_FOR, for_search, enrolled, names)
        console.rule("2 of 3: enrolment")
        if fresh and (output / GALLERY).exists():
            shutil.rmtree(output / GALLERY)
        with opened(output / GALLERY) as gallery:
            enrol(gallery, output / TABLE, console)
            calibration = gallery.calibrate()
            console.rule("3 of 3: searches")
            outcome = look_for(gallery, for_search, enrolled, names)
        show(outcome, calibration.false_alarm_rate, console)
        console.print(f"done in {watch.total:.0f} s; images to search with are in {output / LOOK_FOR}", soft_wrap=True)
    if serve is not None:
        serve(output / GALLERY)
    return 0


BYSTANDERS = (-1, 0)
"""Identities of those who are nobody of the test."""


def opened(folder: Path) -> Gallery:
    """The demo's gallery, which is made if it is not there."""
    if (folder / MARKER).is_file():
        return Gallery.open(folder)
    gallery = Gallery.create(folder)
    mark(folder)
    return gallery


def first_of_each(samples: Iterable[Sample]) -> list[Sample]:
    """One image of each identity."""
    found: dict[int, Sample] = {}
    for sample in samples:
        found.setdefault(sample.identity, sample)
    return list(found.values())


def write_table(path: Path, samples: Sequence[Sample], names: Mapping[int, str]) -> None:
    """Writes what is enrolled as a table: image, person, camera, time. Bystanders have no name."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("image", "person", "camera", "time"))
            for number, sample in enumerate(samples):
                image = Path(sample.path).relative_to(path.parent) if Path(sample.path).is_relative_to(path.parent) else sample.path
                table.writerow((image, names.get(sample.identity, ""), f"camera {sample.camera}", (OPENING + number * APART).isoformat()))

    write_atomically(path, write)


def copy_images(folder: Path, samples: Sequence[Sample], enrolled: Set[int], names: Mapping[int, str]) -> None:
    """Copies the images that are searched with to where a person finds them: enrolled people, and strangers."""
    if folder.exists():
        shutil.rmtree(folder)
    mark(folder)
    for sample in samples:
        target = folder / ("enrolled" if sample.identity in enrolled else "strangers") / f"{names[sample.identity]}.jpg"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(sample.path, target)


def enrol(gallery: Gallery, table: Path, console: Console) -> None:
    """Adds what a table names, with a bar that shows how far it is."""
    with Progress(text_column(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("sightings", total=None)

        def told(done: int, of: int) -> None:
            progress.update(bar, completed=done, total=of or None)

        total = sum(1 for _ in table.open(encoding="utf-8")) - 1
        added = gallery.add(crops_of(table), total=total, progress=told)
    console.print(f"{added.added:,} sightings are new, {added.present:,} were there")


def look_for(gallery: Gallery, samples: Sequence[Sample], enrolled: Set[int], names: Mapping[int, str]) -> Outcome:
    """Searches with one image of each person."""
    first = matched = unknown = 0
    people = [sample for sample in samples if sample.identity in enrolled]
    strangers = [sample for sample in samples if sample.identity not in enrolled]
    for sample in people:
        result = gallery.search([np.asarray(read_image(sample.path))], top=1, who="demo")
        right = bool(result.groups) and result.groups[0].name == names[sample.identity]
        first += right
        matched += right and result.decision == "match"
    for sample in strangers:
        unknown += gallery.search([np.asarray(read_image(sample.path))], top=1, who="demo").decision == "unknown"
    return Outcome(len(people), first, matched, len(strangers), unknown)


def show(outcome: Outcome, rate: float, console: Console) -> None:
    """Prints what the searches found."""
    table = folding_table("looked for", "searches", "came first", "called a match", "called unknown")
    table.add_row("people who are enrolled", *map(str, (outcome.people, outcome.first, outcome.matched)), "")
    table.add_row("strangers", str(outcome.strangers), "", "", str(outcome.unknown))
    console.print(table)
    console.print(f"A match is called up to the distance at which {100 * rate:.1f} % of unknown people were taken for somebody.")
