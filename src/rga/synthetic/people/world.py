"""The world of the generated people: the cameras, who walks past them, and the images they take.

Everything has a random generator of its own, keyed by the seed and by what it is, so that an image does not depend on what else is
rendered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rga.synthetic.people.body import Pose
from rga.synthetic.people.camera import PLACES_PER_CAMERA, Camera, cut_background, make_camera, take_image
from rga.synthetic.people.figure import Canvas, Figure, Person, View, draw_figure, make_person, pose_person
from rga.synthetic.people.scene import Size, cast_shadow, occlude

SUPERSAMPLING = 3
"""Rows and columns that are drawn for each one of the image."""

PEOPLE, CAMERAS, WALKS, SHOTS, STRANGERS, CLUTTER, JUNK = range(7)
"""What a random generator is for; the second number of its key."""

PASSERS_BY = 16
"""Strangers who walk into other people's images."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A person's way past one camera.

    Attributes:
        identity: who.
        camera: index of the camera.
        place: index of the place under it.
        at: where in the place, from 0 to 1.
        yaw: the direction, as in ``View``.
        frame: number of the first frame.
    """

    identity: int
    camera: int
    place: int
    at: float
    yaw: float
    frame: int


class World:
    """The cameras, and the people who come by.

    Args:
        seed: from which everything follows.
        cameras: how many.
        size: (height, width) of the images.
    """

    def __init__(self, seed: int, cameras: int, size: Size) -> None:
        self.seed = seed
        self.size = size
        self.canvas = SUPERSAMPLING * size[0], SUPERSAMPLING * size[1]
        self.cameras = tuple(make_camera(self.rng(CAMERAS, index), index, self.canvas) for index in range(cameras))
        self.passers_by = tuple(make_person(self.rng(STRANGERS, 0, index)) for index in range(PASSERS_BY))

    def rng(self, *key: int) -> np.random.Generator:
        """The random generator for one thing of this world."""
        return np.random.default_rng([self.seed, *key])

    def person(self, identity: int) -> Person:
        """The person of an identity."""
        return make_person(self.rng(PEOPLE, identity))

    def stranger(self, index: int) -> Person:
        """Somebody without an identity."""
        return make_person(self.rng(STRANGERS, 1, index))

    def walks(self, identity: int) -> list[Walk]:
        """Where a person is seen: past a random subset of at least two cameras."""
        rng = self.rng(WALKS, identity)
        count = int(rng.integers(2, len(self.cameras) + 1))
        return [
            Walk(
                identity=identity,
                camera=camera,
                place=int(rng.integers(PLACES_PER_CAMERA)),
                at=float(rng.random()),
                yaw=self.cameras[camera].facing + float(rng.normal(0, 0.5)) + math.pi * float(rng.random() < 0.2),
                frame=int(rng.integers(1, 90_000)),
            )
            for camera in sorted(rng.permutation(len(self.cameras))[:count].tolist())
        ]

    def stray_walk(self, rng: np.random.Generator, identity: int, frame: int) -> Walk:
        """A way past some camera."""
        camera, place = int(rng.integers(len(self.cameras))), int(rng.integers(PLACES_PER_CAMERA))
        yaw = self.cameras[camera].facing + float(rng.normal(0, 0.7))
        return Walk(identity=identity, camera=camera, place=place, at=float(rng.random()), yaw=yaw, frame=frame)

    def figure(self, rng: np.random.Generator, person: Person, camera: Camera, yaw: float) -> Figure:
        """A person at a random moment of a walk in about the direction ``yaw``."""
        standing = rng.random() < 0.15
        pose = Pose(
            phase=float(rng.uniform(0, 2 * math.pi)),
            stride=person.look.stride * (0.12 if standing else float(rng.uniform(0.75, 1.15))),
            turn=float(rng.normal(0, 0.3)),
            bend=float(rng.uniform(0.1, 0.6)),
        )
        view = View(yaw=yaw, height=camera.height, distance=camera.distance, light=camera.light, ambient=camera.ambient)
        return pose_person(person, pose, view)

    def place_figure(self, canvas: Canvas, camera: Camera, figure: Figure, *, middle: float, foot: float, scale: float) -> None:
        """Draws a figure and its shadow with its middle and its feet at the given pixels."""
        left, _, right, bottom = figure.box
        cast_shadow(canvas, (middle + camera.light * 0.12 * scale, foot - 0.04 * scale), 0.55 * scale, 0.75 * (1 - camera.ambient) + 0.2)
        draw_figure(canvas, figure, (middle - 0.5 * (left + right) * scale, foot - bottom * scale), scale)

    def company(self, rng: np.random.Generator, canvas: Canvas, camera: Camera, front: bool) -> None:
        """Somebody else at the edge of the image, behind the person or in front."""
        height, width = self.canvas
        stranger = self.passers_by[int(rng.integers(PASSERS_BY))]
        figure = self.figure(rng, stranger, camera, camera.facing + float(rng.normal(0, 0.8)))
        tall = figure.box[3] - figure.box[1]
        scale = height / tall * float(rng.uniform(0.95, 1.1) if front else rng.uniform(0.7, 0.88))
        aside = float(rng.choice((-1, 1))) * float(rng.uniform(0.46, 0.56) if front else rng.uniform(0.25, 0.5))
        foot = height * float(rng.uniform(1.0, 1.08) if front else rng.uniform(0.78, 0.9))
        self.place_figure(canvas, camera, figure, middle=(0.5 + aside) * width, foot=foot, scale=scale)

    def shoot(self, rng: np.random.Generator, walk: Walk, person: Person | None, *, zoom: float = 1.0, off: float = 0.0) -> Image.Image:
        """Takes one image.

        Args:
            rng: of the image.
            walk: where and in which direction.
            person: who, or nobody.
            zoom: how much smaller the box is than the person.
            off: how far the box lies beside the person, in its own size.
        """
        camera = self.cameras[walk.camera]
        height, width = self.canvas
        canvas = cut_background(camera, rng, walk.place, walk.at, self.canvas)
        if rng.random() < 0.1:
            self.company(rng, canvas, camera, front=False)
        if person is not None:
            figure = self.figure(rng, person, camera, walk.yaw + float(rng.normal(0, 0.28)))
            tall = figure.box[3] - figure.box[1]
            cut = rng.random() < 0.05
            scale = zoom * height / tall * float(rng.uniform(1.08, 1.3) if cut else rng.uniform(0.85, 0.97))
            slack = height - tall * scale  # rows that are left over above and below
            foot = height - slack * float(rng.uniform(0.2, 0.8) if zoom == 1 else rng.random())
            angle = float(rng.uniform(0, 2 * math.pi))
            middle = width * (0.5 + float(rng.normal(0, 0.05)) + off * math.cos(angle))
            self.place_figure(canvas, camera, figure, middle=middle, foot=foot + height * off * math.sin(angle), scale=scale)
        if rng.random() < 0.05:
            self.company(rng, canvas, camera, front=True)
        if rng.random() < (0.07 if person is not None else 0.5):
            occlude(canvas, rng)
        return take_image(camera, rng, canvas, self.size)
