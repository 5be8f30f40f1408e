"""A generated person who walks past a camera: the frames of one tracklet.

From frame to frame limbs swing on by the phase of the step, the place moves by behind the person, and the box of the detector jitters
around the person. Things and people come between the person and the camera and go again. Exposure and noise are new in every frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.errors import InputError
from rga.synthetic.people.body import Pose
from rga.synthetic.people.camera import PLACES_PER_CAMERA, Camera, cut_background, take_image
from rga.synthetic.people.figure import Canvas, Figure, Mask, Person, View, pose_person
from rga.synthetic.people.scene import put_obstacle
from rga.synthetic.people.world import PASSERS_BY, Walk, World

TRACKS, FRAMES = 7, 8
"""What a random generator is for; the second number of its key, after those of ``rga.synthetic.people.world``."""

ALONG = 0.008
"""Of a place's length that a person who walks across the image leaves behind in a frame."""

MEMORY = 0.7
"""How much of a box's offset is left in the next frame."""

SPREAD = (0.03, 0.02, 0.02)
"""Standard deviation of what is added to it in each frame: across and down in box sizes, and of the logarithm of its scale."""

DRIFT = 0.03
"""Standard deviation of a turn between two frames, in radians."""


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """How often something comes between a person and the camera.

    Attributes:
        occlusion: chance of a pole, a bin, a bush or a railing that passes by in front of the person during a tracklet.
        company: chance of somebody else who crosses in front of the person.

    Raises:
        InputError: one is not a number from 0 to 1.
    """

    occlusion: float = 0.6
    company: float = 0.3

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise InputError(f"{name} is {value!r}: expected a number from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Passage:
    """When and how something crosses the image.

    Attributes:
        start: first frame, which may lie before the tracklet's.
        length: frames from one edge to the other.
        direction: 1 to the right, -1 to the left.
    """

    start: float
    length: float
    direction: int

    def at(self, frame: int) -> float | None:
        """Where it is, in widths of the image from the middle, from -1 to 1; None before and after."""
        share = (frame - self.start) / self.length
        return self.direction * (2 * share - 1) if 0 <= share <= 1 else None


@dataclass(frozen=True, kw_only=True)
class Gait:
    """How a person walks through a tracklet.

    Attributes:
        pose: in the first frame.
        rate: of the phase, in radians a frame.
        yaw: of each frame, (frames,).
        box: of each frame: offset across and down in box sizes, and scale, (frames, 3).
    """

    pose: Pose
    rate: float
    yaw: NDArray[np.float64]
    box: NDArray[np.float64]

    def pose_at(self, frame: int) -> Pose:
        """The pose in a frame."""
        return replace(self.pose, phase=self.pose.phase + frame * self.rate)


def track_of(world: World, walk: Walk, track: int) -> tuple[np.random.Generator, Walk]:
    """The random generator of a tracklet, and the way: that of the walk for the first one, another one past the same camera for others."""
    rng = world.rng(TRACKS, walk.identity, walk.camera, track)
    if not track:
        return rng, walk
    turned = math.pi * float(rng.random() < 0.3)
    yaw = walk.yaw + turned + float(rng.normal(0, 0.3))
    return rng, replace(walk, place=int(rng.integers(PLACES_PER_CAMERA)), at=float(rng.random()), yaw=yaw)


def film(world: World, walk: Walk, person: Person, track: int, frames: int, crossings: Crossings) -> Iterator[Image.Image]:
    """The frames of a tracklet; each is rendered when it is asked for.

    Args:
        world: with the camera.
        walk: whose, past which camera.
        person: who walks.
        track: which of the tracklets by this camera, from 0.
        frames: how many.
        crossings: how often something comes between.
    """
    rng, walk = track_of(world, walk, track)
    camera = world.cameras[walk.camera]
    gait = draw_gait(rng, person, walk, frames)
    place = int(rng.integers(2**31))
    thing = draw_thing(rng, world, frames, gait) if rng.random() < crossings.occlusion else None
    somebody = draw_passage(rng, frames) if rng.random() < crossings.company else None
    stranger = world.passers_by[int(rng.integers(PASSERS_BY))]
    stranger_pose = Pose(phase=float(rng.uniform(0, 2 * math.pi)), stride=stranger.look.stride)
    for frame in range(frames):
        at = walk.at + ALONG * frame * math.sin(float(gait.yaw[0]))
        canvas = cut_background(camera, np.random.default_rng(place), walk.place, at, world.canvas)
        draw_walker(world, camera, canvas, person, gait, frame)
        if somebody is not None and (across := somebody.at(frame)) is not None:
            pose = replace(stranger_pose, phase=stranger_pose.phase + frame * gait.rate)
            figure = pose_person(stranger, pose, seen_by(camera, somebody.direction * math.pi / 2))
            draw_stranger(world, camera, canvas, figure, across)
        if thing is not None and (across := thing[0].at(frame)) is not None:
            paste(canvas, *thing[1:], round(across * world.canvas[1]))
        yield take_image(camera, world.rng(FRAMES, walk.identity, walk.camera, track, frame), canvas, world.size)


def draw_gait(rng: np.random.Generator, person: Person, walk: Walk, frames: int) -> Gait:
    """Draws how a person walks through a tracklet."""
    pose = Pose(
        phase=float(rng.uniform(0, 2 * math.pi)),
        stride=person.look.stride * float(rng.uniform(0.75, 1.15)),
        turn=float(rng.normal(0, 0.25)),
        bend=float(rng.uniform(0.1, 0.6)),
    )
    yaw = walk.yaw + float(rng.normal(0, 0.2)) + np.cumsum(rng.normal(0, DRIFT, frames))
    box = np.zeros((frames, 3))
    box[0] = rng.normal(0, SPREAD) / math.sqrt(1 - MEMORY**2)
    for frame in range(1, frames):
        box[frame] = MEMORY * box[frame - 1] + rng.normal(0, SPREAD)
    box[:, 2] = float(rng.uniform(0.85, 0.97)) * np.exp(box[:, 2])
    return Gait(pose=pose, rate=float(rng.uniform(0.35, 0.6)), yaw=yaw, box=box)


def draw_passage(rng: np.random.Generator, frames: int, direction: int | None = None) -> Passage:
    """Draws when something crosses: it is before the person at some moment of the tracklet."""
    length = float(rng.uniform(0.5, 1.0)) * max(frames, 2)
    middle = float(rng.uniform(0, max(frames - 1, 1)))
    chosen = direction or int(rng.choice((-1, 1)))
    return Passage(start=middle - length / 2, length=length, direction=chosen)


def draw_thing(rng: np.random.Generator, world: World, frames: int, gait: Gait) -> tuple[Passage, Canvas, Mask]:
    """Draws a thing that the person walks behind: when it passes, its pixels, and where they are."""
    image = np.zeros((*world.canvas, 3), np.uint8)
    passage = draw_passage(rng, frames, -1 if math.sin(float(gait.yaw[0])) >= 0 else 1)  # against the person's direction
    _, covered = put_obstacle(image, rng)
    return passage, image, covered


def draw_walker(world: World, camera: Camera, canvas: Canvas, person: Person, gait: Gait, frame: int) -> None:
    """Draws the person of the tracklet as a detector's box has it in a frame."""
    height, width = world.canvas
    figure = pose_person(person, gait.pose_at(frame), seen_by(camera, float(gait.yaw[frame])))
    across, down, zoom = gait.box[frame].tolist()
    scale = zoom * height / (figure.box[3] - figure.box[1])
    foot = height * (0.5 + zoom / 2 + down)
    world.place_figure(canvas, camera, figure, middle=width * (0.5 + across), foot=foot, scale=scale)


def draw_stranger(world: World, camera: Camera, canvas: Canvas, figure: Figure, across: float) -> None:
    """Draws somebody who crosses in front of the person, at a place from -1 to 1 widths of the image from its middle."""
    height, width = world.canvas
    scale = 1.05 * height / (figure.box[3] - figure.box[1])
    world.place_figure(canvas, camera, figure, middle=width * (0.5 + across), foot=1.06 * height, scale=scale)


def seen_by(camera: Camera, yaw: float) -> View:
    """The view of a camera of somebody who walks in a direction."""
    return View(yaw=yaw, height=camera.height, distance=camera.distance, light=camera.light, ambient=camera.ambient)


def paste(canvas: Canvas, image: Canvas, covered: Mask, across: int) -> None:
    """Copies the covered pixels of a image of the same size onto a canvas, moved to the right by some pixels; in place."""
    width = canvas.shape[1]
    across = max(-width, min(width, across))
    to, source = slice(max(0, across), width + min(0, across)), slice(max(0, -across), width - max(0, across))
    there = covered[:, source]
    canvas[:, to][there] = image[:, source][there]
