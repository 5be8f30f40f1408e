"""What ``rga explain`` writes: figures of each image as PNG and SVG, the relation explorer, and one page that shows all of it.

DIR/index.html                     the page: every figure with what it shows
DIR/explorer.html                  point at a position and see its relations
DIR/receptive-field.png, .svg      over all images
DIR/images/NAME/gates.png, .svg    and relations, channels, grad-cam
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from rga.attachment import attached
from rga.attention.modules import RelationAttention, SpatialRelationAttention
from rga.attention.recorder import Position, check_position
from rga.attention.space_time import SpaceTimeAttention
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.gates import ChannelGates, SpatialGates, read_gates
from rga.explanation.last_map import last_layer
from rga.explanation.receptive_field import without_attention
from rga.images.inputs import ImageLike
from rga.reid.model import ReidModel
from rga.reports.channel_gates import draw_channel_gates
from rga.reports.class_activation import draw_class_activation, draw_similarity
from rga.reports.explorer import ExplorerTooLargeError, explored, write_explorer
from rga.reports.gates import LEGEND as GATES_LEGEND
from rga.reports.gates import WATCHED, draw_gates
from rga.reports.plotting import as_png, save_figure
from rga.reports.receptive_fields import draw_receptive_fields, receptive_fields
from rga.reports.relation_maps import draw_relations
from rga.reports.report import Figure, Link, Paragraph, Section, Text, write_report
from rga.storage.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

Kind = Literal["gates", "relations", "channels", "grad-cam", "receptive-field", "explorer"]
KINDS: tuple[Kind, ...] = ("gates", "relations", "channels", "grad-cam", "receptive-field", "explorer")

PAGE, EXPLORER, IMAGES = "index.html", "explorer.html", "images"

SHOWN = 12
"""Images whose figures the page shows; those of all others are in their files."""
AVERAGED = 32
"""Images over which receptive fields are averaged, at most."""
COMPARED = 6
"""Images in the explorer, at most."""

CAPTIONS: dict[Kind, str] = {
    "gates": GATES_LEGEND,
    "relations": (
        "What chosen positions are related to after each stage. Bright: a large affinity. Affinities have no unit; each pair of maps has "
        "a scale of its own."
    ),
    "channels": (
        "After each stage, the channels whose gates are largest and smallest. Above each map: the channel, its gate, and the mean of its "
        "activations. Yellow: the channel is active there."
    ),
    "grad-cam": "Grad-CAM. Red: this part of the image speaks for the score. Blue: it speaks against it. Each map has a scale of its own.",
    "receptive-field": (
        "The effective receptive field of the marked position of the last map (Luo et al. 2016), averaged over the images: the brighter a "
        "pixel, the more the features there depend on it. The titles give the share of the image that holds half of the influence, and "
        "95 % of it."
    ),
    "explorer": "",
}
"""How to read each figure."""


@dataclass(frozen=True)
class Wishes:
    """What is to be explained.

    Attributes:
        kinds: of figures.
        positions: whose relations are drawn, (down, across) from 0 to 1.
        target: name of a class, or number of a training identity, for Grad-CAM; None for the likeliest.
        similar_to: an image; Grad-CAM is then of the similarity with it. None for the first image, where a model for re-identification is
            given several and no target.
        formats: of the figures.

    Raises:
        InputError: a position lies outside of the image, or both a target and another image are named.
    """

    kinds: tuple[Kind, ...]
    positions: tuple[Position, ...] = (WATCHED,)
    target: str | None = None
    similar_to: Path | None = None
    formats: tuple[str, ...] = ("png", "svg")

    def __post_init__(self) -> None:
        if self.target is not None and self.similar_to is not None:
            raise InputError("a target is a class, similar_to an image whose similarity is explained: leave one of the two out")
        if not self.positions:
            raise InputError("there are no positions whose relations are to be drawn: name at least one, such as (0.4, 0.5)")
        for position in self.positions:
            check_position(position)


@dataclass(frozen=True)
class Explained:
    """A model, and one beside it.

    Attributes:
        model: that is explained.
        name: of it.
        others: name -> a model whose Grad-CAM and receptive field stand beside; empty for none.
    """

    model: BackboneModel
    name: str
    others: Mapping[str, BackboneModel]

    @property
    def models(self) -> dict[str, BackboneModel]:
        """All of them; the one beside comes first."""
        return {**self.others, self.name: self.model}


def possible_kinds(model: BackboneModel) -> tuple[Kind, ...]:
    """What can be explained of a model, by what its attention shows of a blank image."""
    height, width = model.preprocessing.size
    try:
        gates = read_gates(model, Image.new("RGB", (width, height)))
    except InputError:  # it has no gates
        gates = []
    try:
        last_layer(model)
    except InputError:  # the last stage returns tokens
        mapped = False
    else:
        mapped = True
    related = [
        each
        for each in model.modules()
        if isinstance(each, RelationAttention) and each.gate.relation and not isinstance(each, SpaceTimeAttention)
    ]
    spatial = any(isinstance(each, SpatialRelationAttention) for each in related)
    found: dict[Kind, bool] = {
        "gates": spatial and any(isinstance(each, SpatialGates) and each.gates.size > 1 for each in gates),
        "relations": spatial,
        "channels": any(isinstance(each, ChannelGates) and each.maps is not None for each in gates),
        "grad-cam": mapped,
        "receptive-field": mapped,
        "explorer": bool(related),
    }
    return tuple(kind for kind, is_possible in found.items() if is_possible)


def check_kinds(model: BackboneModel, kinds: Sequence[Kind]) -> None:
    """Raises an InputError if something is asked for that the model does not have."""
    possible = possible_kinds(model)
    missing = [kind for kind in kinds if kind not in possible]
    if missing:
        attention = ", ".join(sorted({type(each).__name__ for each in attached(model.backbone).values()})) or "none"
        raise InputError(
            f"the model has no {' and no '.join(missing)} to show (its attention: {attention}): leave --write out, or train one with rga-sc"
        )


def figures_of(explained: Explained, image: Path, first: Path, wishes: Wishes) -> dict[Kind, Drawing]:
    """The figures of one image.

    Args:
        explained: the model.
        image: the image.
        first: the first of all images.
        wishes: what is to be drawn.
    """
    model = explained.model
    drawn: dict[Kind, Callable[[], Drawing]] = {
        "gates": lambda: draw_gates(model, [image], wishes.positions[0]),
        "relations": lambda: draw_relations(model, image, wishes.positions),
        "channels": lambda: draw_channel_gates(model, image),
        "grad-cam": lambda: draw_grad_cam(explained, image, first, wishes),
    }
    return {kind: draw() for kind, draw in drawn.items() if kind in wishes.kinds}


def draw_grad_cam(explained: Explained, image: Path, first: Path, wishes: Wishes) -> Drawing:
    """Grad-CAM of one image."""
    other = other_image(explained.model, image, first, wishes)
    if other is not None:
        return draw_similarity(explained.models, [(image, other)])
    return draw_class_activation(explained.models, [image], wishes.target)


def other_image(model: BackboneModel, image: Path, first: Path, wishes: Wishes) -> Path | None:
    """The image with which the similarity is explained; None where a class is."""
    if wishes.similar_to is not None:
        return wishes.similar_to
    return first if isinstance(model, ReidModel) and wishes.target is None and image != first else None


def write_figure(stem: Path, figure: Drawing, formats: Sequence[str]) -> bytes:
    """Writes a figure in some formats, and returns it as PNG.

    Args:
        stem: of the files, without their endings.
        figure: is drawn once for each format.
        formats: endings.
    """
    png = as_png(figure)
    for suffix in formats:
        path = stem.with_name(f"{stem.name}.{suffix}")
        if suffix == "png":
            write_atomically(path, lambda temporary: temporary.write_bytes(png))
        else:
            save_figure(figure, path)
    return png


def section_of(name: str, drawn: Mapping[Kind, bytes], grad_cam_of: str) -> Section:
    """The part of the page on one image.

    Args:
        name: of the image.
        drawn: its figures, PNG.
        grad_cam_of: the score that Grad-CAM explains, in a sentence.
    """
    parts = []
    for kind, png in drawn.items():
        caption = f"{CAPTIONS[kind]} {grad_cam_of}" if kind == "grad-cam" else CAPTIONS[kind]
        parts.append(Figure(png, f"{kind} of {name}", caption))
    return Section(name, tuple(parts))


def score_in_words(model: BackboneModel, image: Path, first: Path, wishes: Wishes) -> str:
    """What Grad-CAM differentiates, in a sentence."""
    other = other_image(model, image, first, wishes)
    if other is not None:
        return (
            f"The score is the similarity with {other.name}, whose map stands beside: red parts are more like the other image than the "
            "image as a whole is, blue parts less."
        )
    what = "training identity" if isinstance(model, ReidModel) else "class"
    return f"The score is that of the {f'likeliest {what}' if wishes.target is None else f'{what} {wishes.target}'}."


def write_receptive_field(folder: Path, explained: Explained, images: Sequence[ImageLike], wishes: Wishes) -> Section:
    """Writes the receptive fields of all models, and of the explained one without its attention; returns their section."""
    models = explained.models
    if attached(explained.model.backbone):
        without = {f"{explained.name}\nleft out": without_attention(explained.model)}
        models = {**explained.others, **without, explained.name: explained.model}
    position = (0.5, 0.5)
    fields = receptive_fields(models, images, position)
    figure = draw_receptive_fields(models, images, fields, position)
    png = write_figure(folder / "receptive-field", figure, wishes.formats)
    parts = (Figure(png, "effective receptive fields, over the first image", CAPTIONS["receptive-field"]),)
    return Section("Effective receptive field", parts)


def write_relations(folder: Path, explained: Explained, images: Mapping[str, Path]) -> Section:
    """Writes the explorer with as many of the first images, and of one image with as many attentions, as fit; returns their section."""
    shown = explored(explained.model, dict(list(images.items())[:COMPARED]))
    left_out: list[str] = []
    while True:
        try:
            write_explorer(folder / EXPLORER, f"Relations of {explained.name}", shown)
            break
        except ExplorerTooLargeError:
            if len(shown) > 1:
                shown = shown[:-1]
            elif len(shown[0].relations) > 1:
                largest = max(shown[0].relations, key=lambda each: each.theta.size)
                left_out.append(largest.name)
                shown = [replace(shown[0], relations=[each for each in shown[0].relations if each is not largest])]
            else:
                raise
    count = f"{len(shown)} images" if len(shown) > 1 else "the image"
    text: Text = (Link("Open the relation explorer", EXPLORER), f", point at any position of {count}, and see what it is related to.")
    if left_out:
        text = (*text, f" Left out, since the file would be too large: {', '.join(left_out)}.")
    return Section("Relations of any position", (Paragraph(text),))


class Explanation:
    """What is written about a model, image by image.

    Args:
        folder: for all of it.
        explained: the model.
        wishes: what is to be explained.
    """

    def __init__(self, folder: Path, explained: Explained, wishes: Wishes) -> None:
        check_kinds(explained.model, wishes.kinds)
        self.folder = folder
        self.explained = explained
        self.wishes = wishes
        self.images: dict[str, Path] = {}
        self.sections: list[Section] = []

    def add(self, name: str, image: Path) -> None:
        """Draws the figures of an image and writes them.

        Args:
            name: of the image in the folder.
            image: the file.

        Raises:
            DamagedImageError: it cannot be read.
        """
        first = next(iter(self.images.values()), image)
        figures = figures_of(self.explained, image, first, self.wishes)
        drawn = {kind: write_figure(self.folder / IMAGES / name / kind, figure, self.wishes.formats) for kind, figure in figures.items()}
        if len(self.sections) < SHOWN and drawn:
            self.sections.append(section_of(name, drawn, score_in_words(self.explained.model, image, first, self.wishes)))
        self.images[name] = image

    def finish(self) -> Path:
        """Writes what is of all images together, and the page, which it returns."""
        above: list[Section] = []
        if "explorer" in self.wishes.kinds:
            above.append(write_relations(self.folder, self.explained, self.images))
        if "receptive-field" in self.wishes.kinds:
            above.append(write_receptive_field(self.folder, self.explained, list(self.images.values())[:AVERAGED], self.wishes))
        count, others = len(self.images), self.explained.others
        beside = f", beside {' and '.join(others)}" if others else ""
        lead = f"What {self.explained.name} looked at in {count} image{'s' * (count != 1)}{beside}."
        more = f" The figures of {count - SHOWN} more images are in {IMAGES}/." if count > SHOWN else ""
        formats = " and ".join(each.upper() for each in self.wishes.formats)
        write_report(
            self.folder / PAGE, "Explanation", lead + more, [*above, *self.sections], f"All figures are in the folder, as {formats}."
        )
        return self.folder / PAGE
