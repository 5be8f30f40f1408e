"""Draws the spatial gates of a model and the relations of one node: where the attention looks, and what it compares.

One row an image: the image, the spatial gate of each stage, and the affinities of the marked node to all nodes and of all nodes to it at
the first stage (R(i,:) and R(:,i) of the paper).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rga.attention.recorder import Position
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.gates import SpatialGates, read_gates
from rga.explanation.relations import Relations, read_relations
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.panels import Group, Panel, draw_panels, share_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

WATCHED: Position = (0.4, 0.5)
"""Position of the node whose relations are drawn, as (down, across) from 0 to 1: about on the shirt."""

WEAKENED, KEPT = "weakened", "kept"
UNRELATED, RELATED = "no relation", "strong"
"""What the ends of the scales say."""
LEGEND = (
    "The spatial gate of each stage multiplies its map: yellow positions are kept, blue ones are weakened. A stage's title gives the range "
    "of its colours, which may be narrow. On the right: what the marked position is related to, after the first stage. Bright: a large "
    "affinity of the marked position to that one, R(i,:), or of that one to the marked position, R(:,i)."
)
"""How to read ``draw_gates``, for captions."""


def draw_gates(model: BackboneModel, images: Sequence[ImageLike], watched: Position = WATCHED) -> Figure:
    """Draws the gates and relations of a model on images.

    The gates of a stage share one colour scale in all rows; the title of the stage gives its range. The relations of each row have a
    scale of their own, since affinities have no unit.

    Args:
        model: with RGA-S, alone or with RGA-C, on some of its stages.
        images: one a row.
        watched: position of the node whose relations are drawn, as (down, across) from 0 to 1.

    Raises:
        MissingPackageError: matplotlib is not installed.
        InputError: there are no images, or the model has no spatial attention with relations.
    """
    if not images:
        raise InputError("there are no images to draw gates of: pass at least one")
    rows = [groups_of(model, image, watched) for image in images]
    for stage in zip(*(row[1].panels for row in rows), strict=True):
        share_scale(stage)
    return draw_panels(rows)


def groups_of(model: BackboneModel, image: ImageLike, watched: Position) -> list[Group]:
    """The panels of one image: the image, the gates of the stages, the relations to all nodes and from all nodes."""
    gates = [each for each in read_gates(model, image) if isinstance(each, SpatialGates) and each.gates.size > 1]
    related = [each for each in read_relations(model, image) if each.kind == "spatial"] if gates else []
    if not related:
        raise InputError("the model has no spatial attention with relations to draw: train one with attention rga-s, rga-sc or rga-cs")
    shown = shown_image(model, image)
    size = f"{shown.height}\u00d7{shown.width}"
    return [
        Group("image", [Panel(size, image=shown, mark=watched)]),
        Group("spatial gates", [Panel(size_of(each), each.gates, shown) for each in gates], WEAKENED, KEPT),
        Group("relations of the node", relation_panels(related[0], shown, watched), UNRELATED, RELATED, "magma"),
    ]


def size_of(gates: SpatialGates) -> str:
    """The stage and the grid of some gates."""
    return f"{gates.stage}, {gates.gates.shape[0]}\u00d7{gates.gates.shape[1]}"


def relation_panels(relations: Relations, shown: Image.Image, watched: Position) -> list[Panel]:
    """The relations of a position to all positions and from all of them, on one scale."""
    node = relations.node_at(*watched)
    maps = {"to all, R(i,:)": relations.to_all(node), "from all, R(:,i)": relations.from_all(node)}
    panels = [Panel(title, relations.as_map(values), shown, mark=watched) for title, values in maps.items()]
    largest = max(1e-6, *(float(values.max()) for values in maps.values()))
    for panel in panels:
        panel.colours |= {"vmin": min(0.0, *(float(values.min()) for values in maps.values())), "vmax": largest}
    return panels
