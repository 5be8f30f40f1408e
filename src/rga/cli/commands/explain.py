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
from rga.errors import InputError
from rga.images.images import DamagedImageError, read_image
from rga.images.named import named_images
from rga.loading import load, task_of
from rga.reports.examples import spread
from rga.reports.explanation import PAGE, SHOWN, Explained, Explanation, Kind, Wishes, possible_kinds
from rga.reports.gates import WATCHED
from rga.reports.titles import titles_of
from rga.storage.outputs import check_drawing, check_output
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
    check_at_least(0, most=most)
    found = named_images(images, outside=output)
    names = list(found)
    named = {names[index]: found[names[index]] for index in spread(len(names), most or len(names), shift=0)}
    check_output(output / PAGE, overwrite=overwrite)
    loaded = load(model).to(choose_device(device))
    others = [] if beside is None else [(beside, load_beside(beside, model).to(choose_device(device)))]
    *titles, title = titles_of([*others, (model, loaded)])
    explained = Explained(loaded, title, dict(zip(titles, (each for _, each in others), strict=True)))
    wishes = Wishes(write or possible_kinds(loaded), position or (WATCHED,), target, similar_to, formats)
    explanation = Explanation(output, explained, wishes)
    answers: Answers[None] = Answers()

    def use(one: Mapping[str, Path], *, progress: Progress, on_damaged: OnDamaged) -> list[None]:
        """Explains one image."""
        ((name, path),) = one.items()
        try:
            read_image(path)
        except DamagedImageError as error:
            on_damaged(0, error)
            return []
        explanation.add(name, path)
        progress(1, 1)
        return [None]

    with progress("explaining") as bar:
        answers.add(named, use, 1, bar)
    if explanation.images:
        page, count = explanation.finish(), len(explanation.images)
        left = f" of {len(found)} (--most 0 for all)" if len(named) < len(found) else ""
        PlainConsole().sentence(f"{count} image{'s' * (count != 1)}{left} explained: {page}")
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
