"""What the names of image files say about the crops in them, where their layout is known."""

from __future__ import annotations

from typing import NamedTuple

from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.market1501 import NAME


class Said(NamedTuple):
    """What a name says.

    Attributes:
        person: name of the person; empty if unknown.
        camera: name of the camera; empty if unknown.
        junk: whether the image shows too little of anybody to be enrolled.
    """

    person: str = ""
    camera: str = ""
    junk: bool = False


def said_by(name: str) -> Said:
    """What the name of a file says by the layout of Market-1501: ``0002_c1s1_000451_03.jpg`` is person 0002 under camera 1.

    Person -1 is junk, person 0 a distractor, which may be anybody. Other names say nothing.

    Args:
        name: of the file, without its folder.

    Example:
        >>> said_by("0002_c1s1_000451_03.jpg"), said_by("anna.jpg").person
        (Said(person='0002', camera='1', junk=False), '')
    """
    found = NAME.fullmatch(name)
    if found is None or not found["identity"].isascii():
        return Said()
    identity = found["identity"]
    junk, unknown = identity == str(JUNK), not identity.strip(str(DISTRACTOR))
    return Said("" if junk or unknown else identity, str(int(found["camera"])), junk)
