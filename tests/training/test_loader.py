"""Batches from worker processes: the same whatever their number, and what happens when a sample cannot be read."""

import os
import random
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from rga.training.input.loader import SampleLoader
from rga.training.input.plan import ShuffledBatches
from rga.training.input.reading import WorkerDiedError
from rga.training.recipe import LoaderRecipe


class DamagedError(ValueError):
    """A sample that cannot be read."""


class Noise(Dataset[Tensor]):
    """Samples of a number and of what every generator draws; some cannot be read."""

    def __init__(self, bad: Mapping[int, Exception] | None = None, fatal: int = -1) -> None:
        self.bad = bad or {}
        self.fatal = fatal

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> Tensor:
        if index in self.bad:
            raise self.bad[index]
        if index == self.fatal and get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.tensor([float(index), random.random(), np.random.rand(), torch.rand(1).item()], dtype=torch.float64)  # noqa: NPY002  # as other people's code does


def loader(samples: Noise | None = None, *, parts: int = 1, num_workers: int = 0, skip_damaged: bool = False) -> SampleLoader[Tensor]:
    recipe = LoaderRecipe(num_workers=num_workers, skip_damaged=skip_damaged)
    return SampleLoader(samples or Noise(), ShuffledBatches(24, 4, seed=1), recipe, DamagedError, seed=3, parts=parts)


@pytest.fixture(scope="module")
def expected() -> list[list[Tensor]]:
    """The batches of two epochs."""
    whole = loader()
    return [list(whole.batches(epoch)) for epoch in (0, 1)]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_batches_are_the_same_with_any_workers_from_any_start(expected: list[list[Tensor]], num_workers: int) -> None:
    again = loader(num_workers=num_workers)
    assert len(again) == 6
    for epoch, start in ((1, 4), (0, 0), (0, 5), (1, 6)):
        drawn = list(again.batches(epoch, start))
        assert len(drawn) == 6 - start
        assert all(torch.equal(a, b) for a, b in zip(drawn, expected[epoch][start:], strict=True))


def test_every_sample_draws_something_else(expected: list[list[Tensor]]) -> None:
    drawn = torch.cat([batch for epoch in expected for batch in epoch])
    for column in (1, 2, 3):
        assert len(drawn[:, column].unique()) == 48


def test_drawing_samples_here_leaves_the_generators_alone() -> None:
    torch.manual_seed(0)
    untouched = torch.rand(1)
    torch.manual_seed(0)
    next(loader().batches(0))
    assert torch.equal(torch.rand(1), untouched)


def test_parts_are_smaller_batches_in_the_same_order(expected: list[list[Tensor]]) -> None:
    parts = list(loader(parts=2).batches(0))
    assert [len(part) for part in parts] == [2] * 12
    assert torch.equal(torch.cat(parts), torch.cat(expected[0]))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_damaged_sample_stops_when_its_batch_is_due_with_its_own_error(expected: list[list[Tensor]], num_workers: int) -> None:
    bad = int(expected[0][3][2, 0])
    batches = loader(Noise({bad: DamagedError(f"sample {bad} is damaged")}), num_workers=num_workers).batches(0)
    for batch in expected[0][:3]:
        assert torch.equal(next(batches), batch)
    with pytest.raises(DamagedError, match=f"^sample {bad} is damaged$"):
        next(batches)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_damaged_sample_is_replaced_and_counted_where_that_is_wanted(expected: list[list[Tensor]], num_workers: int) -> None:
    bad = int(expected[0][3][2, 0])
    errors = {(bad + step) % 24: DamagedError(f"sample {(bad + step) % 24} is damaged") for step in (0, 1)}
    replacing = loader(Noise(errors), num_workers=num_workers, skip_damaged=True)
    drawn = torch.cat(list(replacing.batches(0)))
    whole = torch.cat(expected[0])
    (row,) = (whole[:, 0] == bad).nonzero().flatten().tolist()
    assert drawn[row, 0] == (bad + 2) % 24
    others = torch.tensor([index for index, row in enumerate(whole) if int(row[0]) not in {bad, (bad + 1) % 24}])
    assert torch.equal(drawn[others], whole[others])
    assert replacing.skipped == {f"sample {bad} is damaged": 1, f"sample {(bad + 1) % 24} is damaged": 2}


def test_when_nothing_can_be_read_the_last_error_is_raised() -> None:
    everything: dict[int, Exception] = {index: DamagedError(f"sample {index} is damaged") for index in range(24)}
    with pytest.raises(DamagedError, match="is damaged"):
        next(loader(Noise(everything), skip_damaged=True).batches(0))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_file_that_is_gone_stops_with_its_name_whatever_is_skipped(tmp_path: Path, num_workers: int) -> None:
    gone: dict[int, Exception] = {index: FileNotFoundError(2, "No such file", str(tmp_path / "a.jpg")) for index in range(24)}
    with pytest.raises(FileNotFoundError, match=r"a\.jpg"):
        next(loader(Noise(gone), num_workers=num_workers, skip_damaged=True).batches(0))


def test_a_bug_in_the_samples_is_shown_where_it_is() -> None:
    with pytest.raises(KeyError, match="bug"):
        next(loader(Noise({index: KeyError("a bug") for index in range(24)}), skip_damaged=True).batches(0))


def test_a_worker_that_dies_is_named(expected: list[list[Tensor]]) -> None:
    fatal = int(expected[0][4][0, 0])
    batches = loader(Noise(fatal=fatal), num_workers=1).batches(0)
    with pytest.raises(WorkerDiedError, match=r"a process that reads samples died.*lower num_workers"):
        list(batches)
