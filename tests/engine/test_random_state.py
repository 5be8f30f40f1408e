"""Random generators: from keys, put back, saved."""
# ruff: noqa: NPY002  # numpy's old generators are what is tested

import random
from pathlib import Path

import numpy as np
import torch

from rga.engine.random_state import drawing_from, random_state, seed_all, set_random_state


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_a_key_decides_and_nothing_else() -> None:
    seed_all(1, 2)
    first = draw()
    assert draw() != first
    seed_all(1, 2)
    assert draw() == first
    seed_all(2, 1)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_a_block_draws_from_its_key_and_leaves_no_trace() -> None:
    seed_all(5)
    expected = [draw(), draw()]
    seed_all(5)
    outside = [draw()]
    with drawing_from(1, 2, 3):
        inside = draw()
    outside.append(draw())
    assert outside == expected
    with drawing_from(1, 2, 3):
        assert draw() == inside
    with drawing_from(1, 2, 4):
        assert all(a != b for a, b in zip(draw(), inside, strict=True))


def test_states_are_saved_without_code_and_put_back(tmp_path: Path) -> None:
    random.gauss(0, 1)
    np.random.randn()
    torch.save(random_state(), tmp_path / "state.pt")
    expected = draw(), random.gauss(0, 1), np.random.randn()
    draw()
    set_random_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert (draw(), random.gauss(0, 1), np.random.randn()) == expected
