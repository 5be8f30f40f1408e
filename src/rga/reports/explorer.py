"""The relation explorer: one HTML file in which a person points at a position and sees what its gate was computed from.

The file loads nothing. It holds theta and phi of all nodes in 8 bits, and computes a node's row and column of the affinity when it is
pointed at: exact for all nodes, up to the rounding that the page states.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.quantised import quantise
from rga.explanation.relations import Relations, read_relations
from rga.explanation.shown import shown_image
from rga.images.inputs import ImageLike
from rga.reports.scripted_page import render_scripted
from rga.storage.files import write_atomically

LARGEST_FILE = 3_000_000
"""Bytes that a page has at most: it is to be sent by mail and opened on a phone."""


class ExplorerTooLargeError(InputError):
    """A page would be larger than ``LARGEST_FILE``."""


@dataclass(frozen=True)
class Explored:
    """An image and the relations of a model's attentions on it.

    Attributes:
        name: of the image.
        image: as the model sees it.
        relations: of each attention.
    """

    name: str
    image: Image.Image
    relations: Sequence[Relations]


def explored(model: BackboneModel, images: Mapping[str, ImageLike]) -> list[Explored]:
    """What the explorer shows of images.

    Args:
        model: with RGA on some of its stages.
        images: name -> image.

    Raises:
        InputError: the model has no RGA with relations.
    """
    return [Explored(name, shown_image(model, image), read_relations(model, image)) for name, image in images.items()]


def render_explorer(title: str, shown: Sequence[Explored]) -> str:
    """The page.

    Args:
        title: above it.
        shown: one image or more; the page shows one or two at a time.

    Raises:
        ExplorerTooLargeError: the page would be larger than ``LARGEST_FILE``.
        InputError: there are no images.
    """
    if not shown:
        raise InputError("there are no images to explore: pass at least one")
    page = render_scripted("explorer", title, {"images": [as_json(each) for each in shown]})
    size = len(page.encode())
    if size > LARGEST_FILE:
        fit = max(1, len(shown) * LARGEST_FILE // size) if len(shown) > 1 else 0
        advice = f"show {fit} at a time" if fit else "make a model of smaller images, or attach attention to fewer stages"
        raise ExplorerTooLargeError(
            f"the explorer of {len(shown)} images has {size:,} bytes, and at most {LARGEST_FILE:,} are sent: {advice}"
        )
    return page


def write_explorer(path: Path, title: str, shown: Sequence[Explored]) -> None:
    """Writes the page atomically; arguments and errors as for ``render_explorer``."""
    page = render_explorer(title, shown)
    write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def as_json(shown: Explored) -> dict[str, Any]:
    """An image and its relations, as the page's script reads them."""
    file = io.BytesIO()
    shown.image.save(file, "JPEG", quality=85)
    return {
        "name": shown.name,
        "width": shown.image.width,
        "height": shown.image.height,
        "source": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii"),
        "modules": [module(each) for each in shown.relations],
    }


def module(relations: Relations) -> dict[str, Any]:
    """One attention's relations in 8 bits."""
    quantised = quantise(relations)
    return {
        "name": relations.name,
        "stage": relations.stage,
        "kind": relations.kind,
        "grid": list(relations.grid),
        "nodes": len(relations.gates),
        "signed": {"theta": quantised.theta.dtype == np.int8, "phi": quantised.phi.dtype == np.int8},
        "theta": encoded(quantised.theta),
        "phi": encoded(quantised.phi),
        "weight": encoded(quantised.weight),
        "gates": encoded(relations.gates),
        "largest_error": quantised.largest_error,
        "mean_error": quantised.mean_error,
    }


def encoded(values: NDArray[Any]) -> str:
    """Numbers in raster order, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).decode("ascii")
