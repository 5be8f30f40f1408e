"""The body of a generated person: solids between joints, posed by the moment of a step.

Every part is a solid of revolution (elliptic where ``flat`` says so) along an axis between two points: a thigh, a head, a skirt, a
backpack. Points are in metres: x to the person's left, y up from the ground, z to the front.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rga.synthetic.people.look import Look

Point = tuple[float, float, float]
"""In metres: to the person's left, up from the ground, to the front."""


@dataclass(frozen=True, kw_only=True)
class Solid:
    """A solid of revolution between two points.

    Attributes:
        surface: name of what covers it.
        start: where the surface's first row lies.
        end: where its last row lies.
        radii: in metres, at equal steps from start to end.
        flat: depth relative to breadth.
        caps: the ends are round.
        lift: metres by which it counts as nearer than it is, where solids meet.
        turn: its own turn about the vertical, in radians.
    """

    surface: str
    start: Point
    end: Point
    radii: tuple[float, ...]
    flat: float = 1.0
    caps: bool = True
    lift: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A moment of walking.

    Attributes:
        phase: of the step, in radians.
        stride: length of the steps; about 0 when standing.
        turn: of the head, in radians.
        bend: of the elbows, in radians.
    """

    phase: float = 0.0
    stride: float = 1.0
    turn: float = 0.0
    bend: float = 0.25


def down(start: Point, length: float, swing: float) -> Point:
    """The end of a limb that hangs from ``start`` and swings to the front by an angle."""
    return start[0], start[1] - length * math.cos(swing), start[2] + length * math.sin(swing)


def leg_solids(look: Look, pose: Pose, side: int) -> list[Solid]:
    """Thigh, shin and foot of one side."""
    tall, broad = look.height, look.height * look.build
    phase = pose.phase + (math.pi if side < 0 else 0.0)
    swing = 0.4 * pose.stride * math.sin(phase)
    flex = 0.06 + 0.85 * pose.stride * max(0.0, math.cos(phase)) ** 1.5
    hip = (side * 0.048 * broad * look.hips, 0.505 * tall, 0.0)
    knee = down(hip, 0.235 * tall, swing)
    ankle = down(knee, 0.225 * tall, swing - flex)
    tilt = 0.6 * (swing - flex)
    toe = (ankle[0] + side * 0.012 * tall, ankle[1] - 0.02 * tall + 0.1 * tall * min(0.0, tilt) * 0.8, ankle[2] + 0.095 * tall)
    heel = (ankle[0], ankle[1] - 0.012 * tall, ankle[2] - 0.018 * tall)
    loose = 1.12 if look.lower_kind in {"trousers", "shorts"} and look.cut != "dress" else 0.92
    shin = (0.036, 0.037, 0.031, 0.027) if look.lower_kind == "trousers" and look.cut != "dress" else (0.033, 0.034, 0.026, 0.019)
    return [
        Solid(surface="thigh", start=hip, end=knee, radii=tuple(loose * broad * r for r in (0.053, 0.05, 0.043, 0.038)), lift=-0.14),
        Solid(surface="shin", start=knee, end=ankle, radii=tuple(broad * r for r in shin), lift=-0.02),
        Solid(surface="foot", start=heel, end=toe, radii=tuple(tall * r for r in (0.02, 0.023, 0.022, 0.018)), lift=-0.04),
    ]


def arm_solids(look: Look, pose: Pose, side: int) -> list[Solid]:
    """Upper arm, forearm and hand of one side, and a handbag in it."""
    tall, broad = look.height, look.height * look.build
    carries = look.bag == "handbag" and side == look.bag_side
    swing = -0.42 * pose.stride * math.sin(pose.phase + (math.pi if side < 0 else 0.0)) * (0.3 if carries else 1.0)
    bend = 0.08 if carries else pose.bend + 0.35 * max(0.0, swing)
    shoulder = (side * 0.108 * broad * look.shoulders, 0.788 * tall, 0.0)
    x, y, z = down(shoulder, 0.17 * tall, swing)
    elbow = (x + side * 0.02 * broad, y, z)
    x, y, z = down(elbow, 0.145 * tall, swing + bend)
    wrist = (x - side * 0.004 * broad, y, z)
    hand = down(wrist, 0.045 * tall, swing + bend)
    thick = look.height * math.sqrt(look.build) * (1.18 if look.cut in {"jacket", "open jacket", "coat"} else 1.0)
    solids = [
        Solid(surface="upper arm", start=shoulder, end=elbow, radii=tuple(thick * r for r in (0.033, 0.033, 0.029, 0.026))),
        Solid(surface="forearm", start=elbow, end=wrist, radii=tuple(thick * r for r in (0.026, 0.026, 0.022, 0.019)), lift=0.01),
        Solid(surface="skin", start=wrist, end=hand, radii=(0.014 * tall, 0.017 * tall, 0.014 * tall), lift=0.02),
    ]
    if carries:
        top = (hand[0] + side * 0.02, hand[1] - 0.02 * tall, hand[2])
        low = (top[0], top[1] - 0.13 * tall, top[2])
        breadths = tuple(tall * r for r in (0.03, 0.036, 0.04, 0.042, 0.042))
        solids.append(Solid(surface="bag", start=top, end=low, radii=breadths, flat=2.2, caps=False, lift=0.06))
    return solids


def trunk_solids(look: Look) -> list[Solid]:
    """Hips, torso, skirt and neck, and a bag on the back or at the side."""
    tall, broad = look.height, look.height * look.build
    hem = 0.485 if look.cut in {"shirt", "dress"} else 0.465
    bulk = 1.1 if look.cut in {"jacket", "open jacket", "coat", "vest"} else 1.0
    chest = look.shoulders * broad * bulk
    hips = look.hips * broad * bulk
    radii = [chest * r for r in (0.04, 0.083, 0.109, 0.114, 0.11, 0.102)] + [0.096 * broad * bulk] + [hips * r for r in (0.095, 0.1, 0.103)]
    top = 0.848 * tall
    solids = [
        Solid(
            surface="hips",
            start=(0, 0.56 * tall, 0),
            end=(0, 0.462 * tall, 0),
            radii=tuple(hips * r for r in (0.092, 0.097, 0.092)),
            flat=0.7,
            caps=False,
            lift=0.05,
        ),
        Solid(surface="torso", start=(0, top, 0), end=(0, hem * tall, 0), radii=tuple(radii), flat=0.66, caps=False, lift=0.1),
        Solid(surface="neck", start=(0, 0.88 * tall, 0.0), end=(0, 0.82 * tall, -0.005), radii=(0.029 * tall,) * 3, lift=0.15),
    ]
    if look.cut in {"coat", "dress"} or look.lower_kind in {"skirt", "long skirt"}:
        coat, long = look.cut == "coat", look.cut != "dress" and look.lower_kind == "long skirt"
        low = 0.3 if coat else 0.16 if long else 0.31
        flare = 0.112 if coat else 0.14
        start = (0.0, (hem + 0.03 if coat else 0.56) * tall, 0.0)
        breadths = tuple(hips * r for r in (0.094, 0.104, 0.5 * (0.104 + flare), flare))
        solids.append(
            Solid(
                surface="skirt", start=start, end=(0, low * tall, 0), radii=breadths, flat=0.8, caps=False, lift=0.09 if not coat else 0.11
            )
        )
    if look.bag == "backpack":
        z = -(0.66 * 0.12 * chest + 0.055 * tall)
        breadths = tuple(tall * r for r in (0.06, 0.078, 0.084, 0.086, 0.084, 0.074))
        solids.append(
            Solid(surface="bag", start=(0, 0.81 * tall, z), end=(0, 0.575 * tall, z), radii=breadths, flat=0.72, caps=False, lift=0.03)
        )
    elif look.bag == "shoulder bag":
        x = look.bag_side * (0.1 * hips + 0.035 * tall)
        breadths = tuple(tall * r for r in (0.028, 0.034, 0.036, 0.034))
        solids.append(
            Solid(surface="bag", start=(x, 0.56 * tall, 0.02), end=(x, 0.435 * tall, 0.02), radii=breadths, flat=2.3, caps=False, lift=0.12)
        )
    return solids


def head_solids(look: Look, pose: Pose) -> list[Solid]:
    """Head, hair and hat."""
    tall = 0.5 * (look.height + 1.72)  # heads differ less than people
    top, chin, turn = look.height, look.height - 0.142 * tall, pose.turn
    skull = tuple(tall * r for r in (0.024, 0.046, 0.054, 0.056, 0.055, 0.05, 0.039, 0.022))
    style = look.hair_style
    solids = [Solid(surface="head", start=(0, top, 0), end=(0, chin, 0), radii=skull, flat=1.12, caps=False, lift=0.2, turn=turn)]
    puff = {"afro": 1.5, "cropped": 1.05, "short": 1.1}.get(style, 1.14)
    rise = {"afro": 0.035, "cropped": 0.003}.get(style, 0.01) * tall
    shell = tuple(puff * r for r in skull)
    hair_end = chin + (0.02 * tall if style == "afro" else 0)
    if style != "bald":
        solids.append(
            Solid(surface="hair", start=(0, top + rise, 0), end=(0, hair_end, 0), radii=shell, flat=1.1, caps=False, lift=0.205, turn=turn)
        )
    behind = -0.035 * tall
    if style in {"long", "bob"}:
        low = 0.75 if style == "long" else 0.835
        breadths = tuple(tall * r for r in (0.03, 0.056, 0.062, 0.064, 0.062, 0.045))
        end = (0.0, low * look.height, behind)
        solids.append(Solid(surface="strands", start=(0, top - 0.02 * tall, behind), end=end, radii=breadths, flat=0.6, lift=0.16))
        solids.append(Solid(surface="strands", start=(0, top - 0.02 * tall, 2 * behind), end=end, radii=breadths, flat=0.5, lift=0.23))
    elif style == "ponytail":
        tail = (0.0, top - 0.045 * tall, -0.065 * tall)
        breadths = tuple(tall * r for r in (0.012, 0.022, 0.025, 0.022, 0.01))
        solids.append(Solid(surface="strands", start=tail, end=(0, 0.8 * look.height, -0.085 * tall), radii=breadths, lift=0.19))
    elif style == "bun":
        knot = (0.0, top + 0.005 * tall, -0.03 * tall)
        solids.append(Solid(surface="strands", start=knot, end=(0, knot[1] - 0.02 * tall, knot[2]), radii=(0.03 * tall,) * 3, lift=0.21))
    if look.hat != "none":
        low = top - (0.062 if look.hat == "beanie" else 0.052) * tall
        dome = tuple(1.2 * r for r in skull[:5])
        solids.append(
            Solid(surface="hat", start=(0, top + 0.016 * tall, 0), end=(0, low, 0), radii=dome, flat=1.1, caps=False, lift=0.26, turn=turn)
        )
        if look.hat == "cap":
            front = (0.085 * tall * math.sin(turn), low + 0.004 * tall, 0.085 * tall * math.cos(turn))
            solids.append(
                Solid(
                    surface="brim",
                    start=(0, low + 0.008 * tall, 0.02),
                    end=front,
                    radii=(0.03 * tall, 0.03 * tall, 0.022 * tall),
                    lift=0.22,
                )
            )
        elif look.hat == "brim":
            solids.append(
                Solid(
                    surface="brim",
                    start=(0, low + 0.012 * tall, 0),
                    end=(0, low, 0),
                    radii=(0.075 * tall, 0.1 * tall),
                    caps=False,
                    lift=0.27,
                )
            )
    return solids


def stand(look: Look, pose: Pose) -> list[Solid]:
    """All solids of a person in a pose, with the lower foot on the ground."""
    solids = [*trunk_solids(look), *head_solids(look, pose)]
    for side in (-1, 1):
        solids += leg_solids(look, pose, side) + arm_solids(look, pose, side)
    return solids
