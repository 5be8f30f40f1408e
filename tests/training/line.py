"""A task of which all is known, for tests of the loop."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rga.datasets.spec import DataSpec
from rga.training.distributed import processes
from rga.training.loop import fit
from rga.training.outcome import Outcome
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe, Recipe
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import RunLog

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class LineRecipe(Recipe):
    """What the loop takes of a recipe."""

    task: ClassVar[str] = "line"

    data: DataSpec = DataSpec("line")
    optimization: OptimizationRecipe = OptimizationRecipe()
    loop: LoopRecipe = LoopRecipe()
    loader: LoaderRecipe = LoaderRecipe()
    machine: MachineRecipe = MachineRecipe()
    seed: int = 0


def line_recipe(**fields: Any) -> LineRecipe:
    """A recipe by its fields, each named without its group."""
    return LineRecipe().override(**fields)


class Line:
    """Finds the slope of a line; batches are drawn from the epoch alone."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model: nn.Module = nn.Linear(1, 1)
        self.network: nn.Module = self.model
        self.steps_per_epoch = 5
        self.watched = "goodness"
        self.criterion: nn.Module = nn.Module()
        self.criterion_lr = 0.0
        self.evaluations: list[float] = []
        self.skipped: dict[str, int] = {}
        self.poison: tuple[int, float | signal.Signals | Exception] | None = None
        self.step = 0
        self.drawn: list[Tensor] = []

    def begin_epoch(self, epoch: int) -> bool:
        return False

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
        generator = torch.Generator().manual_seed(epoch)
        for index in range(self.steps_per_epoch):
            numbers = torch.rand(8, 1, generator=generator)
            if index >= start:
                if self.poison and self.step + 1 == self.poison[0] and isinstance(self.poison[1], Exception):
                    raise self.poison[1]
                yield f"batch {epoch}/{index}", numbers

    def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        x = batch[1].to(device)
        self.step += 1
        if self.poison and self.step == self.poison[0]:
            if isinstance(self.poison[1], signal.Signals):
                os.kill(os.getpid(), self.poison[1])
            elif isinstance(self.poison[1], float):
                x = x * self.poison[1]
        self.drawn.append(torch.rand(1))
        x = x + 0.01 * self.drawn[-1]
        slope = self.network(x)
        return {"square": (slope - 3 * x).square().mean(), "size": 0.0 * slope.sum()}

    def describe(self, batch: tuple[str, Tensor]) -> str:
        return batch[0]

    def images(self, batch: tuple[str, Tensor]) -> int:
        return len(batch[1])

    def evaluate(self) -> dict[str, float]:
        assert isinstance(self.model, nn.Linear)
        goodness = -abs(self.model.weight.item() - 3)
        self.evaluations.append(goodness)
        return {"goodness": goodness}

    def test_saved(self, folder: Path) -> dict[str, float]:
        return {}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(dict(metrics)))


def run(task: Line, folder: Path, recipe: LineRecipe, resume: bool = False, lr: float = 0.5) -> Outcome:
    folder.mkdir(exist_ok=True)
    optimizer = torch.optim.SGD(task.model.parameters(), lr=1.0, momentum=0.9)
    start = load_checkpoint(folder / LAST, CPU) if resume else None
    with ExitStack() as held:
        log = held.enter_context(RunLog(folder, length=start.log if start else None)) if processes.first() else None
        return fit(task, optimizer, lambda epoch: lr / (1 + epoch), folder, log, recipe, device=CPU, start=start)
