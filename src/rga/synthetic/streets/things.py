"""What stands and moves in the street of a generated scene: trees, poles, cars and people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from rga.synthetic.streets.canvas import Colour, Label, Point, SceneCanvas
from rga.synthetic.streets.street import Street, pick, times

PAINTS: tuple[Colour, ...] = (
    (30, 32, 36), (210, 212, 214), (150, 154, 158), (152, 32, 34), (34, 58, 110), (92, 98, 104), (196, 176, 120), (50, 92, 70),
    (228, 228, 226),
)  # fmt: skip
CLOTHES: tuple[Colour, ...] = (
    (40, 42, 50), (170, 40, 44), (60, 80, 130), (206, 200, 190), (90, 100, 70), (130, 90, 60), (222, 170, 60), (110, 110, 116),
    (70, 40, 80),
)  # fmt: skip
SKINS: tuple[Colour, ...] = ((224, 184, 156), (188, 140, 108), (134, 92, 66), (94, 64, 48))
METALS: tuple[Colour, ...] = ((92, 96, 98), (140, 144, 146), (62, 70, 66), (104, 92, 80))
BARK: tuple[Colour, ...] = ((84, 68, 52), (104, 92, 78), (66, 58, 50))
GLASS: Colour = (52, 62, 72)
RIMS: tuple[Colour, ...] = ((190, 28, 32), (200, 40, 36), (236, 236, 232))
FACES: tuple[Colour, ...] = ((238, 236, 230), (240, 238, 226), (36, 78, 160))
"""Of signs: discs, triangles, squares."""
TYRE: Colour = (24, 24, 26)

Thing = tuple[float, Callable[[], None]]
"""Distance, and what draws it."""


def paint_things(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> None:
    """Everything that stands and moves, from far to near."""
    things = [*street_furniture(canvas, rng, street), *traffic(canvas, rng, street), *passers_by(canvas, rng, street)]
    for _, draw in sorted(things, key=lambda thing: thing[0], reverse=True):
        draw()


def street_furniture(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> Iterator[Thing]:
    """Trees and poles along both kerbs."""
    for side in (-1, 1):
        x = street.kerb(side)
        if rng.random() < 0.65:
            for z in np.arange(float(rng.uniform(4, 14)), 90, float(rng.uniform(7, 14))):
                yield thing(tree, canvas, rng, (x + side * 1.1, 0.0, float(z) + float(rng.normal(0, 0.6))), street.leaves)
        metal, height = pick(rng, METALS), float(rng.uniform(4.5, 8))
        for z in np.arange(float(rng.uniform(3, 16)), 80, float(rng.uniform(9, 20))):
            yield thing(lamp, canvas, rng, (x + side * 0.5, 0.0, float(z)), metal, height, -side)
        for z in rng.uniform(5, 40, int(rng.integers(0, 4))):
            yield thing(post, canvas, rng, (x + side * 0.4, 0.0, float(z)), pick(rng, METALS))


def traffic(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> Iterator[Thing]:
    """Cars at the kerbs and in the lanes."""
    for side in (-1, 1):
        crowded = float(rng.uniform(0.1, 0.75))
        for z in np.arange(float(rng.uniform(4, 9)), 80, 5.8):
            if rng.random() < crowded:
                yield thing(car, canvas, rng, (street.kerb(side) - side * 1.05, 0.0, float(z)), pick(rng, PAINTS))
    for x in street.lanes:
        ahead = float(rng.uniform(8, 35))
        while ahead < 80 and rng.random() < 0.6:
            yield thing(car, canvas, rng, (x + float(rng.normal(0, 0.2)), 0.0, ahead), pick(rng, PAINTS))
            ahead += float(rng.uniform(8, 40))


def passers_by(canvas: SceneCanvas, rng: np.random.Generator, street: Street) -> Iterator[Thing]:
    """People on the pavements, and some in the road."""
    for _ in range(int(rng.integers(5, 17))):
        side = int(rng.choice((-1, 1)))
        x = street.kerb(side) + side * float(rng.uniform(0.5, max(0.6, street.pavement - 0.4)))
        if rng.random() < 0.2:
            x = float(rng.uniform(street.left, street.right))
        yield thing(person, canvas, rng, (x, 0.0, float(rng.uniform(4.5, 24))))


def thing(draw: Callable[..., None], canvas: SceneCanvas, rng: np.random.Generator, foot: Point, *more: object) -> Thing:
    """A thing at its distance; it gets a random generator of its own, as things are drawn in another order than they are made."""
    own = np.random.default_rng(int(rng.integers(2**63)))
    return foot[2], lambda: draw(canvas, own, foot, *more)


def tree(canvas: SceneCanvas, rng: np.random.Generator, foot: Point, leaves: Colour) -> None:
    """A trunk, and a crown of many tufts."""
    x, _, z = foot
    crown, wide = float(rng.uniform(3.2, 5.0)), float(rng.uniform(1.1, 2.1))
    canvas.beam(foot, (x, crown, z), float(rng.uniform(0.2, 0.4)), pick(rng, BARK), Label.VEGETATION)
    for _ in range(26):
        angle, out = float(rng.uniform(0, 2 * math.pi)), float(rng.random()) ** 0.5
        at = (x + wide * out * math.cos(angle), crown + 0.5 + wide * out * math.sin(angle), z)
        size = float(rng.uniform(0.35, 0.8))
        canvas.disc(at, (size, size * 0.8), times(pick(rng, (leaves,), 10), 0.8 + 0.25 * math.sin(angle)), Label.VEGETATION)


def lamp(canvas: SceneCanvas, rng: np.random.Generator, foot: Point, metal: Colour, height: float, inward: int) -> None:
    """A pole with an arm over the road."""
    x, _, z = foot
    thick = float(rng.uniform(0.14, 0.22))
    canvas.beam(foot, (x, height, z), thick, metal, Label.POLE)
    canvas.beam((x, height, z), (x + inward * 1.4, height + 0.3, z), thick * 0.7, metal, Label.POLE)


def post(canvas: SceneCanvas, rng: np.random.Generator, foot: Point, metal: Colour) -> None:
    """A post; on a canvas with signs, two of three carry one."""
    x, _, z = foot
    height = float(rng.uniform(2.2, 3.2))
    canvas.beam(foot, (x, height, z), 0.12, metal, Label.POLE)
    if canvas.signs and rng.random() < 0.67:
        with canvas.as_object(Label.TRAFFIC_SIGN):
            sign(canvas, rng, (x, height, z))


def sign(canvas: SceneCanvas, rng: np.random.Generator, top: Point) -> None:
    """A traffic sign on a post: a disc, a triangle or a square, with a rim."""
    x, y, z = top
    size, kind = float(rng.uniform(0.32, 0.45)), int(rng.integers(3))
    for share, colour in ((1.0, RIMS[kind]), (0.72, FACES[kind])):
        reach = size * share
        if kind == 0:
            canvas.disc((x, y, z), (reach, reach), colour, Label.TRAFFIC_SIGN)
        elif kind == 1:
            corners = [(x - reach, y - reach * 0.7, z), (x + reach, y - reach * 0.7, z), (x, y + reach, z)]
            canvas.face(corners, colour, Label.TRAFFIC_SIGN)
        else:
            corners = [(x - reach, y - reach, z), (x + reach, y - reach, z), (x + reach, y + reach, z), (x - reach, y + reach, z)]
            canvas.face(corners, colour, Label.TRAFFIC_SIGN)


def car(canvas: SceneCanvas, rng: np.random.Generator, foot: Point, paint: Colour) -> None:
    """A car, as an object."""
    with canvas.as_object(Label.CAR):
        draw_car(canvas, rng, foot, paint)


def draw_car(canvas: SceneCanvas, rng: np.random.Generator, foot: Point, paint: Colour) -> None:
    """A car that stands along the street: the side that can be seen, then the end that faces the camera."""
    x, _, near = foot
    wide, long, tall = float(rng.uniform(1.7, 1.9)), float(rng.uniform(3.7, 4.8)), float(rng.uniform(1.38, 1.85))
    waist, sill, inset = tall * 0.58, 0.28, 0.16
    far, left, right = near + long, x - wide / 2, x + wide / 2
    shade = [(left - 0.1, 0.0, near - 0.2), (right + 0.1, 0.0, near - 0.2), (right + 0.1, 0.0, far), (left - 0.1, 0.0, far)]
    canvas.brush.polygon([canvas.view.project(corner) for corner in shade], fill=canvas.view.fade((38, 38, 42), near))  # still road
    side = left if x > 0 else right
    hood, rear, roof = near + 0.22 * long, near + 0.95 * long, (near + 0.36 * long, near + 0.8 * long)
    canvas.face([(side, sill, near), (side, sill, far), (side, waist, far), (side, waist, near)], times(paint, 0.8), Label.CAR)
    pulled = side + inset * (1 if x > 0 else -1)
    cabin = [(side, waist, hood), (pulled, tall, roof[0]), (pulled, tall, roof[1]), (side, waist, rear)]
    canvas.face(cabin, times(paint, 0.85), Label.CAR)
    inner = [(side, waist + 0.05, hood + 0.3), (pulled, tall - 0.1, roof[0] + 0.1), (pulled, tall - 0.1, roof[1] - 0.1),
             (side, waist + 0.05, rear - 0.3)]  # fmt: skip
    canvas.face(inner, GLASS, Label.CAR)
    for z in (near + 0.2 * long, near + 0.8 * long):
        canvas.disc((side, 0.33, z), (0.16, 0.33), TYRE, Label.CAR)
    canvas.face([(left, waist, near), (right, waist, near), (right, waist, hood), (left, waist, hood)], times(paint, 1.1), Label.CAR)
    screen = [(left, waist, hood), (right, waist, hood), (right - inset, tall, roof[0]), (left + inset, tall, roof[0])]
    canvas.face(screen, times(GLASS, float(rng.uniform(0.9, 1.6))), Label.CAR)
    canvas.beam((left + inset, tall, roof[0]), (right - inset, tall, roof[0]), 0.1, paint, Label.CAR)
    canvas.face([(left, sill, near), (right, sill, near), (right, waist, near), (left, waist, near)], paint, Label.CAR)
    lights: Colour = (190, 30, 28) if rng.random() < 0.6 else (240, 236, 210)
    for at in (left + 0.22, right - 0.22):
        canvas.disc((at, waist - 0.16, near), (0.17, 0.1), lights, Label.CAR)
        canvas.face([(at - 0.14, 0.0, near), (at + 0.14, 0.0, near), (at + 0.14, sill, near), (at - 0.14, sill, near)], TYRE, Label.CAR)
    plate = [(x - 0.26, sill + 0.12, near), (x + 0.26, sill + 0.12, near), (x + 0.26, sill + 0.26, near), (x - 0.26, sill + 0.26, near)]
    canvas.face(plate, (220, 220, 216), Label.CAR)


def person(canvas: SceneCanvas, rng: np.random.Generator, foot: Point) -> None:
    """Somebody, as an object."""
    with canvas.as_object(Label.PERSON):
        draw_person(canvas, rng, foot)


def draw_person(canvas: SceneCanvas, rng: np.random.Generator, foot: Point) -> None:
    """Somebody who walks or stands: legs, body, arms and head."""
    x, _, z = foot
    tall = float(rng.normal(1.72, 0.1)) * (0.65 if rng.random() < 0.1 else 1.0)
    top, trousers, skin = pick(rng, CLOTHES), pick(rng, CLOTHES), pick(rng, SKINS)
    stride = float(rng.uniform(0.02, 0.28))
    hip, shoulder, wide = 0.5 * tall, 0.82 * tall, float(rng.uniform(0.36, 0.5))
    for way in (-1, 1):
        canvas.beam((x + way * stride, 0.02, z), (x + way * 0.07, hip, z), 0.17, times(trousers, 1 + 0.1 * way), Label.PERSON)
    body = [(x - wide / 2, shoulder, z), (x + wide / 2, shoulder, z), (x + wide * 0.42, hip - 0.12, z), (x - wide * 0.42, hip - 0.12, z)]
    canvas.face(body, top, Label.PERSON)
    for way in (-1, 1):
        hand = (x + way * (wide / 2 + stride * 0.6), hip + 0.02, z)
        canvas.beam((x + way * wide / 2, shoulder - 0.04, z), hand, 0.11, times(top, 0.85), Label.PERSON)
    canvas.disc((x, 0.93 * tall, z), (0.095, 0.125), skin, Label.PERSON)
    canvas.disc((x, 0.965 * tall, z), (0.1, 0.08), pick(rng, BARK), Label.PERSON)
