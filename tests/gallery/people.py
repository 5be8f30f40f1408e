"""People for tests of galleries: images whose pixels are their features, so that who is alike is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.gallery.crop import Crop
from rga.gallery.embedder import Features, Pixels
from rga.ranking.open_set.threshold import Threshold

SHAPE = (6, 4, 3)
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class PixelEmbedder:
    """A model that takes the pixels for the embedding; two of different fingerprints differ in a rotation."""

    def __init__(self, fingerprint: str = "pixels", threshold: Threshold | None = None) -> None:
        self.fingerprint = fingerprint
        self.about: dict[str, Any] = {"model": fingerprint}
        self.threshold = threshold
        self.seen = 0

    def embed(self, images: Sequence[Pixels]) -> Features:
        self.seen += len(images)
        rows = np.stack([np.resize(image, SHAPE).reshape(-1) for image in images]).astype(np.float32) - 127.5
        return rows if self.fingerprint == "pixels" else rows[:, ::-1] + 1


def image_of(person: int, number: int = 0, noise: float = 12.0) -> NDArray[np.uint8]:
    """An image of a person: alike within the person, and not to others."""
    centre = np.random.default_rng(person).uniform(0, 255, SHAPE)
    pixels = centre + np.random.default_rng((person, number)).normal(0, noise, SHAPE)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def crop_of(person: int, number: int = 0, *, named: bool = True, **about: Any) -> Crop:
    """A crop of a person; by default at a camera and a time that follow from its number."""
    given: dict[str, Any] = {
        "camera": f"c{number % 3}",
        "time": START + timedelta(hours=number),
        "person": f"p{person:03}" if named else "",
        "source": f"{person:04}_{number:04}.jpg",
        **about,
    }
    return Crop(image_of(person, number), f"content {person} {number}", **given)


def crowd(people: int, images: int, **about: Any) -> list[Crop]:
    """So many people, with so many images each."""
    return [crop_of(person, number, **about) for person in range(people) for number in range(images)]
