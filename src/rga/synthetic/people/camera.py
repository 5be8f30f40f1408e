"""Cameras that generated people are seen by: where they hang, what they look at, and what they do to the colours.

The cameras differ more than the people: light, white balance, contrast, blur, resolution and compression are each camera's own, with a
little of it new in every image. That is what makes colours alone a poor guide from camera to camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from rga.synthetic.people.figure import Canvas
from rga.synthetic.people.look import Colour
from rga.synthetic.people.scene import PLACES, Size, paint_place

PLACES_PER_CAMERA = 3


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera.

    Attributes:
        height: in metres above the ground.
        distance: to the people, in metres.
        facing: the direction in which most people walk past it, in radians; 0 is towards it.
        gain: brightness.
        gamma: below 1 lifts the shadows, above 1 deepens them.
        balance: gains of red, green and blue.
        saturation: strength of the colours.
        light: direction of the light across the image, from -1 to 1.
        ambient: share of light that comes from everywhere.
        slope: how much brighter the top is than the bottom.
        shade: chance that a shadow falls across a person.
        haze: added grey.
        blur: in pixels of an image of 128 rows.
        resolution: share of the pixels' rows and columns that the sensor had.
        noise: standard deviation.
        quality: of the JPEG.
        places: names of the backgrounds.
        strips: the painted backgrounds.
    """

    height: float
    distance: float
    facing: float
    gain: float
    gamma: float
    balance: Colour
    saturation: float
    light: float
    ambient: float
    slope: float
    shade: float
    haze: float
    blur: float
    resolution: float
    noise: float
    quality: int
    places: tuple[str, ...]
    strips: tuple[Canvas, ...]


def make_camera(rng: np.random.Generator, index: int, canvas: Size) -> Camera:
    """Draws a camera and paints its places.

    Args:
        rng: the camera's own generator.
        index: its number from 0; neighbours differ in height and white balance by more than chance would have it.
        canvas: (height, width) of the images before they are reduced.
    """
    height = (1.7, 4.2, 2.6, 5.5, 1.4, 3.4)[index % 6] * float(rng.uniform(0.9, 1.1))
    distance = float(rng.uniform(7.5, 11))
    warmth = (0.1, -0.12, 0.02, -0.07, 0.15, 0.05)[index % 6] + float(rng.normal(0, 0.03))
    tint = (0.0, 0.03, -0.05, 0.05, -0.02, 0.05)[index % 6] + float(rng.normal(0, 0.02))
    gain = (1.08, 1.2, 0.88, 1.08, 0.98, 1.26)[index % 6] * float(rng.uniform(0.94, 1.06))
    base = float(np.clip(0.74 - 1.5 * math.atan2(height - 1.5, distance), 0.12, 0.8))
    names = list(PLACES)
    places = tuple(names[int(place)] for place in rng.permutation(len(names))[:PLACES_PER_CAMERA])
    strip = round(1.15 * canvas[0]), 4 * canvas[1] + canvas[0] // 2
    return Camera(
        height=height,
        distance=distance,
        facing=(0.25, math.pi - 0.5, 0.9, -1.0, math.pi + 0.8, -0.45)[index % 6] + float(rng.normal(0, 0.2)),
        gain=gain,
        gamma=(1.0, 0.88, 1.05, 1.22, 0.92, 1.1)[index % 6],
        balance=(1 + warmth, 1 + tint, 1 - warmth),
        saturation=float(rng.uniform(0.78, 1.1)),
        light=float(rng.uniform(-0.9, 0.9)),
        ambient=float(rng.uniform(0.5, 0.75)),
        slope=float(rng.uniform(-0.25, 0.35)),
        shade=float(rng.uniform(0.05, 0.25)),
        haze=float(rng.choice((0.0, 0.0, 0.06, 0.12))),
        blur=float(rng.uniform(0.0, 0.65)),
        resolution=(1.0, 0.7, 0.85, 0.62, 1.0, 0.8)[index % 6],
        noise=float(rng.uniform(0.004, 0.02)),
        quality=int(rng.integers(62, 92)),
        places=places,
        strips=tuple(paint_place(rng, place, strip, base) for place in places),
    )


def cut_background(camera: Camera, rng: np.random.Generator, place: int, at: float, canvas: Size) -> Canvas:
    """A part of one of the camera's places.

    Args:
        camera: whose.
        rng: of the image.
        place: which of the camera's strips.
        at: where along the strip, from 0 to 1.
        canvas: (height, width) to cut.
    """
    strip = camera.strips[place]
    height, width = canvas
    top = int(rng.integers(strip.shape[0] - height + 1))
    left = int(np.clip(at + rng.normal(0, 0.04), 0, 1) * (strip.shape[1] - width))
    return strip[top : top + height, left : left + width].copy()


def take_image(camera: Camera, rng: np.random.Generator, canvas: Canvas, size: Size) -> Image.Image:
    """What the camera makes of a scene: reduced, lit, coloured, blurred and noisy.

    Args:
        camera: which.
        rng: of the image.
        canvas: the scene.
        size: (height, width) of the image.
    """
    height, width = size
    small = np.asarray(Image.fromarray(canvas).resize((width, height), Image.Resampling.BOX), np.float32) / 255
    light = 1 + camera.slope * np.linspace(0.5, -0.5, height, dtype=np.float32)[:, None]
    if rng.random() < camera.shade:
        light = light * shadow(rng, size)
    exposure = camera.gain * math.exp(rng.normal(0, 0.08))
    cast = np.asarray(camera.balance, np.float32) * np.exp(rng.normal(0, 0.025, 3)).astype(np.float32)
    lit = np.clip(small * (light[..., None] * np.float32(exposure)) * cast, 0, 1) ** np.float32(camera.gamma)
    grey = lit.mean(2, keepdims=True)
    lit = grey + np.float32(camera.saturation) * (lit - grey)
    lit = lit * np.float32(1 - camera.haze) + np.float32(0.75 * camera.haze)
    image = Image.fromarray((np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8))
    share = camera.resolution * float(rng.uniform(0.8, 1.1))
    if share < 0.95:
        coarse = max(8, round(share * width)), max(16, round(share * height))
        image = image.resize(coarse, Image.Resampling.BOX).resize((width, height), Image.Resampling.BICUBIC)
    blur = camera.blur * height / 128 * float(rng.uniform(0.5, 1.2))
    if blur > 0.2:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    grain = rng.standard_normal((height, width, 3), np.float32) * np.float32(170 * camera.noise)
    grain += rng.standard_normal((height, width, 1), np.float32) * np.float32(170 * camera.noise)
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8))


def shadow(rng: np.random.Generator, size: Size) -> NDArray[np.float32]:
    """The light (height, width) under a soft edge of shadow that falls across the image."""
    height, width = size
    angle = float(rng.uniform(0, 2 * math.pi))
    across = np.linspace(-1, 1, width, dtype=np.float32)[None] * math.cos(angle)
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * math.sin(angle)
    dark = 1 / (1 + np.exp(-(across + down - rng.uniform(-0.4, 0.4)) * 9))
    return np.asarray(1 - rng.uniform(0.35, 0.6) * dark, np.float32)
