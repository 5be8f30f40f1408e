"""What a generated person looks like: build, skin, hair, clothes, bag, drawn once per identity.

Clothes come in few colours on purpose: many identities share them and differ in pattern, cut, hair, bag and build, so that colours alone
do not tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Red, green, blue from 0 to 1."""

SKINS: tuple[Colour, ...] = (
    (0.96, 0.80, 0.69),
    (0.91, 0.72, 0.58),
    (0.80, 0.60, 0.45),
    (0.64, 0.44, 0.31),
    (0.46, 0.31, 0.22),
    (0.33, 0.22, 0.16),
)
HAIRS: Mapping[str, Colour] = {
    "black": (0.07, 0.06, 0.07),
    "dark brown": (0.20, 0.13, 0.09),
    "brown": (0.38, 0.24, 0.14),
    "red": (0.58, 0.24, 0.10),
    "blond": (0.83, 0.66, 0.36),
    "grey": (0.66, 0.66, 0.67),
}
CLOTH: Mapping[str, Colour] = {
    "black": (0.09, 0.09, 0.11),
    "charcoal": (0.25, 0.26, 0.29),
    "grey": (0.56, 0.57, 0.59),
    "white": (0.93, 0.93, 0.91),
    "navy": (0.12, 0.17, 0.36),
    "blue": (0.20, 0.42, 0.74),
    "sky": (0.55, 0.74, 0.88),
    "red": (0.76, 0.14, 0.16),
    "wine": (0.43, 0.10, 0.18),
    "green": (0.17, 0.46, 0.28),
    "olive": (0.41, 0.41, 0.22),
    "mustard": (0.85, 0.63, 0.16),
    "orange": (0.90, 0.42, 0.13),
    "pink": (0.90, 0.56, 0.64),
    "beige": (0.80, 0.71, 0.56),
    "brown": (0.42, 0.28, 0.18),
    "purple": (0.42, 0.25, 0.55),
    "teal": (0.10, 0.50, 0.52),
}

HAIRS_OF_LIGHT_SKIN = {"black": 3, "dark brown": 3, "brown": 4, "red": 2, "blond": 4, "grey": 2}
HAIRS_OF_DARK_SKIN = {"black": 6, "dark brown": 4, "brown": 1, "blond": 1, "grey": 2}
UPPER_COLOURS = {"black": 5, "charcoal": 3, "grey": 3, "white": 5, "navy": 4, "blue": 3, "sky": 1, "red": 3, "wine": 1, "green": 2} | {
    "olive": 2,
    "mustard": 1,
    "orange": 1,
    "pink": 2,
    "beige": 2,
    "purple": 1,
    "teal": 1,
}
"""How often each colour is worn above the waist."""
LOWER_COLOURS = {"black": 6, "charcoal": 3, "navy": 5, "blue": 3, "grey": 2, "beige": 3, "olive": 2, "brown": 1, "white": 1, "wine": 1}
ACCENT_COLOURS = {
    "white": 4,
    "black": 3,
    "red": 3,
    "mustard": 3,
    "blue": 2,
    "sky": 2,
    "orange": 2,
    "grey": 2,
    "pink": 2,
    "teal": 2,
    "green": 1,
}
SHOE_COLOURS = {"black": 4, "white": 4, "brown": 3, "charcoal": 1, "red": 1, "blue": 1, "mustard": 1}
BAG_COLOURS = {
    "black": 3,
    "charcoal": 2,
    "navy": 2,
    "red": 3,
    "brown": 3,
    "olive": 2,
    "orange": 2,
    "teal": 2,
    "beige": 2,
    "mustard": 1,
    "pink": 1,
}

CUTS = {"shirt": 8, "jacket": 5, "open jacket": 6, "vest": 3, "coat": 3, "dress": 3}
UPPER_PATTERNS = {
    "plain": 4,
    "stripes": 4,
    "broad stripes": 3,
    "pinstripes": 2,
    "checks": 4,
    "dots": 2,
    "logo": 4,
    "bar": 3,
    "blocks": 4,
} | {
    "gradient": 2,
    "camouflage": 2,
    "sash": 2,
}
LOWER_KINDS = {"trousers": 11, "shorts": 4, "skirt": 3, "long skirt": 1}
LOWER_PATTERNS = {"plain": 8, "side stripe": 3, "checks": 1, "camouflage": 1, "faded": 3, "knee patches": 1, "gradient": 1}
HAIR_STYLES = {"short": 6, "cropped": 3, "long": 4, "bob": 3, "ponytail": 3, "bun": 2, "afro": 2, "bald": 2}
HATS = {"none": 12, "cap": 3, "beanie": 3, "brim": 1}
BAGS = {"none": 5, "backpack": 6, "shoulder bag": 4, "handbag": 3}


@dataclass(frozen=True, kw_only=True)
class Look:
    """A person's outward appearance.

    Attributes:
        height: in metres.
        build: breadth relative to the average.
        shoulders: breadth of the shoulders relative to the average.
        hips: breadth of the hips relative to the average.
        skin: its colour.
        hair: its colour.
        hair_style: a key of ``HAIR_STYLES``.
        beard: the lower face is covered by hair.
        glasses: none (0), plain (1) or dark ones (2).
        hat: a key of ``HATS``.
        hat_colour: its colour.
        cut: of the upper garment, a key of ``CUTS``.
        sleeves: how much of the arm they cover, from 0 to 1.
        upper: the upper garment's main colour.
        upper_accent: the second colour of its pattern.
        upper_pattern: a key of ``UPPER_PATTERNS``.
        inner: the shirt under an open jacket, vest or coat.
        sleeve: colour of the sleeves.
        lower_kind: a key of ``LOWER_KINDS``.
        lower: the lower garment's main colour.
        lower_accent: the second colour of its pattern.
        lower_pattern: a key of ``LOWER_PATTERNS``.
        shoes: their colour.
        boots: the shoes reach up the shin.
        bag: a key of ``BAGS``.
        bag_colour: its main colour.
        bag_accent: the colour of its pocket.
        bag_side: -1 for the right, 1 for the left.
        stride: length of the steps relative to the average.
    """

    height: float
    build: float
    shoulders: float
    hips: float
    skin: Colour
    hair: Colour
    hair_style: str
    beard: bool
    glasses: int
    hat: str
    hat_colour: Colour
    cut: str
    sleeves: float
    upper: Colour
    upper_accent: Colour
    upper_pattern: str
    inner: Colour
    sleeve: Colour
    lower_kind: str
    lower: Colour
    lower_accent: Colour
    lower_pattern: str
    shoes: Colour
    boots: bool
    bag: str
    bag_colour: Colour
    bag_accent: Colour
    bag_side: int
    stride: float


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter."""
    red, green, blue = (min(1.0, factor * channel) for channel in colour)
    return red, green, blue


def luminance(colour: Colour) -> float:
    """How bright a colour looks, from 0 to 1."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def pick(rng: np.random.Generator, weights: Mapping[str, int]) -> str:
    """One of the names, by their weights."""
    shares = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(shares, rng.integers(shares[-1]), side="right"))]


def dye(rng: np.random.Generator, weights: Mapping[str, int], against: Colour | None = None) -> Colour:
    """A colour of cloth: one of the palette, slightly off; far enough from ``against`` to be seen beside it."""
    for _ in range(20):
        base = CLOTH[pick(rng, weights)]
        red, green, blue = (float(np.clip(channel + rng.normal(0, 0.02), 0.03, 0.97)) for channel in base)
        colour = (red, green, blue)
        if against is None or sum(abs(a - b) for a, b in zip(colour, against, strict=True)) > 0.55:
            break
    return colour


def draw_look(rng: np.random.Generator) -> Look:
    """Draws a person's appearance.

    Args:
        rng: the identity's own generator; the same state gives the same person.

    Example:
        >>> draw_look(np.random.default_rng(0)) == draw_look(np.random.default_rng(0))
        True
    """
    slender = rng.random() < 0.5
    skin = SKINS[int(rng.integers(len(SKINS)))]
    style = pick(rng, HAIR_STYLES)
    cut = pick(rng, CUTS)
    upper = dye(rng, UPPER_COLOURS)
    lower = dye(rng, LOWER_COLOURS)
    bag_colour = dye(rng, BAG_COLOURS, against=upper)
    contrasting = cut == "vest" or rng.random() < 0.18
    return Look(
        height=float(np.clip(rng.normal(1.66 if slender else 1.76, 0.07), 1.48, 1.98)),
        build=float(np.clip(rng.normal(1.0, 0.11), 0.8, 1.28)),
        shoulders=0.92 if slender else 1.05,
        hips=1.08 if slender else 0.96,
        skin=skin,
        hair=HAIRS[pick(rng, HAIRS_OF_DARK_SKIN if luminance(skin) < 0.5 else HAIRS_OF_LIGHT_SKIN)],
        hair_style=style,
        beard=not slender and bool(rng.random() < 0.35),
        glasses=int(rng.choice(3, p=(0.7, 0.18, 0.12))),
        hat=pick(rng, HATS) if style not in {"afro", "bun"} else "none",
        hat_colour=dye(rng, ACCENT_COLOURS),
        cut=cut,
        sleeves=float(rng.choice((0.0, 0.3, 0.35, 1.0, 1.0))) if cut in {"shirt", "dress"} else 1.0,
        upper=upper,
        upper_accent=dye(rng, ACCENT_COLOURS, against=upper),
        upper_pattern=pick(rng, UPPER_PATTERNS),
        inner=dye(rng, UPPER_COLOURS, against=upper),
        sleeve=dye(rng, UPPER_COLOURS, against=upper) if contrasting else upper,
        lower_kind=pick(rng, LOWER_KINDS),
        lower=lower,
        lower_accent=dye(rng, ACCENT_COLOURS, against=lower),
        lower_pattern=pick(rng, LOWER_PATTERNS),
        shoes=dye(rng, SHOE_COLOURS),
        boots=bool(rng.random() < 0.15),
        bag=pick(rng, BAGS),
        bag_colour=bag_colour,
        bag_accent=dye(rng, ACCENT_COLOURS, against=bag_colour),
        bag_side=int(rng.choice((-1, 1))),
        stride=float(rng.uniform(0.75, 1.2)),
    )
