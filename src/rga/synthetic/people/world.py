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
from rga.synthetic.people.conditions import CHANCES, NONE, Chances, Conditions, company_word, degrees, view_of
from rga.synthetic.people.figure import Canvas, Figure, Mask, Person, View, draw_figure, make_person, pose_person
from rga.synthetic.people.scene import Size, cast_shadow, put_obstacle

SUPERSAMPLING = 3
"""Rows and columns that are drawn for each one of the image."""

PEOPLE, CAMERAS, WALKS, SHOTS, STRANGERS, CLUTTER, JUNK = range(7)
"""What a random generator is for; the second number of its key."""

PASSERS_BY = 16
"""Strangers who walk into other people's images."""

CLUTTERING = 3
"""The most things that stand behind a person."""


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


@dataclass(frozen=True, eq=False)
class Shot:
    """An image as it was taken.

    Attributes:
        image: RGB.
        conditions: under which it was taken.
        quality: of the camera's JPEG.
    """

    image: Image.Image
    conditions: Conditions
    quality: int


class World:
    """The cameras, and the people who come by.

    Args:
        seed: from which everything follows.
        cameras: how many.
        size: (height, width) of the images.
        chances: of bad conditions.
    """

    def __init__(self, seed: int, cameras: int, size: Size, chances: Chances = CHANCES) -> None:
        self.seed = seed
        self.chances = chances
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

    def place_figure(
        self, canvas: Canvas, camera: Camera, figure: Figure, *, middle: float, foot: float, scale: float, covered: Mask | None = None
    ) -> None:
        """Draws a figure and its shadow with its middle and its feet at the given pixels; sets the mask where the figure is drawn."""
        left, _, right, bottom = figure.box
        cast_shadow(canvas, (middle + camera.light * 0.12 * scale, foot - 0.04 * scale), 0.55 * scale, 0.75 * (1 - camera.ambient) + 0.2)
        draw_figure(canvas, figure, (middle - 0.5 * (left + right) * scale, foot - bottom * scale), scale, covered)

    def company(self, rng: np.random.Generator, canvas: Canvas, camera: Camera, covered: Mask | None) -> None:
        """Somebody else at the edge of the image: behind the person, or in front, where the mask is set."""
        front = covered is not None
        height, width = self.canvas
        stranger = self.passers_by[int(rng.integers(PASSERS_BY))]
        figure = self.figure(rng, stranger, camera, camera.facing + float(rng.normal(0, 0.8)))
        tall = figure.box[3] - figure.box[1]
        scale = height / tall * float(rng.uniform(0.95, 1.1) if front else rng.uniform(0.7, 0.88))
        aside = float(rng.choice((-1, 1))) * float(rng.uniform(0.46, 0.56) if front else rng.uniform(0.25, 0.5))
        foot = height * float(rng.uniform(1.0, 1.08) if front else rng.uniform(0.78, 0.9))
        self.place_figure(canvas, camera, figure, middle=(0.5 + aside) * width, foot=foot, scale=scale, covered=covered)

    def shoot(self, rng: np.random.Generator, walk: Walk, person: Person | None, *, zoom: float = 1.0, off: float = 0.0) -> Shot:
        """Takes one image.

        Args:
            rng: of the image. What by default no image has is drawn from a generator beside it, so that the others stay the same.
            walk: where and in which direction.
            person: who, or nobody.
            zoom: how much smaller the box is than the person.
            off: how far the box lies beside the person, in its own size.
        """
        chances, extra = self.chances, rng.spawn(1)[0]
        camera = self.cameras[walk.camera]
        canvas = cut_background(camera, rng, walk.place, walk.at, self.canvas)
        clutter = [put_obstacle(canvas, extra) for _ in range(CLUTTERING) if extra.random() < chances.clutter]
        if behind := rng.random() < chances.company:
            self.company(rng, canvas, camera, None)
        covered, hidden = np.zeros(self.canvas, bool), np.zeros(self.canvas, bool)
        seen = {} if person is None else self.draw_person(rng, extra, canvas, walk, person, zoom=zoom, off=off, covered=covered)
        if front := rng.random() < chances.company_in_front:
            self.company(rng, canvas, camera, hidden)
        obstacles = []
        if rng.random() < (chances.occlusion if person is not None else 0.5):
            for number in range(chances.obstacles):
                obstacle, hiding = put_obstacle(canvas, extra if number else rng)
                obstacles.append(obstacle)
                hidden |= hiding
        conditions = Conditions(
            camera=walk.camera + 1,
            background=camera.places[walk.place],
            clutter=len(clutter),
            company=company_word(behind=behind, front=front),
            obstacle="+".join(obstacles) or NONE,
            occlusion=float(hidden[covered].mean()) if covered.any() else None,
            view=view_of(seen["yaw"]) if seen else None,
            **seen,
        )
        return Shot(take_image(camera, rng, canvas, self.size), conditions, camera.quality)

    def draw_person(
        self,
        rng: np.random.Generator,
        extra: np.random.Generator,
        canvas: Canvas,
        walk: Walk,
        person: Person,
        *,
        zoom: float,
        off: float,
        covered: Mask,
    ) -> dict[str, float]:
        """Draws a person as a detector's box has it, and sets the mask where; see ``shoot``.

        Returns:
            What ``Conditions`` tells of it: offset_x, offset_y, zoom and yaw.
        """
        camera = self.cameras[walk.camera]
        height, width = self.canvas
        yaw = walk.yaw + float(rng.normal(0, 0.28))
        figure = self.figure(rng, person, camera, yaw)
        tall = figure.box[3] - figure.box[1]
        cut = rng.random() < self.chances.cut
        scale = zoom * height / tall * float(rng.uniform(1.08, 1.3) if cut else rng.uniform(0.85, 0.97))
        slack = height - tall * scale  # rows that are left over above and below
        across, down = extra.normal(0, self.chances.misalignment, 2).tolist()
        foot = height - slack * float(rng.uniform(0.2, 0.8) if zoom == 1 else rng.random()) + height * down
        angle = float(rng.uniform(0, 2 * math.pi))
        middle = width * (0.5 + float(rng.normal(0, 0.05)) + off * math.cos(angle) + across)
        foot += height * off * math.sin(angle)
        self.place_figure(canvas, camera, figure, middle=middle, foot=foot, scale=scale, covered=covered)
        size = tall * scale / height
        return {"offset_x": middle / width - 0.5, "offset_y": foot / height - size / 2 - 0.5, "zoom": size, "yaw": degrees(yaw)}
