"""An articulated person, drawn as turned solids with surfaces around them.

The solids of ``people_body`` are turned to the view, seen in perspective by a camera at its height, and drawn from the farthest to the
nearest. A point across a solid shows the column of its surface that faces the camera there, and the light that falls on it there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rga.synthetic.people.body import Pose, Solid, stand
from rga.synthetic.people.clothes import dress_up
from rga.synthetic.people.look import Look, draw_look
from rga.synthetic.people.patterns import COLUMNS, ROWS, Surface

Canvas = NDArray[np.uint8]
"""An image (height, width, 3) that is drawn on in place."""
Mask = NDArray[np.bool_]
"""Which pixels of a canvas something covers, (height, width)."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

BINS = 256
"""Places across a solid for which angle and light are computed."""
ACROSS = (np.arange(BINS, dtype=np.float32) + 0.5) / BINS * 2 - 1
FACING = np.sqrt(1 - ACROSS**2)
ANGLE = np.arcsin(ACROSS)
STEPS = 96
"""Places along a solid for which its radius is computed, the round ends included."""
STEP = np.linspace(0, 1, STEPS, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class View:
    """From where a person is seen.

    Attributes:
        yaw: direction of the person: 0 towards the camera, pi / 2 to the image's right, pi away from it.
        height: of the camera, in metres.
        distance: of the camera along the ground, in metres.
        light: direction of the light across the image, from -1 (left) to 1.
        ambient: share of light that comes from everywhere.
    """

    yaw: float
    height: float = 1.6
    distance: float = 8.0
    light: float = 0.3
    ambient: float = 0.6


@dataclass(frozen=True, eq=False)
class Person:
    """A look with its surfaces."""

    look: Look
    surfaces: Mapping[str, Surface]


def make_person(rng: np.random.Generator) -> Person:
    """Draws a person's look and makes its surfaces."""
    look = draw_look(rng)
    return Person(look, dress_up(rng, look))


def project(points: NDArray[np.float64], view: View) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) in metres -> places (n, 2) in metres at the person (right, down), sizes (n,) and nearness (n,)."""
    middle = 0.85
    x = points[:, 0] * math.cos(view.yaw) + points[:, 2] * math.sin(view.yaw)
    z = -points[:, 0] * math.sin(view.yaw) + points[:, 2] * math.cos(view.yaw)
    y = points[:, 1] - middle
    pitch = math.atan2(view.height - middle, view.distance)
    far = math.hypot(view.height - middle, view.distance)
    size = far / (far - y * math.sin(pitch) - z * math.cos(pitch))
    up = y * math.cos(pitch) - z * math.sin(pitch)
    return np.stack((x * size, -up * size), axis=1), size, z


@dataclass(frozen=True, eq=False)
class Figure:
    """A person in a pose and a view, ready to be drawn.

    Attributes:
        person: who.
        solids: the parts, from the farthest to the nearest.
        ends: both ends of each part in metres at the person, (n, 2 ends, right and down).
        sizes: perspective at the ends, (n, 2).
        view: from where.
        box: what the figure covers, in metres at the person.
    """

    person: Person
    solids: Sequence[Solid]
    ends: NDArray[np.float64]
    sizes: NDArray[np.float64]
    view: View
    box: Box


def pose_person(person: Person, pose: Pose, view: View) -> Figure:
    """Places a person's solids as the camera sees them."""
    solids = stand(person.look, pose)
    points = np.asarray([point for solid in solids for point in (solid.start, solid.end)], np.float64)
    points[:, 1] -= min(min(solid.start[1], solid.end[1]) for solid in solids if solid.surface == "foot") - 0.03
    places, sizes, nearness = project(points, view)
    order = np.argsort(nearness.reshape(-1, 2).mean(1) + np.asarray([solid.lift for solid in solids]), kind="stable")
    ends, reach = places.reshape(-1, 2, 2), np.asarray([max(solid.radii) for solid in solids])
    left, right = (ends[..., 0].min(1) - reach).min(), (ends[..., 0].max(1) + reach).max()
    box = (float(left), float(ends[..., 1].min()), float(right), float(ends[..., 1].max() + 0.02))
    return Figure(person, [solids[index] for index in order], ends[order], sizes.reshape(-1, 2)[order], view, box)


def draw_figure(canvas: Canvas, figure: Figure, origin: tuple[float, float], scale: float, covered: Mask | None = None) -> None:
    """Draws a figure onto a canvas.

    Args:
        canvas: (height, width, 3), changed in place.
        figure: from ``pose_person``.
        origin: pixel (right, down) of the figure's (0, 0).
        scale: pixels per metre.
        covered: (height, width), set in place where the figure is drawn.
    """
    view = figure.view
    sideways = math.sqrt(max(0.0, 1 - 0.3**2))
    lit = np.clip(sideways * view.light * ACROSS + math.sqrt(1 - min(1.0, abs(view.light)) ** 2 * sideways**2) * FACING, 0, 1)
    light = (255 * (view.ambient + (1 - view.ambient) * lit)).astype(np.float32)
    for solid, ends, sizes in zip(figure.solids, figure.ends, figure.sizes, strict=True):
        yaw = view.yaw + solid.turn
        breadth = math.hypot(math.cos(yaw), solid.flat * math.sin(yaw))
        turned = math.atan2(solid.flat * math.sin(yaw), math.cos(yaw))
        columns = (np.floor((ANGLE - turned) / (2 * math.pi) * COLUMNS).astype(np.int32)) % COLUMNS
        pixels = [(origin[0] + scale * x, origin[1] + scale * y) for x, y in ends.tolist()]
        near, change = float(sizes[0]), float(sizes[1] - sizes[0]) / (len(solid.radii) - 1)
        radii = np.asarray([scale * breadth * radius * (near + step * change) for step, radius in enumerate(solid.radii)], np.float32)
        surface = figure.person.surfaces[solid.surface]
        draw_solid(canvas, surface, ends=pixels, radii=radii, caps=solid.caps, columns=columns, light=light, covered=covered)


def draw_solid(
    canvas: Canvas,
    surface: Surface,
    *,
    ends: Sequence[tuple[float, float]],
    radii: NDArray[np.float32],
    caps: bool,
    columns: NDArray[np.int32],
    light: NDArray[np.float32],
    covered: Mask | None = None,
) -> None:
    """Draws one solid onto a canvas.

    Args:
        canvas: (height, width, 3), changed in place.
        surface: what covers the solid.
        ends: pixels (right, down) of the axis' ends.
        radii: in pixels, at equal steps along the axis.
        caps: the ends are round.
        columns: the surface's column at each of ``BINS`` places across.
        light: the light at each of them, from 0 to 255.
        covered: (height, width), set in place where the solid is drawn.
    """
    (x0, y0), (x1, y1) = ends
    length = max(math.hypot(x1 - x0, y1 - y0), 1e-3)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    first, last = (float(radii[0]), float(radii[-1])) if caps else (0.0, 0.0)
    reach = float(radii.max()) + 1
    height, width = canvas.shape[:2]
    left, right = max(0, math.floor(min(x0, x1) - reach)), min(width, math.ceil(max(x0, x1) + reach))
    top, bottom = max(0, math.floor(min(y0, y1) - reach)), min(height, math.ceil(max(y0, y1) + reach))
    if left >= right or top >= bottom:
        return
    right_of = (np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x0))[None]
    below = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - y0))[:, None]

    along = STEP * np.float32(length + first + last) - np.float32(first)
    radius = np.interp(along * ((len(radii) - 1) / length), np.arange(len(radii)), radii).astype(np.float32)
    if caps:
        outside = np.maximum(np.maximum(-along / first, (along - length) / last), 0)
        radius *= np.sqrt(np.clip(1 - outside**2, 1e-6, 1))
    rows = np.clip(along / length * ROWS, 0, ROWS - 1).astype(np.int32)

    place = ((right_of * dx + below * dy) + np.float32(first)) * np.float32((STEPS - 1) / (length + first + last)) + np.float32(0.5)
    step = place.astype(np.int32)  # (h, w): place along the axis
    across = (right_of * dy - below * dx) / radius.take(step, mode="clip")  # (h, w): place across, -1 .. 1
    inside = (place >= 0) & (place < STEPS) & (abs(across) < 1)
    bins = ((across[inside] + 1) * (BINS / 2)).astype(np.int32)  # (n,): of the pixels inside
    bins = np.minimum(bins, BINS - 1)  # 1 + across is 2 when across is the last number below 1
    spot = rows.take(step[inside]) * COLUMNS + columns.take(bins)
    if surface.holes is not None:
        cloth = ~surface.holes.ravel().take(spot)
        inside[inside] = cloth
        bins, spot = bins[cloth], spot[cloth]
    colours = surface.texture.reshape(-1, 3).take(spot, axis=0) * light.take(bins)[:, None]  # (n, 3)
    canvas[top:bottom, left:right][inside] = colours.astype(np.uint8)
    if covered is not None:
        covered[top:bottom, left:right] |= inside
