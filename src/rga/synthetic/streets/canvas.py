"""An image of a street and its labels, drawn together: what is painted is labelled in the same stroke, so that both always agree.

A pinhole camera stands in the street at the origin and looks along it: x is to the right, y up from the ground, z away from the camera, all
in metres. Things are drawn from far to near. Colours fade into the haze with the distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[float, float, float]
"""Red, green and blue from 0 to 255."""

Point = tuple[float, float, float]
"""x, y and z in metres."""

SUPERSAMPLING = 2
"""Rows and columns that are drawn for each one of the image."""

NEAREST = 0.6
"""Metres before the camera at which things are cut off."""


class Label(IntEnum):
    """Labels as Cityscapes numbers them."""

    UNLABELLED = 0
    EGO_VEHICLE = 1
    ROAD = 7
    SIDEWALK = 8
    BUILDING = 11
    POLE = 17
    TRAFFIC_SIGN = 20
    VEGETATION = 21
    SKY = 23
    PERSON = 24
    CAR = 26


GRAIN = {Label.ROAD: 7.0, Label.SIDEWALK: 8.0, Label.BUILDING: 5.0, Label.VEGETATION: 20.0, Label.SKY: 1.5, Label.PERSON: 7.0}
"""How rough surfaces look, as a standard deviation of their brightness; 4 for all others."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The camera and the weather.

    Attributes:
        size: (height, width) of the canvas in pixels.
        focal: focal length in pixels.
        horizon: row of the horizon.
        centre: column of the vanishing point.
        eye: height of the camera in metres.
        haze: colour that distance fades into.
        sight: metres after which about two thirds are haze.
        sun: share of light on walls to the left and to the right of the street.
    """

    size: tuple[int, int]
    focal: float
    horizon: float
    centre: float
    eye: float
    haze: Colour
    sight: float
    sun: tuple[float, float]

    def project(self, point: Point) -> tuple[float, float]:
        """Column and row of a point before the camera."""
        x, y, z = point
        depth = max(z, NEAREST)
        return self.centre + self.focal * x / depth, self.horizon + self.focal * (self.eye - y) / depth

    def scale(self, z: float) -> float:
        """Pixels of a metre at a distance."""
        return self.focal / max(z, NEAREST)

    def fade(self, colour: Colour, z: float) -> tuple[int, int, int]:
        """A colour as it looks from a distance, for Pillow."""
        share = math.exp(-max(z, 0.0) / self.sight)
        red, green, blue = (min(255, max(0, round(share * own + (1 - share) * far))) for own, far in zip(colour, self.haze, strict=True))
        return red, green, blue


class SceneCanvas:
    """An image and its labels, and which object each pixel belongs to.

    Args:
        view: the camera.
        signs: draw traffic signs on some of the posts.
    """

    def __init__(self, view: View, *, signs: bool = False) -> None:
        self.view = view
        self.signs = signs
        height, width = view.size
        self.image = Image.new("RGB", (width, height))
        self.labels = Image.new("L", (width, height), Label.UNLABELLED)
        self.brush = ImageDraw.Draw(self.image)
        self.marker = ImageDraw.Draw(self.labels)
        self.objects = Image.new("I", (width, height), 0)
        self.tracer = ImageDraw.Draw(self.objects)
        self.object_labels: list[Label] = []
        """The labels of the objects, which are numbered from 1."""
        self.object = 0
        """The number of the object that is drawn; 0 for none."""

    @contextmanager
    def as_object(self, label: Label) -> Iterator[None]:
        """What is drawn within the block is one object."""
        self.object_labels.append(label)
        self.object = len(self.object_labels)
        try:
            yield
        finally:
            self.object = 0

    def face(self, corners: Sequence[Point], colour: Colour, label: Label) -> None:
        """A flat face in the world, in the haze of its mean distance."""
        z = sum(max(corner[2], NEAREST) for corner in corners) / len(corners)
        self.patch([self.view.project(corner) for corner in corners], self.view.fade(colour, z), label)

    def patch(self, outline: Sequence[tuple[float, float]], ink: tuple[int, int, int], label: Label) -> None:
        """A polygon in pixels."""
        self.brush.polygon(list(outline), fill=ink)
        self.marker.polygon(list(outline), fill=label)
        self.tracer.polygon(list(outline), fill=self.object)

    def disc(self, centre: Point, radii: tuple[float, float], colour: Colour, label: Label) -> None:
        """An ellipse that faces the camera; its radii across and up are in metres."""
        x, y = self.view.project(centre)
        across, up = (radius * self.view.scale(centre[2]) for radius in radii)
        box = (x - across, y - up, x + across, y + up)
        self.brush.ellipse(box, fill=self.view.fade(colour, centre[2]))
        self.marker.ellipse(box, fill=label)
        self.tracer.ellipse(box, fill=self.object)

    def beam(self, start: Point, end: Point, thickness: float, colour: Colour, label: Label) -> None:
        """A round bar between two points, at least a pixel of the finished image thick."""
        first, last = self.view.project(start), self.view.project(end)
        width = max(SUPERSAMPLING, thickness * self.view.scale((start[2] + end[2]) / 2))
        along, down = last[0] - first[0], last[1] - first[1]
        length = math.hypot(along, down) or 1.0
        aside = -down / length * width / 2, along / length * width / 2
        corners = [
            (first[0] + aside[0], first[1] + aside[1]),
            (last[0] + aside[0], last[1] + aside[1]),
            (last[0] - aside[0], last[1] - aside[1]),
            (first[0] - aside[0], first[1] - aside[1]),
        ]
        self.patch(corners, self.view.fade(colour, (start[2] + end[2]) / 2), label)

    def finish(self, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
        """The image as a camera takes it, and the labels, at their final size.

        Args:
            rng: of light, lens and noise.
        """
        labels = np.asarray(self.labels)
        roughness = np.full(256, 4.0, np.float32)
        for label, grain in GRAIN.items():
            roughness[label] = grain
        texture = (rng.standard_normal(labels.shape, np.float32) + blotches(rng, labels.shape)) * roughness[labels]  # (H, W)
        rough = np.clip(np.asarray(self.image, np.float32) + texture[..., None], 0, 255).astype(np.uint8)
        height, width = (side // SUPERSAMPLING for side in self.view.size)
        small = Image.fromarray(rough).resize((width, height), Image.Resampling.BOX)
        lens = float(rng.uniform(0, 0.7)) * height / 128
        lit = np.asarray(small.filter(ImageFilter.GaussianBlur(lens)), np.float32) / 255
        balance = np.exp(rng.normal(0, 0.05, 3)).astype(np.float32) * np.float32(math.exp(rng.normal(-0.05, 0.12)))
        lit = np.clip(lit * balance, 0, 1) ** np.float32(math.exp(rng.normal(0, 0.12)))
        lit += rng.standard_normal(lit.shape, np.float32) * np.float32(rng.uniform(0.004, 0.02))
        taken = Image.fromarray((np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8))
        return taken, self.labels.resize((width, height), Image.Resampling.NEAREST)

    def visible_objects(self) -> NDArray[np.int32]:
        """(H, W) at the final size: the number of the object that each pixel shows; 0 for none."""
        height, width = (side // SUPERSAMPLING for side in self.view.size)
        return np.asarray(self.objects.resize((width, height), Image.Resampling.NEAREST), np.int32)


def blotches(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """Soft noise (height, width), some pixels wide, with a deviation of about 1."""
    height, width = size
    coarse = rng.standard_normal((max(2, height // 6), max(2, width // 6)), np.float32)
    soft = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(soft, np.float32) * np.float32(1.4)
