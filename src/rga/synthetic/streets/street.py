"""The street of a generated scene: sky, ground and houses.

The street runs straight ahead between two pavements; behind these stand houses, or, in the gaps between them, bushes and trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from rga.synthetic.streets.canvas import NEAREST, Colour, Label, SceneCanvas, View

FAR = 140.0
"""Metres at which the street ends."""

WALLS: tuple[Colour, ...] = (
    (158, 92, 72), (184, 174, 154), (128, 132, 140), (204, 194, 172), (108, 102, 98), (152, 168, 178), (196, 150, 110), (120, 74, 66),
    (222, 216, 204), (92, 96, 104),
)  # fmt: skip
ASPHALT: tuple[Colour, ...] = ((84, 84, 88), (104, 102, 102), (70, 72, 78), (122, 118, 114))
PAVING: tuple[Colour, ...] = ((150, 146, 140), (128, 126, 126), (172, 162, 146), (140, 122, 112))
GLASS: tuple[Colour, ...] = ((56, 66, 80), (88, 104, 118), (40, 44, 52), (206, 194, 146))
LEAVES: tuple[Colour, ...] = ((62, 92, 44), (84, 108, 52), (50, 74, 48), (104, 112, 60), (118, 96, 52))
SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 146, 206), (190, 214, 232)),
    ((168, 178, 190), (214, 218, 222)),
    ((126, 132, 142), (178, 180, 184)),
    ((112, 150, 196), (236, 218, 190)),
)
"""Colours at the top and at the horizon."""


@dataclass(frozen=True, kw_only=True)
class Street:
    """Where things are, in metres.

    Attributes:
        left: x of the left kerb, below 0.
        right: x of the right kerb.
        pavement: width of both pavements.
        lanes: x of the middles of the lanes.
        leaves: colour of this season's trees.
    """

    left: float
    right: float
    pavement: float
    lanes: tuple[float, ...]
    leaves: Colour

    def kerb(self, side: int) -> float:
        """Where the kerb is on a side: -1 for left, 1 for right."""
        return self.left if side < 0 else self.right


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 12.0) -> Colour:
    """One of the colours, a little changed."""
    own, change = colours[int(rng.integers(len(colours)))], rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    return own[0] + float(change[0]), own[1] + float(change[1]), own[2] + float(change[2])


def times(colour: Colour, factor: float) -> Colour:
    """A colour, lighter or darker."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def draw_view(rng: np.random.Generator, size: tuple[int, int]) -> tuple[View, tuple[Colour, Colour]]:
    """A camera and a sky.

    Args:
        rng: of the scene.
        size: (height, width) of the canvas.
    """
    height, width = size
    sky = SKIES[int(rng.integers(len(SKIES)))]
    light = float(rng.uniform(0.55, 0.85))
    view = View(
        size=size,
        focal=float(rng.uniform(0.85, 1.25)) * width / 2 * 1.1,
        horizon=float(rng.uniform(0.4, 0.52)) * height,
        centre=float(rng.normal(0.5, 0.09)) * width,
        eye=float(rng.uniform(1.2, 1.9)),
        haze=sky[1],
        sight=float(rng.uniform(90, 300)),
        sun=(light, 1.4 - light) if rng.random() < 0.5 else (1.4 - light, light),
    )
    return view, sky


def draw_street(rng: np.random.Generator) -> Street:
    """A street with one to three lanes."""
    lanes = int(rng.integers(1, 4))
    lane, parking = float(rng.uniform(2.9, 3.6)), float(rng.uniform(1.6, 2.6))
    own = int(rng.integers(lanes))  # the camera drives in this one
    left = -(own + 0.5) * lane - parking
    right = (lanes - own - 0.5) * lane + parking
    middles = tuple((number - own) * lane for number in range(lanes))
    return Street(left=left, right=right, pavement=float(rng.uniform(3.0, 7.0)), lanes=middles, leaves=pick(rng, LEAVES))


def paint_sky(canvas: SceneCanvas, rng: np.random.Generator, sky: tuple[Colour, Colour]) -> None:
    """The sky with its clouds, over the whole canvas: all else is painted on it."""
    height, width = canvas.view.size
    share = np.clip(np.linspace(0, height / canvas.view.horizon, height, dtype=np.float32), 0, 1)[:, None, None]
    colours = (1 - share) * np.asarray(sky[0], np.float32) + share * np.asarray(sky[1], np.float32)  # (H, 1, 3)
    canvas.image.paste(Image.fromarray(np.clip(np.broadcast_to(colours, (height, width, 3)), 0, 255).astype(np.uint8)))
    canvas.labels.paste(Label.SKY, (0, 0, width, height))
    for _ in range(int(rng.integers(0, 9))):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0, canvas.view.horizon * 0.8))
        white = int(rng.uniform(205, 250))
        for _ in range(7):
            across, up = float(rng.uniform(0.03, 0.1)) * width, float(rng.uniform(0.01, 0.04)) * height
            left, top = x + float(rng.normal(0, 0.04)) * width, y + float(rng.normal(0, 0.015)) * height
            canvas.brush.ellipse((left - across, top - up, left + across, top + up), fill=(white, white, min(255, white + 4)))


def paint_ground(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> None:
    """Pavement to the horizon, the road on it, kerbs and lines."""
    paving, asphalt = pick(rng, PAVING), pick(rng, ASPHALT)
    wide = 60.0
    canvas.face([(-wide, 0, NEAREST), (wide, 0, NEAREST), (wide * 4, 0, FAR * 2), (-wide * 4, 0, FAR * 2)], paving, Label.SIDEWALK)
    for near, far in ((NEAREST, 6), (6, 14), (14, 30), (30, 60), (60, FAR * 2)):  # in pieces, so that each has its haze
        for left, right in ((street.left - street.pavement * 3, street.left), (street.right, street.right + street.pavement * 3)):
            canvas.face([(left, 0, near), (right, 0, near), (right, 0, far), (left, 0, far)], paving, Label.SIDEWALK)
        corners = [(street.left, 0.0, near), (street.right, 0.0, near), (street.right, 0.0, far), (street.left, 0.0, far)]
        canvas.face(corners, asphalt, Label.ROAD)
        for side in (-1, 1):
            kerb = street.kerb(side)
            edge = [(kerb, 0.0, near), (kerb + side * 0.25, 0.0, near), (kerb + side * 0.25, 0.0, far), (kerb, 0.0, far)]
            canvas.face(edge, times(paving, 1.15), Label.SIDEWALK)
    for _ in range(int(rng.integers(0, 5))):  # repaired places
        x, z = float(rng.uniform(street.left, street.right - 1.5)), float(rng.uniform(3, 40))
        right, far = min(street.right, x + float(rng.uniform(0.8, 3))), z + float(rng.uniform(1, 8))
        canvas.face([(x, 0, z), (right, 0, z), (right, 0, far), (x, 0, far)], times(asphalt, float(rng.uniform(0.8, 1.15))), Label.ROAD)
    paint_lines(canvas, rng, street)


def paint_lines(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> None:
    """Dashes between the lanes, and a crossing now and then."""
    white = times((228, 228, 222), float(rng.uniform(0.8, 1)))
    for first, second in pairwise(street.lanes):
        x = (first + second) / 2
        for z in np.arange(float(rng.uniform(1, 6)), 70, 6.0):
            dash = [(x - 0.08, 0, float(z)), (x + 0.08, 0, float(z)), (x + 0.08, 0, float(z) + 2.5), (x - 0.08, 0, float(z) + 2.5)]
            canvas.face(dash, white, Label.ROAD)
    if rng.random() < 0.3:
        z = float(rng.uniform(7, 30))
        for x in np.arange(street.left + 0.5, street.right - 0.6, 1.0):
            canvas.face([(x, 0, z), (x + 0.5, 0, z), (x + 0.5, 0, z + 3), (x, 0, z + 3)], white, Label.ROAD)


def paint_houses(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> None:
    """The end of the street, and the houses on both sides of it from far to near."""
    end = street.pavement + 60
    if rng.random() < 0.6:
        wall = pick(rng, WALLS)
        for left in np.arange(street.left - end, street.right + end, 18.0):
            wall, height = pick(rng, WALLS) if rng.random() < 0.6 else wall, float(rng.uniform(7, 20))
            canvas.face([(left, 0, FAR), (left + 18, 0, FAR), (left + 18, height, FAR), (left, height, FAR)], wall, Label.BUILDING)
    else:
        for left in np.arange(street.left - end, street.right + end, 6.0):
            up = float(rng.uniform(4, 9))
            canvas.disc((float(left), up * 0.5, FAR), (5.5, up), pick(rng, (street.leaves,)), Label.VEGETATION)
    plots = []
    for side in (-1, 1):
        z = float(rng.uniform(-6, 2))
        while z < FAR:
            gap, length = rng.random() < 0.16, float(rng.uniform(7, 20))
            plots.append((z, length, side, gap))
            z += length
    for z, length, side, gap in sorted(plots, reverse=True):
        if gap:
            paint_bushes(canvas, rng, street, side, z, length)
        else:
            paint_house(canvas, rng, street, side, z, length)


def paint_house(canvas: SceneCanvas, rng: np.random.Generator, street: Street, side: int, z: float, length: float) -> None:
    """A house: the front that looks onto the street, and the wall that faces the camera."""
    x = street.kerb(side) + side * street.pavement
    floors = int(rng.integers(2, 7))
    height = floors * 3.1 + float(rng.uniform(0.6, 1.6))
    wall, near, far = pick(rng, WALLS), max(z, NEAREST), z + length
    if far <= NEAREST:
        return
    if z > NEAREST:
        back = x + side * 14
        facing = times(wall, 0.82)
        canvas.face([(x, 0, z), (back, 0, z), (back, height, z), (x, height, z)], facing, Label.BUILDING)
    light = canvas.view.sun[0] if side < 0 else canvas.view.sun[1]
    front = times(wall, 0.45 + 0.75 * light)
    steps = np.geomspace(near, far, max(2, round(length / 8) + 1)).tolist()
    for first, last in pairwise(steps):
        canvas.face([(x, 0, first), (x, 0, last), (x, height, last), (x, height, first)], front, Label.BUILDING)
    if z < 70:
        paint_windows(canvas, rng, x, (z, far), floors, front)


def paint_windows(canvas: SceneCanvas, rng: np.random.Generator, x: float, ends: tuple[float, float], floors: int, front: Colour) -> None:
    """Rows of windows, and shops or doors at the bottom."""
    glass, pitch = pick(rng, GLASS), float(rng.uniform(2.2, 3.6))
    wide, high = pitch * float(rng.uniform(0.4, 0.6)), float(rng.uniform(1.3, 1.9))
    shop = rng.random() < 0.4
    for z in np.arange(ends[0] + 0.7, ends[1] - wide, pitch):
        near, far = float(z), float(z) + wide
        if near < NEAREST:
            continue
        for floor in range(floors):
            low = floor * 3.1 + (0.2 if floor == 0 and shop else 1.0)
            top = low + (2.3 if floor == 0 and shop else high)
            tone = times(glass, float(rng.uniform(0.8, 1.2)))
            canvas.face([(x, low, near), (x, low, far), (x, top, far), (x, top, near)], tone, Label.BUILDING)
            canvas.face([(x, low - 0.15, near), (x, low - 0.15, far), (x, low, far), (x, low, near)], times(front, 1.2), Label.BUILDING)


def paint_bushes(canvas: SceneCanvas, rng: np.random.Generator, street: Street, side: int, z: float, length: float) -> None:
    """A gap between houses, with bushes and trees behind the pavement."""
    x = street.kerb(side) + side * street.pavement
    for at in sorted(rng.uniform(max(z, 3.0), max(z + length, 4.0), 14).tolist(), reverse=True):
        away, up = x + side * float(rng.uniform(1.0, 9)), float(rng.uniform(0.9, 3.2))
        canvas.disc((away, up * 0.7, at), (float(rng.uniform(0.9, 2.0)), up), pick(rng, (street.leaves,)), Label.VEGETATION)
