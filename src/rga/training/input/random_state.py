"""The random generators that a training draws from: Python's, numpy's and torch's.

All that a training draws follows from keys (seed, epoch, batch, ...) and not from how much was drawn before. So a training that goes on in
the middle of an epoch, with any number of workers, draws what it would have drawn anyway.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_all(*key: int) -> None:
    """Seeds all generators, those of the GPUs included, from a key of numbers that are not negative."""
    seed = np.random.SeedSequence(key)
    torch.manual_seed(seed_generators(seed))


@contextmanager
def drawing_from(*key: int, keep: bool = True) -> Iterator[None]:
    """Within the block the generators of the CPU draw from a key; afterwards they go on as if nothing had been drawn.

    Args:
        *key: numbers that are not negative.
        keep: put the generators back; a process that draws in such blocks alone need not.

    Example:
        >>> with drawing_from(0, 3, 7):
        ...     first = torch.rand(2), random.random()
        >>> with drawing_from(0, 3, 7):
        ...     again = torch.rand(2), random.random()
        >>> torch.equal(first[0], again[0]), first[1] == again[1]
        (True, True)
    """
    kept = (torch.get_rng_state(), np.random.get_state(), random.getstate()) if keep else None  # noqa: NPY002  # others draw from it
    try:
        torch.default_generator.manual_seed(seed_generators(np.random.SeedSequence(key)))
        yield
    finally:
        if kept is not None:
            torch.set_rng_state(kept[0])
            np.random.set_state(kept[1])  # noqa: NPY002
            random.setstate(kept[2])


def seed_generators(seed: np.random.SeedSequence) -> int:
    """Seeds Python's and numpy's generators; what is left, for torch's."""
    low, high, of_numpy, of_python = (int(word) for word in seed.generate_state(4))
    np.random.seed(of_numpy)  # noqa: NPY002
    random.seed(of_python)
    return low | high << 32


def random_state() -> dict[str, Any]:
    """The states of all random generators, as plain values and tensors."""
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    version, internal, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [str(kind), [int(key) for key in keys], int(position), int(has_gauss), float(cached)],
        "python": [version, list(internal), gauss],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: Mapping[str, Any]) -> None:
    """Puts the random generators back to a state of ``random_state``."""
    torch.set_rng_state(state["torch"].cpu())
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in state and torch.cuda.is_available():
        for device, each in enumerate(state["cuda"][: torch.cuda.device_count()]):  # there may have been more
            torch.cuda.set_rng_state(each.cpu(), device)
