"""Samples in their order, and errors as they were raised, wherever they were read."""

import multiprocessing
import os
import signal
from multiprocessing import connection

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rga.training.input.reading import WorkerDiedError, read_batches, read_samples


class Numbers(Dataset[Tensor]):
    """Numbers from 0, one of which cannot be read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> Tensor:
        if index == 4 and self.error is not None:
            raise self.error
        return torch.tensor(index)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_samples_come_in_their_order(num_workers: int) -> None:
    assert [batch.tolist() for batch in read_batches(Numbers(), 3, num_workers)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [int(sample) for sample in read_samples(Numbers(), num_workers)] == list(range(7))


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("4.jpg is gone"), ConnectionError("the disk is elsewhere"), ValueError("4.png holds 99")],
    ids=["file", "network", "value"],
)
def test_an_error_is_the_one_that_was_raised(num_workers: int, error: Exception) -> None:
    batches = read_batches(Numbers(error), 3, num_workers)
    assert next(batches).tolist() == [0, 1, 2]
    with pytest.raises(type(error)) as caught:
        next(batches)
    assert str(caught.value) == str(error)
    assert all("__getitem__" in note for note in getattr(caught.value, "__notes__", []))
    assert hasattr(caught.value, "__notes__") == isinstance(error, ValueError)
    with pytest.raises(type(error), match=str(error)):
        list(read_samples(Numbers(error), num_workers))


def test_workers_are_gone_when_an_error_is_raised() -> None:
    others = multiprocessing.active_children()
    with pytest.raises(ValueError, match=r"4\.png holds 99"):
        list(read_batches(Numbers(ValueError("4.png holds 99")), 3, 2))
    assert set(multiprocessing.active_children()) <= set(others)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_bug_is_shown_where_it_is(num_workers: int) -> None:
    with pytest.raises(KeyError, match="a bug"):
        list(read_batches(Numbers(KeyError("a bug")), 3, num_workers))


class Killed(Numbers):
    """The process that reads the fourth number is killed."""

    def __getitem__(self, index: int) -> Tensor:
        if index == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.tensor(index)


@pytest.mark.slow
def test_a_worker_that_dies_while_its_batch_is_looked_at_is_named_when_the_next_is_due() -> None:
    others = multiprocessing.active_children()
    batches = read_batches(Killed(), 1, num_workers=1)
    assert next(batches).tolist() == [0]
    (worker,) = set(multiprocessing.active_children()) - set(others)
    for expected in (1, 2):  # by now the fourth is asked for, two batches ahead
        assert next(batches).tolist() == [expected]
    assert connection.wait([worker.sentinel], timeout=60)  # it is dead, and nothing is raised here
    with pytest.raises(WorkerDiedError):
        list(batches)


def test_a_worker_that_dies_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2)  # seconds between looks at the workers, by default 5
    with pytest.raises(WorkerDiedError, match=r"a process that reads samples died .*lower num_workers"):
        list(read_batches(Killed(), 3, num_workers=1))
