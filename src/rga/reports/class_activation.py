"""Draws Grad-CAM: where images speak for a class or for being like another image, and where against; of one model or of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rga.backbones.model import BackboneModel
from rga.explanation.class_activation import ClassScore, Similarity, grad_cam
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.panels import Group, Panel, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGAINST, FOR = "against", "for"
COLOURS = "RdBu_r"


def draw_class_activation(models: Mapping[str, BackboneModel], images: Sequence[ImageLike], name: str | int | None = None) -> Figure:
    """Draws for each image, one a row, where it speaks for a class and where against, for each model.

    Each map has a scale of its own, with 0 in the middle.

    Args:
        models: name -> model, such as one without attention and one with it.
        images: one a row.
        name: of the class; None for the likeliest one.
    """
    rows = []
    for image in images:
        groups = []
        for title, model in models.items():
            shown = shown_image(model, image)
            panels = [Panel("image", image=shown), cam_panel(model, image, ClassScore(name), "Grad-CAM")]
            groups.append(Group(title, panels, AGAINST, FOR, COLOURS))
        rows.append(groups)
    return draw_panels(rows)


def draw_similarity(models: Mapping[str, BackboneModel], pairs: Sequence[tuple[ImageLike, ImageLike]]) -> Figure:
    """Draws for each pair of images, one a row, where each speaks for their similarity and where against, for each model.

    Args:
        models: name -> model for re-identification.
        pairs: of images.
    """
    rows = []
    for first, second in pairs:
        groups = []
        for title, model in models.items():
            panels = []
            for image, other in ((first, second), (second, first)):
                panels += [Panel("image", image=shown_image(model, image)), cam_panel(model, image, Similarity(other), "like the other")]
            groups.append(Group(title, panels, AGAINST, FOR, COLOURS))
        rows.append(groups)
    return draw_panels(rows)


def cam_panel(model: BackboneModel, image: ImageLike, target: ClassScore | Similarity, title: str) -> Panel:
    """Grad-CAM over its image, with 0 in the middle of the scale."""
    cam = grad_cam(model, image, target)
    largest = max(float(np.abs(cam).max()), 1e-12)
    return Panel(title, cam, shown_image(model, image), {"vmin": -largest, "vmax": largest})
