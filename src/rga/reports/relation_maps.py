"""Draws what chosen positions of an image are related to, after each stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rga.attention.recorder import Position
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.relations import read_relations
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.gates import RELATED, UNRELATED, relation_panels
from rga.reports.panels import Group, Panel, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_relations(model: BackboneModel, image: ImageLike, positions: Sequence[Position]) -> Figure:
    """Draws the relations of positions, one a row: to all positions and from all of them, after each stage with RGA-S.

    The two maps of a stage share one scale of colours, from 0 to the largest affinity; affinities have no unit.

    Args:
        model: with RGA-S, alone or with RGA-C, on some of its stages.
        image: one image.
        positions: each (down, across) from 0 to 1.

    Raises:
        InputError: there are no positions, one lies outside, or the model has no spatial attention with relations.
    """
    if not positions:
        raise InputError("there are no positions whose relations are to be drawn: name at least one, such as (0.4, 0.5)")
    spatial = [each for each in read_relations(model, image) if each.kind == "spatial"]
    if not spatial:
        raise InputError("the model has no spatial attention with relations to draw: train one with attention rga-s, rga-sc or rga-cs")
    shown = shown_image(model, image)
    return draw_panels(
        [
            [
                Group("position", [Panel(f"{position[0]:.2f}, {position[1]:.2f}", image=shown, mark=position)]),
                *(
                    Group(
                        f"{each.stage}, {each.grid[0]}\u00d7{each.grid[1]}",
                        relation_panels(each, shown, position),
                        UNRELATED,
                        RELATED,
                        "magma",
                    )
                    for each in spatial
                ),
            ]
            for position in positions
        ]
    )
