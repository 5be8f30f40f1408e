"""Generated fruit: a small dataset for classification that needs no download.

``make_fruit`` draws apples, bananas, pears and plums from a seed, with numpy and Pillow alone, and lays them out as people have their own
images: ``train/CLASS/NUMBER.png``, and so in ``val`` and ``test``. A fruit has the outline of its class and a colour from its range. Some
ranges overlap: a pear may be as yellow as a banana. Sizes, positions, angles, light and backgrounds are drawn alike for all classes.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from rga.synthetic.generated import Generator, Progress, check_whole_numbers

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "fruit.json"
"""The file that says what a folder of them was made from."""

SUPERSAMPLING = 3
"""Rows and columns that are drawn for each one of the image."""


@dataclass(frozen=True)
class Kind:
    """A kind of fruit.

    Attributes:
        length: of the fruit, as a multiple of its width.
        narrow: how much thinner it is at the end of its stem, as a share of its width.
        bend: how far its middle is off the line between its ends, as a share of its length.
        hue: range of its hue, where 0 is red, 1/3 green and 2/3 blue; below 0 it is purple.
        saturation: range of its saturation.
        brightness: range of its brightness.
    """

    length: float
    narrow: float
    bend: float
    hue: tuple[float, float]
    saturation: tuple[float, float]
    brightness: tuple[float, float]


KINDS = {
    "apple": Kind(1.0, 0.0, 0.0, (-0.05, 0.05), (0.65, 0.95), (0.55, 0.95)),
    "banana": Kind(2.6, 0.1, 0.3, (0.13, 0.19), (0.65, 0.95), (0.75, 1.0)),
    "plum": Kind(1.25, 0.0, 0.0, (-0.3, -0.1), (0.45, 0.8), (0.3, 0.55)),
    "pear": Kind(1.5, 0.55, 0.0, (0.12, 0.27), (0.5, 0.9), (0.6, 0.9)),
}
"""Class -> what its fruit look like."""


@dataclass(frozen=True, kw_only=True)
class FruitOptions:
    """What to generate.

    Raises:
        ValueError: an option is out of its range.
    """

    train: int = 24
    """Images to train on, as many of each class as of any other, give or take one."""
    val: int = 6
    """Images to choose the best model on."""
    test: int = 15
    """Images to test on."""
    classes: int = 3
    """Classes: the first of apple, banana, plum and pear."""
    size: int = 96
    """Rows and columns of an image."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "train": (1, 999_999),
            "val": (0, 999_999),
            "test": (0, 999_999),
            "classes": (2, len(KINDS)),
            "size": (16, 1024),
            "seed": (0, 2**63 - 1),
        }
        check_whole_numbers(self, ranges)


def draw_fruit(rng: np.random.Generator, name: str, size: int) -> Image.Image:
    """Draws one fruit on a background.

    Args:
        rng: from which all of it follows.
        name: of the class, a key of ``KINDS``.
        size: rows and columns of the image.

    Example:
        >>> draw_fruit(np.random.default_rng(0), "pear", 32).size
        (32, 32)
    """
    kind, side = KINDS[name], SUPERSAMPLING * size
    canvas = Image.fromarray(lit(rng, colour(rng, (0, 1), (0, 0.45), (0.35, 1)), side))
    half = side * rng.uniform(0.28, 0.4) * (1.0 if kind.length < 2 else 1.25)
    turn, centre = rng.uniform(0, 2 * math.pi), rng.uniform(0.42 * side, 0.58 * side, 2)
    body, stem = outline(kind, half, turn, centre)
    skin = colour(rng, kind.hue, kind.saturation, kind.brightness)
    soft = ImageFilter.GaussianBlur(rng.uniform(0, side / 100))
    ImageDraw.Draw(canvas).line(stem, fill=(70, 50, 30), width=max(1, side // 40))
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).polygon(body, fill=255)
    canvas.paste(Image.fromarray(lit(rng, skin, side)), mask=mask.filter(soft))
    pixels = np.asarray(canvas.resize((size, size), Image.Resampling.BOX), dtype=np.float64)
    return Image.fromarray((pixels + rng.normal(0, 5, pixels.shape)).clip(0, 255).astype(np.uint8))


def colour(
    rng: np.random.Generator, hue: tuple[float, float], saturation: tuple[float, float], brightness: tuple[float, float]
) -> NDArray[np.float64]:
    """Red, green and blue from 0 to 255, of a hue, a saturation and a brightness from their ranges."""
    return 255 * np.array(colorsys.hsv_to_rgb(rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*brightness)))


def lit(rng: np.random.Generator, surface: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """A surface of a colour under uneven light: (side, side, 3)."""
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0, 70)
    rows, columns = np.mgrid[-0.5 : 0.5 : side * 1j, -0.5 : 0.5 : side * 1j]
    light = strength * (rows * math.sin(angle) + columns * math.cos(angle))
    pixels: NDArray[np.uint8] = (surface + light[..., None]).clip(0, 255).astype(np.uint8)
    return pixels


def outline(
    kind: Kind, half: float, turn: float, centre: NDArray[np.float64]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The corners of a fruit and of its stem, in pixels.

    Args:
        kind: of fruit.
        half: its length, and a short one's width, halved, in pixels.
        turn: the angle of its axis.
        centre: column and row of its middle.
    """
    angles = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    along, across = np.cos(angles), np.sin(angles)
    width = (1 - kind.narrow * (1 + along) / 2) / kind.length
    bent = kind.bend * (1 - along**2)
    points = half * np.stack([along, across * width + bent - kind.bend / 2], axis=1)
    stem = half * np.array([[0.9, -kind.bend / 2], [1.25, -kind.bend / 2]])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    body, stalk = (((each @ rotation.T) + centre).tolist() for each in (points, stem))
    return [(x, y) for x, y in body], [(x, y) for x, y in stalk]


def draw(root: Path, options: FruitOptions, progress: Progress) -> None:
    """Writes all images below ``root``."""
    counts = {"train": options.train, "val": options.val, "test": options.test}
    names = list(KINDS)[: options.classes]
    done, total = 0, sum(counts.values())
    for number, (split, count) in enumerate(counts.items()):
        for index in range(count):
            name = names[index % len(names)]
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            draw_fruit(np.random.default_rng([options.seed, number, index]), name, options.size).save(folder / f"{index:04d}.png")
            done += 1
            progress(done, total)


GENERATOR = Generator("rga.synthetic.fruit", VERSION, ORIGIN, draw)


def make_fruit(root: Path | str, options: FruitOptions | None = None, progress: Progress | None = None) -> Path:
    """Draws a dataset of generated fruit in folders of classes; see ``Generator.make``.

    Args:
        root: the target, absent or an empty folder.
        options: what to generate; ``FruitOptions()`` when left out.
        progress: called after each image with how many are done, and of how many.

    Returns:
        The target.

    Example:
        >>> import tempfile
        >>> root = make_fruit(Path(tempfile.mkdtemp()) / "fruit", FruitOptions(train=4, val=2, test=3))
        >>> [len(list((root / split).rglob("*.png"))) for split in ("train", "val", "test")]
        [4, 2, 3]
    """
    return GENERATOR.make(root, options or FruitOptions(), progress)
