"""Random generators: from keys, put back, saved."""
# ruff: noqa: NPY002  # numpy's old generators are what is tested

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from rga.training.input.random_state import drawing_from, random_state, seed_all, set_random_state


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


def test_states_of_more_gpus_than_there_are_now_are_put_back_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [torch.tensor([number]) for number in range(8)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: given.append((device, state.tolist())))
    set_random_state(random_state())
    assert given == [(0, [0]), (1, [1])]
