"""A map of images by their features: one HTML file, coloured by identity or camera, with a thumbnail of the image that is pointed at."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rga.errors import InputError
from rga.explanation.embedding_map import has_umap, principal_components, umap_points
from rga.images.images import read_image
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.samples import ReidData, Sample, by_identity
from rga.reid.embedded import embed_samples
from rga.reid.model import ReidModel
from rga.reports.examples import spread
from rga.reports.scripted_page import render_scripted
from rga.storage.files import write_atomically

IDENTITIES, IMAGES = 40, 800
"""People on a map, spread evenly over all, and images of them, at most."""
THUMBNAIL = (96, 48)
"""Height and width in which images are shown, at most."""


@dataclass(frozen=True)
class Mapped:
    """Images on a map.

    Attributes:
        samples: the images.
        points: way of projection -> (n, 2).
        kept: the share of the variance that the principal components keep.
    """

    samples: Sequence[Sample]
    points: Mapping[str, NDArray[np.float64]]
    kept: float


def mapped(model: ReidModel, data: ReidData, *, batch_size: int = 64, num_workers: int = 0) -> Mapped:
    """Embeds some people of a test and lays them out.

    Args:
        model: computes the features.
        data: with query and gallery.
        batch_size: images at a time.
        num_workers: processes that read images.

    Raises:
        InputError: there are fewer than two images of people.
    """
    samples = chosen_samples(data)
    if len(samples) < 2:
        raise InputError(f"{data.name} has fewer than two images of people in query and gallery: there is nothing to lay out")
    features = torch.cat(embed_samples(model, samples, batch_size, num_workers)[model.feature]).numpy()
    points, kept = principal_components(features)
    found = {"principal components": points}
    if has_umap() and len(samples) > 3:
        found["UMAP"] = umap_points(features)
    return Mapped(samples, found, kept)


def chosen_samples(data: ReidData) -> list[Sample]:
    """Images of people, of as many people as a map shows, spread evenly over all."""
    people = {
        identity: samples
        for identity, samples in sorted(by_identity((*data.query, *data.gallery)).items())
        if identity not in {JUNK, DISTRACTOR}
    }
    identities = list(people)
    return [sample for index in spread(len(identities), IDENTITIES) for sample in people[identities[index]]][:IMAGES]


def write_map(path: Path, title: str, found: Mapped) -> None:
    """Writes the page atomically.

    Args:
        path: of the file.
        title: above the page.
        found: what it shows.
    """
    page = render_scripted("embedding_map", title, as_json(found))
    write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def as_json(found: Mapped) -> dict[str, Any]:
    """What the page's script reads."""
    return {
        "projections": [{"name": name, "points": np.round(scaled(points), 4).tolist()} for name, points in found.points.items()],
        "kept": found.kept,
        "images": [
            {"identity": sample.identity, "camera": sample.camera, "name": sample.path.name, "source": thumbnail(sample.path)}
            for sample in found.samples
        ],
    }


def scaled(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 2) in the unit square, with one scale for both axes."""
    low, high = points.min(0), points.max(0)
    size = float((high - low).max()) or 1.0
    within: NDArray[np.float64] = (points - (low + high) / 2) / size + 0.5
    return within


def thumbnail(path: Path) -> str:
    """A small JPEG of an image as a data URI."""
    image = read_image(path)
    image.thumbnail((THUMBNAIL[1], THUMBNAIL[0]), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
