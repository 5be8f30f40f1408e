"""Draws the channels of each stage whose gates are largest and smallest for an image, as maps over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.gates import ChannelGates, read_gates
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.panels import Group, Panel, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 4
"""Channels of each end."""


def draw_channel_gates(model: BackboneModel, image: ImageLike, count: int = SHOWN) -> Figure:
    """Draws, one row a stage, the maps of the channels with the largest and with the smallest gates.

    The title of a channel gives its number, its gate and its mean activation. Maps have scales of their own.

    Args:
        model: with an attention that has a gate for each channel and shows its map.
        image: one image.
        count: channels of each end, fewer where there are fewer.

    Raises:
        InputError: the model has no such attention.
    """
    found = [each for each in read_gates(model, image) if isinstance(each, ChannelGates) and each.maps is not None]
    if not found:
        raise InputError("the model has no gates of channels to draw: train one with attention rga-c, rga-sc or se")
    shown = shown_image(model, image)
    fewest = min(count, *(len(each.gates) // 2 or 1 for each in found))
    return draw_panels([groups_of(each, shown, fewest) for each in found])


def groups_of(gates: ChannelGates, shown: Image.Image, count: int) -> list[Group]:
    """The panels of one stage."""
    assert gates.maps is not None
    assert gates.activations is not None
    groups = [Group("image", [Panel(f"{gates.stage}\n{len(gates.gates)} channels", image=shown)])]
    for heading, chosen in (("strongest channel gates", gates.strongest(count)), ("weakest channel gates", gates.weakest(count))):
        panels = [
            Panel(f"no. {index}: {gates.gates[index]:.2f}\nmean {gates.activations[index]:.2g}", gates.maps[index], shown)
            for index in chosen
        ]
        groups.append(Group(heading, panels, "inactive", "active"))
    return groups
