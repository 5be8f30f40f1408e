"""Surfaces of a generated person: what lies around each part of the body, from its look.

A surface is made once per identity and seen from all sides, so front and back differ as they do on people: face and hair, the shirt in an
open jacket, a logo, a backpack and its straps.
"""

from __future__ import annotations

import numpy as np

from rga.synthetic.people.look import Colour, Look, luminance, shade
from rga.synthetic.people.patterns import (
    ALL_OVER,
    ALONG,
    AROUND,
    COLUMNS,
    FROM_FRONT,
    ROWS,
    SIDEWAYS,
    Surface,
    Texture,
    cloth,
    creased,
    paint,
    plain,
    smooth_noise,
)

DARK: Colour = (0.13, 0.11, 0.11)


def torso(rng: np.random.Generator, look: Look) -> Surface:
    """The upper garment with what is worn under it in front, and the straps of a bag."""
    jacket = look.cut in {"jacket", "open jacket", "vest", "coat"}
    if look.cut in {"open jacket", "vest"}:  # the pattern is the shirt's as often as the jacket's
        inner_patterned = rng.random() < 0.5
        texture = cloth(rng, look.upper, look.upper_accent, "plain" if inner_patterned else look.upper_pattern)
        shirt = cloth(rng, look.inner, look.upper_accent, look.upper_pattern if inner_patterned else "plain")
        front = np.broadcast_to(FROM_FRONT < 20 + 14 * ALONG, (ROWS, COLUMNS))
        texture[front] = shirt[front]
    else:
        texture = cloth(rng, look.upper, look.upper_accent, look.upper_pattern)
        if jacket:
            paint(texture, FROM_FRONT < 3.5, DARK if luminance(look.upper) > 0.35 else (0.7, 0.7, 0.7))
    if look.cut == "vest":  # quilted
        texture *= np.float32(1) - np.float32(0.22) * ((ALONG * 8) % 1 < 0.22)[..., None]
    if jacket:
        paint(texture, (ALONG < 0.06) & (FROM_FRONT > 30), shade(look.upper, 0.7))
    else:
        paint(texture, (FROM_FRONT < 38) & (ALONG < 0.1 - FROM_FRONT / 500), look.skin)
    texture = creased(rng, texture)
    if look.bag == "backpack":
        paint(texture, (abs(FROM_FRONT - 42) < 8) & (ALONG < 0.55), look.bag_colour)
    elif look.bag == "shoulder bag":
        turn = look.bag_side * np.sin(np.radians(AROUND))
        paint(texture, abs(ALONG - 0.42 - 0.4 * turn) < 0.035, look.bag_colour)
    return Surface(texture)


def arms(rng: np.random.Generator, look: Look) -> dict[str, Surface]:
    """Upper arm and forearm, sleeved as far as the sleeves reach."""
    pattern = look.upper_pattern if look.sleeve == look.upper and look.upper_pattern in ALL_OVER | {"side stripe"} else "plain"
    surfaces = {}
    for part, first in (("upper arm", 0.0), ("forearm", 0.5)):
        texture = creased(rng, cloth(rng, look.sleeve, look.upper_accent, pattern))
        covered = 2 * (look.sleeves - first)
        paint(texture, covered < ALONG, look.skin)
        if covered >= 1 and part == "forearm":
            paint(texture, ALONG > 0.9, shade(look.sleeve, 0.75))
        surfaces[part] = Surface(texture)
    return surfaces


def legs(rng: np.random.Generator, look: Look) -> dict[str, Surface]:
    """Thigh, shin and foot: trousers, or bare below shorts and skirts."""
    bare = plain(shade(look.skin, 0.97))
    trousers = look.lower_kind in {"trousers", "shorts"} and look.cut != "dress"
    thigh = creased(rng, cloth(rng, look.lower, look.lower_accent, look.lower_pattern)) if trousers else bare
    if trousers and look.lower_kind == "trousers":
        shin = creased(rng, cloth(rng, look.lower, look.lower_accent, look.lower_pattern.replace("knee patches", "plain")))
        paint(shin, ALONG > 0.93, shade(look.lower, 0.75))
    else:
        shin = bare.copy()
        paint(shin, rng.choice((0.55, 0.8, 1.0)) < ALONG, look.lower_accent)  # socks
    if look.boots:
        paint(shin, ALONG > 0.45, look.shoes)
    foot = plain(look.shoes)
    paint(foot, ALONG > 0.78, (0.9, 0.9, 0.88) if luminance(look.shoes) < 0.8 and rng.random() < 0.5 else shade(look.shoes, 0.7))
    return {"thigh": Surface(thigh), "shin": Surface(shin), "foot": Surface(foot)}


def skirt(rng: np.random.Generator, look: Look) -> Surface:
    """A skirt, the lower half of a dress, or the tails of a coat."""
    if look.cut == "coat":
        texture = plain(look.upper) if look.upper_pattern not in ALL_OVER else cloth(rng, look.upper, look.upper_accent, look.upper_pattern)
        paint(texture, FROM_FRONT < 4, DARK)
    elif look.cut == "dress":
        texture = cloth(rng, look.upper, look.upper_accent, look.upper_pattern if look.upper_pattern in ALL_OVER else "plain")
        paint(texture, ALONG < 0.1, look.upper_accent)  # a belt
    else:
        texture = cloth(rng, look.lower, look.lower_accent, look.lower_pattern)
    texture *= (1 + 0.09 * np.sin(np.radians(AROUND * 13)) * ALONG)[..., None].astype(np.float32)  # pleats
    return Surface(creased(rng, texture))


def face(rng: np.random.Generator, look: Look) -> Texture:
    """Skin, eyes, mouth, beard and glasses, on a head without hair."""
    texture = plain(look.skin)
    texture *= 1 + np.float32(0.03) * smooth_noise(rng, 6, 8)[..., None]
    cheek = (abs(FROM_FRONT - 30) < 12) & (abs(ALONG - 0.66) < 0.07)
    paint(texture, cheek, (min(1.0, look.skin[0] * 1.06), look.skin[1] * 0.92, look.skin[2] * 0.9))
    if look.beard:
        paint(texture, (ALONG > 0.72) & (FROM_FRONT < 85), look.hair)
    paint(texture, (abs(FROM_FRONT - 23) < 9) & (abs(ALONG - 0.53) < 0.04), DARK)
    paint(texture, (abs(FROM_FRONT - 23) < 12) & (abs(ALONG - 0.44) < 0.02), shade(look.hair, 0.8))
    paint(texture, (FROM_FRONT < 6) & (abs(ALONG - 0.63) < 0.05), shade(look.skin, 0.84))
    paint(texture, (FROM_FRONT < 17) & (abs(ALONG - 0.79) < 0.025), (0.66, 0.30, 0.28))
    if look.glasses:
        frame = (FROM_FRONT < 75) & (abs(ALONG - 0.52) < 0.025)
        lens = (abs(FROM_FRONT - 23) < 18) & (abs(ALONG - 0.54) < 0.1)
        glass = (abs(FROM_FRONT - 23) < 12) & (abs(ALONG - 0.54) < 0.06)
        paint(texture, frame | lens, DARK)
        if look.glasses == 1:
            paint(texture, glass, shade(look.skin, 1.1))
    return np.asarray(np.clip(texture, 0, 1), np.float32)


def hair_texture(rng: np.random.Generator, look: Look) -> Texture:
    """Strands of the hair's colour."""
    strands = 0.16 * smooth_noise(rng, 3, 40) + 0.1 * smooth_noise(rng, 5, 8)
    return np.asarray(np.clip(plain(look.hair) * (1 + strands[..., None]) + 0.06 * strands[..., None], 0, 1), np.float32)


def head(rng: np.random.Generator, look: Look) -> dict[str, Surface]:
    """Face, hair (with a hole for the face) and what is worn on it."""
    hair = hair_texture(rng, look)
    fringe = 0.25 + 0.09 * np.cos(np.radians(SIDEWAYS * rng.uniform(0.8, 2.2) + rng.uniform(-60, 60)))
    temple = 62 if look.hair_style in {"short", "cropped", "bald"} else 52
    down = {"cropped": 0.55, "short": 0.72}.get(look.hair_style, 1.1)
    around_face = (temple + 14 * (ALONG - 0.5) > FROM_FRONT) & (fringe < ALONG)
    ears = (FROM_FRONT < 100) & (down - 0.15 < ALONG)
    holes = np.broadcast_to(around_face | ears | (down + 0.12 < ALONG), (ROWS, COLUMNS)).copy()
    if look.hair_style == "bald":
        holes[:] = True
    worn = plain(look.hat_colour)
    if look.hat == "beanie":
        worn *= np.float32(1) - np.float32(0.15) * ((AROUND / 360 * 24) % 1 < 0.4)[..., None]
        paint(worn, ALONG > 0.7, shade(look.hat_colour, 0.72))
    elif look.hat == "brim":
        paint(worn, abs(ALONG - 0.8) < 0.15, DARK)
    elif look.hat == "cap":
        paint(worn, (FROM_FRONT < 20) & (abs(ALONG - 0.55) < 0.2), shade(look.hat_colour, 1.6))
    return {
        "head": Surface(face(rng, look)),
        "hair": Surface(hair, holes),
        "strands": Surface(hair),
        "hat": Surface(worn),
        "brim": Surface(plain(shade(look.hat_colour, 0.85))),
    }


def bag(look: Look) -> Surface:
    """A bag with a pocket on the outside and a rim."""
    texture = plain(look.bag_colour)
    outside = abs(AROUND - 180) if look.bag == "backpack" else np.minimum(abs(AROUND - 90), abs(AROUND - 270))
    paint(texture, (outside < 52) & (ALONG > 0.5) & (ALONG < 0.88), look.bag_accent)
    paint(texture, abs(ALONG - 0.2) < 0.04, shade(look.bag_colour, 0.6))
    return Surface(texture)


def dress_up(rng: np.random.Generator, look: Look) -> dict[str, Surface]:
    """All surfaces of a person, by the names that ``people_figure`` uses.

    Args:
        rng: the identity's own generator.
        look: the person's appearance.
    """
    return {
        "torso": torso(rng, look),
        **arms(rng, look),
        **legs(rng, look),
        "skirt": skirt(rng, look),
        **head(rng, look),
        "bag": bag(look),
        "hips": Surface(plain(look.lower if look.cut != "dress" else look.upper)),
        "skin": Surface(plain(shade(look.skin, 0.94))),
        "neck": Surface(plain(shade(look.skin, 0.78))),
    }
