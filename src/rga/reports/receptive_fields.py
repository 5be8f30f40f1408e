"""Draws effective receptive fields: which pixels the middle of the last map depends on, with attention and without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rga.attention.recorder import Position
from rga.backbones.model import BackboneModel
from rga.explanation.receptive_field import area_holding, effective_receptive_field
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.panels import Group, Panel, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.5, 0.95)
"""Shares of a field whose areas are told."""


def receptive_fields(
    models: Mapping[str, BackboneModel], images: Sequence[ImageLike], position: Position = (0.5, 0.5)
) -> dict[str, NDArray[np.float32]]:
    """The effective receptive field of each model, averaged over images: name -> (H, W)."""
    return {name: effective_receptive_field(model, images, position) for name, model in models.items()}


def draw_receptive_fields(
    models: Mapping[str, BackboneModel], images: Sequence[ImageLike], fields: Mapping[str, NDArray[np.float32]], position: Position
) -> Figure:
    """Draws effective receptive fields side by side, each over the first image, brighter where a pixel counts more.

    Brightness is the square root of the influence, of the strongest pixel: influence falls so fast that little else would be seen.
    """
    panels = []
    for name, field in fields.items():
        areas = "\n".join(f"{share:.0%} in {area_holding(field, share):.0%}" for share in SHARES)
        root = np.sqrt(field / field.max())
        panels.append(Panel(f"{name}\n{areas}", root, shown_image(models[name], images[0]), {"vmin": 0, "vmax": 1}, position))
    return draw_panels([[Group("effective receptive field", panels, "no influence", "strongest", "inferno")]])
