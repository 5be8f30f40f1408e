"""Several processes that talk to one another."""

import multiprocessing
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]


def join_and_work(function: Callable[[], Any], rank: int, count: int, store: str, answers: Any) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    try:
        distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=count)
        answers.put((rank, function(), None))
        distributed.barrier()
        distributed.destroy_process_group()
    except Exception:
        answers.put((rank, None, traceback.format_exc()))


@pytest.fixture
def in_processes(tmp_path: Path) -> InProcesses:
    """Calls a function in several processes at once; what it returns in each (values that can be pickled), in their order."""

    def call(count: int, function: Callable[[], Any]) -> list[Any]:
        context = multiprocessing.get_context("fork")  # new ones would first import PyTorch
        answers = context.SimpleQueue()
        store = str(tmp_path / "store")
        processes = [context.Process(target=join_and_work, args=(function, rank, count, store, answers)) for rank in range(count)]
        for process in processes:
            process.start()
        found = sorted((answers.get() for _ in processes), key=lambda answer: answer[0])
        for process in processes:
            process.join()
        for _, _, error in found:
            assert error is None, error
        return [value for _, value, _ in found]

    return call
