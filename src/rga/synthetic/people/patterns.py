"""Cloth and its patterns: images that are laid around the parts of a generated person, like a label around a bottle.

Rows run along the part (from the neck to the hip, from the shoulder to the elbow), columns around it: the front lies in the first and
last columns, the person's left a quarter on, the back in the middle. What is on the front is therefore not seen from behind: the shirt
under an open jacket, a logo, a face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.synthetic.people.look import Colour

ROWS, COLUMNS = 64, 128
"""Size of a surface's texture."""

Texture = NDArray[np.float32]
"""Colours (ROWS, COLUMNS, 3) from 0 to 1."""
Mask = NDArray[np.bool_]

ALONG = ((np.arange(ROWS, dtype=np.float32) + 0.5) / ROWS)[:, None]
"""Place of each row along the part, from 0 to 1."""
AROUND = ((np.arange(COLUMNS, dtype=np.float32) + 0.5) / COLUMNS * 360)[None]
"""Angle of each column in degrees: 0 front, 90 left, 180 back, 270 right."""
FROM_FRONT = np.minimum(AROUND, 360 - AROUND)
"""Angle between each column and the front, from 0 to 180 degrees."""
SIDEWAYS = np.where(AROUND > 180, AROUND - 360, AROUND)
"""Signed angle from the front: positive to the person's left."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What covers a body part.

    Attributes:
        texture: its colours.
        holes: where it shows what lies under it, if anywhere.
    """

    texture: Texture
    holes: Mask | None = None


def plain(colour: Colour) -> Texture:
    """A texture of one colour."""
    return np.broadcast_to(np.asarray(colour, np.float32), (ROWS, COLUMNS, 3)).copy()


def paint(texture: Texture, where: NDArray[np.bool_], colour: Colour) -> None:
    """Colours the places where ``where``, which broadcasts to (ROWS, COLUMNS), holds."""
    texture[np.broadcast_to(where, (ROWS, COLUMNS))] = colour


def smooth_noise(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """Soft blotches (ROWS, COLUMNS) around 0, about ``rows`` x ``columns`` of them, without a seam at the front."""
    coarse = rng.normal(size=(rows, columns)).astype(np.float32)
    coarse = np.concatenate((coarse, coarse[:, :1]), axis=1)
    return np.asarray(Image.fromarray(coarse).resize((COLUMNS, ROWS), Image.Resampling.BICUBIC))


def creased(rng: np.random.Generator, texture: Texture, depth: float = 0.06) -> Texture:
    """The texture with folds: cloth is never of one brightness."""
    folds = smooth_noise(rng, 7, 10) + 0.6 * smooth_noise(rng, 16, 20)
    return np.clip(texture * (1 + depth * folds[..., None]) + 0.012 * folds[..., None], 0, 1).astype(np.float32)


def stripes(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Rings of about the same breadth as the gaps between them."""
    paint(texture, (ALONG * float(rng.integers(5, 8)) + 0.1) % 1 < 0.45, accent)


def broad_stripes(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Two or three broad rings."""
    paint(texture, (ALONG * float(rng.integers(2, 4)) + 0.75) % 1 < 0.42, accent)


def pinstripes(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Lines along the part."""
    paint(texture, (AROUND / 360 * float(rng.integers(10, 15))) % 1 < 0.3, accent)


def checks(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Tartan: rings and lines, mixed where they cross."""
    rings = ((ALONG * float(rng.integers(4, 7))) % 1 < 0.45).astype(np.float32)
    lines = ((AROUND / 360 * float(rng.integers(7, 11))) % 1 < 0.45).astype(np.float32)
    share = (0.5 * (rings + lines))[..., None]
    texture[:] = texture * (1 - share) + np.asarray(accent, np.float32) * share


def dots(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Rows of dots."""
    count = float(rng.integers(5, 7))
    down = ALONG * count
    across = AROUND / 360 * count * 2 + 0.5 * (np.floor(down) % 2)
    paint(texture, (down % 1 - 0.5) ** 2 + (across % 1 - 0.5) ** 2 < 0.09, accent)


def logo(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """A disc, square, ring or cross on the chest; on some also a number's block on the back."""
    down, across = (ALONG - 0.34) / 0.15, SIDEWAYS / 34
    shapes = (
        down**2 + across**2 < 1,
        np.maximum(abs(down), abs(across)) < 0.85,
        abs(down**2 + across**2 - 0.75) < 0.4,
        (np.minimum(abs(down), abs(across)) < 0.3) & (np.maximum(abs(down), abs(across)) < 1.1),
        (abs(across) < 1.1) & (down + 0.9 > 1.5 * abs(across)) & (down < 0.8),
    )
    paint(texture, shapes[int(rng.integers(len(shapes)))], accent)
    if rng.random() < 0.5:
        paint(texture, (abs(ALONG - 0.3) < 0.12) & (abs(AROUND - 180) < 40), accent)


def bar(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """One ring across chest and back."""
    paint(texture, abs(ALONG - rng.uniform(0.3, 0.55)) < 0.09, accent)


def blocks(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Shoulders, or everything below the chest, of the second colour."""
    edge = float(rng.uniform(0.28, 0.55))
    paint(texture, edge > ALONG if rng.random() < 0.5 else edge < ALONG, accent)


def gradient(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """One colour runs into the other."""
    share = np.clip((ALONG - 0.15) / 0.7, 0, 1)[..., None]
    share = share if rng.random() < 0.5 else 1 - share
    texture[:] = texture * (1 - share) + np.asarray(accent, np.float32) * share


def camouflage(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """Blotches, dark ones and some of the second colour."""
    blotches = smooth_noise(rng, 7, 12)
    texture[blotches > 0.45] *= 0.5
    texture[blotches < -0.5] = 0.5 * texture[blotches < -0.5] + 0.5 * np.asarray(accent, np.float32)


def sash(texture: Texture, accent: Colour, rng: np.random.Generator) -> None:
    """A band from one shoulder to the other hip, in front and behind."""
    turn = np.sin(np.radians(AROUND)) * float(rng.choice((-1, 1)))
    paint(texture, abs(ALONG - 0.45 - 0.38 * turn) < 0.1, accent)


def side_stripe(texture: Texture, accent: Colour, _: np.random.Generator) -> None:
    """A line down both sides, as on tracksuits."""
    paint(texture, abs(FROM_FRONT - 90) < 24, accent)


def faded(texture: Texture, _: Colour, rng: np.random.Generator) -> None:
    """Worn denim: lighter in front."""
    wear = np.clip(1 - FROM_FRONT / 80, 0, 1) * np.clip(1 - 1.6 * abs(ALONG - 0.45), 0, 1) * rng.uniform(0.35, 0.6)
    texture += (wear[..., None] * (np.float32(0.9) - texture)).astype(np.float32)


def knee_patches(texture: Texture, accent: Colour, _: np.random.Generator) -> None:
    """A patch at the part's lower end, in front."""
    paint(texture, (FROM_FRONT < 60) & (ALONG > 0.72), accent)


Pattern = Callable[[Texture, Colour, np.random.Generator], None]
PATTERNS: dict[str, Pattern] = {
    "stripes": stripes,
    "broad stripes": broad_stripes,
    "pinstripes": pinstripes,
    "checks": checks,
    "dots": dots,
    "logo": logo,
    "bar": bar,
    "blocks": blocks,
    "gradient": gradient,
    "camouflage": camouflage,
    "sash": sash,
    "side stripe": side_stripe,
    "faded": faded,
    "knee patches": knee_patches,
}
"""What a pattern paints on a plain texture, by its name; ``"plain"`` paints nothing."""

ALL_OVER = frozenset({"stripes", "broad stripes", "pinstripes", "checks", "dots", "camouflage"})
"""Patterns of the cloth itself, which sleeves and hems show as well."""


def cloth(rng: np.random.Generator, colour: Colour, accent: Colour, pattern: str) -> Texture:
    """A piece of cloth of two colours in a pattern."""
    texture = plain(colour)
    if pattern in PATTERNS:
        PATTERNS[pattern](texture, accent, rng)
    return texture
