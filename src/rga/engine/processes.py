"""The processes that train one model together, as ``torchrun`` starts them; one process alone is the same with nobody to talk to."""

from __future__ import annotations

from torch import distributed


def together() -> bool:
    """Whether this process has joined others."""
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if together() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if together() else 1


def first() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0
