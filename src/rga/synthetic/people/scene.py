"""Places where generated people walk: walls, shops, parks and streets, painted once and cut into backgrounds.

A place is a strip several people wide. Its wall stands on the ground at a height of the image that follows from the camera's: a high
camera sees mostly ground.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from rga.synthetic.people.figure import Canvas, Mask
from rga.synthetic.people.look import Colour, shade

Ink = tuple[int, int, int]
Size = tuple[int, int]
"""Height and width in pixels."""

WALLS: tuple[Colour, ...] = (
    (0.62, 0.36, 0.28),
    (0.72, 0.68, 0.60),
    (0.50, 0.52, 0.55),
    (0.80, 0.76, 0.68),
    (0.42, 0.40, 0.38),
    (0.60, 0.66, 0.70),
)
GROUNDS: tuple[Colour, ...] = ((0.55, 0.54, 0.52), (0.44, 0.44, 0.46), (0.66, 0.60, 0.52), (0.50, 0.42, 0.38), (0.62, 0.63, 0.64))
CABIN = ((0.2, 0.55), (0.32, 1.0), (0.72, 1.0), (0.88, 0.55))
WINDOWS = ((0.27, 0.57), (0.35, 0.92), (0.69, 0.92), (0.8, 0.57))
"""Outlines of a car's upper half: along and up, as fractions of its length and height."""
SIGNS: tuple[Colour, ...] = (
    (0.70, 0.16, 0.16),
    (0.14, 0.30, 0.55),
    (0.16, 0.45, 0.30),
    (0.85, 0.65, 0.20),
    (0.25, 0.22, 0.26),
    (0.85, 0.85, 0.82),
)


def ink(rng: np.random.Generator, colour: Colour, spread: float = 0.04) -> Ink:
    """A colour for Pillow, a little lighter or darker."""
    change = rng.normal(0, spread)
    red, green, blue = (round(255 * min(1.0, max(0.0, channel + change))) for channel in colour)
    return red, green, blue


def choose(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours."""
    return colours[int(rng.integers(len(colours)))]


def bricks(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """A wall of bricks, a window here and there."""
    colour = choose(rng, WALLS)
    draw.rectangle((0, 0, width, base), fill=ink(rng, colour))
    course, brick = max(8, base // 16), max(16, base // 6)
    for row, top in enumerate(range(0, base, course)):
        for left in range(-brick if row % 2 else -brick // 2, width, brick):
            draw.rectangle((left, top, left + brick - 3, top + course - 3), fill=ink(rng, colour, 0.05))
    windows(draw, rng, width, base, rate=0.4)


def windows(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int, rate: float = 0.8) -> None:
    """Windows and doors in a wall."""
    pitch = max(90, base // 2)
    frame = ink(rng, choose(rng, SIGNS))
    for left in range(int(rng.integers(pitch)) - pitch, width, pitch):
        if rng.random() < rate:
            door = rng.random() < 0.35
            top, bottom = int(base * 0.2), base if door else int(base * 0.68)
            box = (left, top, left + int(pitch * 0.55), bottom)
            draw.rectangle(box, fill=frame)
            glass = ink(rng, (0.30, 0.36, 0.42) if rng.random() < 0.7 else (0.85, 0.80, 0.60), 0.08)
            if bottom - top > 14:  # in small images there is a frame alone
                draw.rectangle((box[0] + 7, box[1] + 7, box[2] - 7, box[3] - 7), fill=glass)
            draw.line((box[0], (top + bottom) // 2, box[2], (top + bottom) // 2), fill=frame, width=5)


def plaster(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """A plain house front with a plinth and windows."""
    colour = choose(rng, WALLS)
    draw.rectangle((0, 0, width, base), fill=ink(rng, colour))
    windows(draw, rng, width, base)
    draw.rectangle((0, int(base * 0.88), width, base), fill=ink(rng, shade(colour, 0.6)))


def shops(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """Shop windows under signs, with goods in many colours."""
    left = -int(rng.integers(100))
    while left < width:
        right = left + int(rng.integers(180, 340))
        draw.rectangle((left, 0, right, base), fill=ink(rng, choose(rng, WALLS)))
        sign = choose(rng, SIGNS)
        draw.rectangle((left + 6, int(base * 0.08), right - 6, int(base * 0.24)), fill=ink(rng, sign))
        light = (0.92, 0.92, 0.9) if sum(sign) < 1.6 else (0.2, 0.2, 0.22)
        for letter in range(left + 24, right - 40, 26):
            draw.rectangle((letter, int(base * 0.13), letter + int(rng.integers(8, 18)), int(base * 0.19)), fill=ink(rng, light))
        draw.rectangle((left + 12, int(base * 0.3), right - 12, int(base * 0.94)), fill=ink(rng, (0.32, 0.36, 0.40), 0.08))
        for _ in range(9):
            x, y = int(rng.integers(left + 16, right - 50)), int(base * rng.uniform(0.5, 0.8))
            draw.rectangle((x, y, x + int(rng.integers(14, 34)), int(base * 0.93)), fill=ink(rng, choose(rng, SIGNS), 0.12))
        left = right


def leaves(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """Sky, trees and a hedge."""
    draw.rectangle((0, 0, width, base), fill=ink(rng, (0.70, 0.80, 0.88)))
    for left in range(int(rng.integers(60)), width, 170):
        draw.rectangle((left, 0, left + int(rng.integers(14, 30)), base), fill=ink(rng, (0.32, 0.24, 0.18)))
    for _ in range(width * 3 // 4):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(-20, base * 0.55))
        if rng.random() < 0.45:
            y = float(base * rng.uniform(0.66, 1.0))
        size = float(rng.uniform(6, 26))
        green = float(rng.uniform(0.22, 0.55))
        draw.ellipse((x - size, y - 0.7 * size, x + size, y + 0.7 * size), fill=ink(rng, (0.55 * green, green, 0.4 * green), 0.03))


def cars(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """A house front with parked cars."""
    plaster(draw, rng, width, base)
    left, tall = -int(rng.integers(200)), int(0.3 * width / 2.5)
    while left < width:
        long = int(2.7 * tall)
        colour = ink(rng, choose(rng, SIGNS + WALLS))
        for outline, fill in ((CABIN, colour), (WINDOWS, (58, 66, 76))):
            draw.polygon([(left + x * long, base - y * tall) for x, y in outline], fill=fill)
        draw.rounded_rectangle((left, base - 0.58 * tall, left + long, base - 0.12 * tall), radius=0.15 * tall, fill=colour)
        for wheel in (0.2, 0.8):
            x, size = left + wheel * long, 0.17 * tall
            draw.ellipse((x - size, base - 2 * size, x + size, base), fill=(28, 28, 30))
            draw.ellipse((x - 0.5 * size, base - 1.5 * size, x + 0.5 * size, base - 0.5 * size), fill=(140, 142, 146))
        left += long + int(rng.integers(30, 260))


def fence(draw: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, base: int) -> None:
    """Grass and trees behind a fence."""
    leaves(draw, rng, width, base)
    bars = ink(rng, choose(rng, ((0.16, 0.17, 0.18), (0.55, 0.57, 0.58), (0.35, 0.24, 0.16))))
    for left in range(0, width, 22):
        draw.line((left, int(base * 0.42), left, base), fill=bars, width=5)
    for height in (0.47, 0.9):
        draw.line((0, int(base * height), width, int(base * height)), fill=bars, width=7)


Painter = Callable[[ImageDraw.ImageDraw, np.random.Generator, int, int], None]
PLACES: dict[str, Painter] = {"bricks": bricks, "plaster": plaster, "shops": shops, "leaves": leaves, "cars": cars, "fence": fence}
"""What stands behind the people, by its name: painter(draw, rng, width, row on which it stands)."""


def paint_ground(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: Size, base: int) -> None:
    """Pavement in perspective from the wall's foot to the lower edge."""
    height, width = size
    colour = choose(rng, GROUNDS)
    draw.rectangle((0, base, width, height), fill=ink(rng, colour))
    seam = ink(rng, shade(colour, 0.82), 0.02)
    depth = height - base
    for row in np.linspace(0, 1, int(rng.integers(5, 10))) ** 1.7:
        y = base + row * depth
        draw.line((0, y, width, y), fill=seam, width=2 + round(3 * row))
    spacing = int(rng.integers(70, 150))
    for x in range(-2 * width, 3 * width, spacing):  # seams meet high above the image
        draw.line((x, base, x + (x - width / 2) * depth / (1.5 * height), height), fill=seam, width=3)
    draw.rectangle((0, base, width, base + max(3, depth // 30)), fill=ink(rng, shade(colour, 0.7)))


def paint_place(rng: np.random.Generator, kind: str, size: Size, base: float) -> Canvas:
    """Paints a strip of a place.

    Args:
        rng: the place's own generator.
        kind: a key of ``PLACES``.
        size: (height, width) of the strip in pixels.
        base: where the wall stands on the ground, as a fraction of the height.

    Returns:
        A canvas (height, width, 3).
    """
    height, width = size
    strip = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(strip)
    foot = int(base * height)
    PLACES[kind](draw, rng, width, foot)
    paint_ground(draw, rng, size, foot)
    strip = strip.filter(ImageFilter.BoxBlur(height / 220))
    stains = Image.fromarray(rng.normal(1, 0.06, (height // 24, width // 24)).astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    grain = rng.normal(1, 0.035, (height, width)).astype(np.float32)
    lit = np.asarray(strip, np.float32) * (np.asarray(stains, np.float32) * grain)[..., None]
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def cast_shadow(canvas: Canvas, foot: tuple[float, float], reach: float, strength: float) -> None:
    """Darkens the ground around the feet.

    Args:
        canvas: changed in place.
        foot: pixel (right, down) of the middle of the feet.
        reach: half the shadow's length, in pixels.
        strength: from 0 to 1.
    """
    height, width = canvas.shape[:2]
    top, bottom = max(0, int(foot[1] - 0.4 * reach)), min(height, int(foot[1] + 0.4 * reach) + 1)
    if top >= bottom:
        return
    x = (np.arange(width, dtype=np.float32) - np.float32(foot[0])) / np.float32(reach)
    y = (np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(foot[1])) / np.float32(0.32 * reach)
    light = 1 - np.float32(strength) * np.exp(np.float32(-1.5) * (x**2 + y**2))
    canvas[top:bottom] = (canvas[top:bottom] * light[..., None]).astype(np.uint8)


OBSTACLES = ("pole", "bin", "bush", "railing")
"""What may stand before or behind a person."""


def put_obstacle(canvas: Canvas, rng: np.random.Generator) -> tuple[str, Mask]:
    """Draws a pole, a bin, a bush or a railing onto a canvas.

    Args:
        canvas: (height, width, 3), changed in place.
        rng: draws what and where.

    Returns:
        Which of ``OBSTACLES``, and the pixels that it covers, (height, width).
    """
    height, width = canvas.shape[:2]
    layer = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(layer)
    kind = int(rng.integers(len(OBSTACLES)))
    x = width * float(rng.uniform(0.0, 1.0))
    if kind == 0:
        half = width * float(rng.uniform(0.03, 0.07))
        colour = choose(rng, ((0.30, 0.31, 0.33), (0.60, 0.60, 0.58), (0.20, 0.30, 0.24)))
        for part in range(8):  # round: darker towards its edges
            edge = half * (1 - part / 8)
            draw.rectangle((x - edge, 0, x + edge, height), fill=ink(rng, shade(colour, 0.7 + 0.06 * part), 0.0))
    elif kind == 1:
        top, half = height * float(rng.uniform(0.62, 0.78)), width * float(rng.uniform(0.16, 0.26))
        colour = ink(rng, choose(rng, SIGNS))
        draw.polygon([(x - half, top), (x + half, top), (x + 0.85 * half, height), (x - 0.85 * half, height)], fill=colour)
        draw.rectangle((x - 1.08 * half, top - 0.03 * height, x + 1.08 * half, top), fill=ink(rng, (0.2, 0.2, 0.2)))
    elif kind == 2:
        for _ in range(150):
            size, green = float(rng.uniform(5, 13)), float(rng.uniform(0.22, 0.5))
            left, top = x + float(rng.normal(0, 0.2)) * width, height * float(1 - abs(rng.normal(0, 0.13)))
            draw.ellipse(
                (left - size, top - 0.7 * size, left + size, top + 0.7 * size), fill=ink(rng, (0.5 * green, green, 0.4 * green), 0.03)
            )
    else:
        colour = ink(rng, (0.35, 0.36, 0.38))
        top = height * float(rng.uniform(0.66, 0.76))
        for y in (top, 0.5 * (top + height)):
            draw.line((0, y, width, y), fill=colour, width=7)
        for bar in range(int(rng.integers(30)), width, 44):
            draw.line((bar, top, bar, height), fill=colour, width=5)
    drawn = np.asarray(layer)
    covered = drawn[..., 3] > 0
    canvas[covered] = drawn[covered][:, :3]
    return OBSTACLES[kind], covered
