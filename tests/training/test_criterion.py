"""Weights of losses, which learn beside the model: their steps, in one process and in several, and over an interruption."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from line import CPU, Line, line_recipe, run
from torch import Tensor, nn

from rga.errors import InputError
from rga.training.criterion import CriterionSteps
from rga.training.distributed import processes
from rga.training.outcome import DivergedError
from rga.training.run.checkpoint import LAST, load_checkpoint

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]


class Offset(nn.Module):
    """A loss with a number of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(1.0))


class Centered(Line):
    """A line whose loss has a weight; each process has its share of every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.own = Offset()
        self.criterion = self.own
        self.criterion_lr = 0.25

    def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        x = torch.stack(list(processes.share(list(batch[1]))))
        slope = self.network(x)
        return {"square": (slope - 3 * x).square().mean(), "offset": (slope.detach() - self.own.offset).square().mean()}


def trained(folder: Path, steps: int = 0, resume: bool = False, **fields: Any) -> tuple[list[float], float]:
    """The weights of the model and of the loss after so many steps."""
    task = Centered()
    run(task, folder, line_recipe(epochs=3, max_steps=steps, **fields), resume=resume)
    return [parameter.item() for parameter in task.model.parameters()], task.own.offset.item()


def test_they_learn_by_plain_gradients_at_their_own_rate(tmp_path: Path) -> None:
    task = Centered()
    batches = [batch for epoch in range(3) for batch in task.batches(epoch)]
    offset = 1.0
    outputs: list[float] = []
    task.model.register_forward_hook(lambda _module, _args, output: outputs.append(output.mean().item()))
    run(task, tmp_path, line_recipe(epochs=3))
    assert len(outputs) == len(batches)
    for mean in outputs:
        offset -= 0.25 * 2 * (offset - mean)
    assert task.own.offset.item() == pytest.approx(offset, rel=1e-5)


def test_they_are_resumed_to_the_bit(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    trained(tmp_path / "parts", steps=7)
    checkpoint = load_checkpoint(tmp_path / "parts" / LAST, CPU)
    assert checkpoint.criterion.keys() == {"offset"}
    assert trained(tmp_path / "parts", resume=True) == whole


def test_two_processes_are_as_one(tmp_path: Path, in_processes: InProcesses) -> None:
    weights, offset = trained(tmp_path / "one")
    first, second = in_processes(2, partial(trained, tmp_path / "two"))
    assert first == second
    assert first[0] == pytest.approx(weights, rel=1e-5)
    assert first[1] == pytest.approx(offset, rel=1e-5)


def started(folder: Path) -> float:
    """The weight of the loss before its first step, which each process made in its own way."""
    task = Centered()
    with torch.no_grad():
        task.own.offset.add_(processes.rank())
    CriterionSteps(task.criterion, 0.25)
    return task.own.offset.item()


def test_all_processes_start_from_the_first_ones_weights(tmp_path: Path, in_processes: InProcesses) -> None:
    assert in_processes(2, partial(started, tmp_path)) == [1.0, 1.0]


def test_gradients_of_the_parts_of_a_batch_are_averaged(tmp_path: Path) -> None:
    class Parts(Centered):
        def batches(self, epoch: int, start: int = 0) -> Any:
            for name, numbers in super().batches(epoch, start):
                yield from ((name, half) for half in numbers.chunk(2))

    whole, parts = Centered(), Parts()
    run(whole, tmp_path / "whole", line_recipe(epochs=2))
    run(parts, tmp_path / "parts", line_recipe(epochs=2, gradient_accumulation=2))
    assert parts.own.offset.item() == pytest.approx(whole.own.offset.item(), rel=1e-5)


def test_gradients_of_half_precision_are_unscaled_and_what_is_not_finite_changes_nothing() -> None:
    criterion = Offset()
    steps = CriterionSteps(criterion, 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for factor, expected in ((1.0, -0.5), (torch.inf, -0.5)):
        steps.zero_grad()
        scaler.scale(factor * 3 * criterion.offset).backward()
        steps.step(scaler)
        scaler.update()
        assert criterion.offset.item() == expected


def test_without_weights_there_is_nothing_to_do() -> None:
    steps = CriterionSteps(nn.Module(), 0.5)
    steps.zero_grad()
    steps.step(torch.amp.GradScaler("cpu"))
    assert steps.optimizer is None


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    task = Centered()
    task.criterion_lr = torch.inf
    with pytest.raises(DivergedError, match="not finite"):
        run(task, tmp_path, line_recipe(epochs=1, max_steps=1))
    assert not (tmp_path / LAST).exists()


def test_a_checkpoint_of_other_losses_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, steps=7)
    with pytest.raises(InputError, match=r"(?s)the checkpoint does not fit: .*offset"):
        run(Line(), tmp_path, line_recipe(epochs=3), resume=True)
