"""The catalogue: every head by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rga.errors import InputError
from rga.reid.heads.hpm import HPM
from rga.reid.heads.mgn import MGN
from rga.reid.heads.part_head import PartHead
from rga.reid.heads.pcb import PCB
from rga.reid.heads.rpp import RPP

HeadName = Literal["global", "pcb", "rpp", "mgn", "hpm"]

HEADS: dict[HeadName, type[PartHead] | None] = {"global": None, "pcb": PCB, "rpp": RPP, "mgn": MGN, "hpm": HPM}
"""Name -> head (channels, grid, parts, classes, classifier); None for the model's own neck and classifier on its pooled features."""


def head_of(name: str, parts: Sequence[int] | None) -> tuple[type[PartHead] | None, tuple[int, ...]]:
    """The head of a name and its numbers of parts, the paper's where none are given.

    Raises:
        InputError: there is no such head, a number is below 1 or there twice, or parts are given to the global head.

    Example:
        >>> head_of("mgn", None)
        (<class 'rga.reid.heads.mgn.MGN'>, (2, 3))
    """
    if name not in HEADS:
        raise InputError(f"head is one of {', '.join(HEADS)}, got {name!r}")
    head = HEADS[name]
    given = tuple(parts or ())
    if head is None:
        if given:
            raise InputError(
                f"parts belong to heads of parts ({', '.join(key for key, each in HEADS.items() if each)}), and head is global"
            )
        return None, ()
    if len(set(given)) < len(given) or any(isinstance(each, bool) or not isinstance(each, int) or each < 1 for each in given):
        raise InputError(f"parts are different whole numbers from 1 on, got {' '.join(map(str, given))}")
    return head, given or head.PARTS
