"""``rga explain MODEL IMAGES -o DIR``: draws what a model looked at, as figures and one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rga.backbones.model import BackboneModel
from rga.checks import check_at_least
from rga.cli.answering import Answers
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.errors import ExistingFileError, InputError
from rga.images.images import DamagedImageError, read_image
from rga.images.named import named_images
from rga.loading import load, task_of
from rga.reports.demo_runs import spread
from rga.reports.explanation import (
    AVERAGED,
    PAGE,
    SHOWN,
    Explained,
    Kind,
    Wishes,
    check_kinds,
    figures_of,
    named_models,
    possible_kinds,
    score_in_words,
    section_of,
    write_images,
    write_page,
    write_receptive_field,
    write_relations,
)
from rga.reports.report import Section
from rga.storage.outputs import check_drawing, check_folder
from rga.terminal import PlainConsole
from rga.training.devices import choose_device
from rga.training.input.reading import OnDamaged, Progress


def explain(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("explained"),
    write: tuple[Kind, ...] = (),
    position: Annotated[tuple[tuple[float, float], ...], tyro.conf.UseAppendAction] = (),
    target: str | None = None,
    similar_to: Path | None = None,
    beside: str | None = None,
    formats: tuple[Literal["png", "svg", "pdf"], ...] = ("png", "svg"),
    most: int = SHOWN,
    overwrite: bool = False,
    skip_damaged: bool = False,
    device: str = "auto",
) -> None:
    """Draw what a model looked at: gates, relations, Grad-CAM, the receptive field, and a page to explore relations in.

    Writes ``index.html``, which shows all figures, ``explorer.html``, and the figures themselves. Images that are damaged are named at the
    end, when all others are done.

    Args:
        model: Folder of a run or of a saved model, or one on the Hugging Face hub.
        images: Images, and folders of them.
        output: Folder for what is written.
        write: What to draw; by default everything that the model has.
        position: A position whose relations are drawn, down and across from 0 to 1; give the flag once for each.
        target: The class that Grad-CAM explains, or the number of a training identity; the likeliest one by default.
        similar_to: Explain by Grad-CAM the similarity of each image with this one. By default, for re-identification, with the first image.
        beside: Another model, such as the plain one: its Grad-CAM and receptive field stand beside.
        formats: Formats of the figures.
        most: Explain so many of the images at most, spread evenly over all; 0 for all. An image takes seconds.
        overwrite: Replace files that are there already.
        skip_damaged: Damaged images are no error.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_drawing()
    if target is not None and similar_to is not None:
        raise InputError("--target explains a class, --similar-to the similarity of two images: leave one of the two out")
    check_at_least(0, most=most)
    found = named_images(images, outside=output)
    names = list(found)
    named = {names[index]: found[names[index]] for index in spread(len(names), most or len(names), shift=0)}
    if (output / PAGE).exists() and not overwrite:
        raise ExistingFileError(f"{output / PAGE} is there already: name another folder with --output, or replace it with --overwrite")
    check_folder(output)
    loaded = load(model).to(choose_device(device))
    others = [] if beside is None else [(beside, load_beside(beside, model).to(choose_device(device)))]
    *titles, title = named_models(*others, (model, loaded))
    explained = Explained(loaded, title, dict(zip(titles, (each for _, each in others), strict=True)))
    check_kinds(loaded, write)
    wishes = Wishes(write or possible_kinds(loaded), target=target, similar_to=similar_to, formats=formats)
    if position:
        wishes = Wishes(wishes.kinds, position, target, similar_to, formats)
    sections: list[Section] = []
    answers: Answers[Path] = Answers()

    def use(one: Mapping[str, Path], *, progress: Progress, on_damaged: OnDamaged) -> list[Path]:
        """Draws the figures of one image and writes them."""
        ((name, path),) = one.items()
        try:
            read_image(path)
        except DamagedImageError as error:
            on_damaged(0, error)
            return []
        first = next(iter(answers.found.values()), path)
        drawn = write_images(output, name, figures_of(explained, path, first, wishes), wishes.formats)
        if len(sections) < SHOWN and drawn:
            sections.append(section_of(name, drawn, score_in_words(loaded, path, first, wishes)))
        progress(1, 1)
        return [path]

    with progress("explaining") as bar:
        answers.add(named, use, 1, bar)
    whole = answers.found
    if whole and "receptive-field" in wishes.kinds:
        sections.insert(0, write_receptive_field(output, explained, list(whole.values())[:AVERAGED], wishes))
    if whole and "explorer" in wishes.kinds:
        sections.insert(0, write_relations(output, explained, whole))
    if whole:
        write_page(output, explained, sections, len(whole))
        left = f" of {len(found)} (--most 0 for all)" if len(named) < len(found) else ""
        PlainConsole().sentence(f"{len(whole)} image{'s' * (len(whole) != 1)}{left} explained: {output / PAGE}")
    answers.conclude(len(named), skip_damaged)


def load_beside(beside: str, model: str) -> BackboneModel:
    """The other model.

    Raises:
        InputError: it is of another task.
    """
    if task_of(beside) != task_of(model):
        raise InputError(f"{beside} is for {task_of(beside)}, and {model} for {task_of(model)}: name two models of one task")
    other: BackboneModel = load(beside)
    return other
