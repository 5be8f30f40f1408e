"""The training loop, for any task.

A task says how its model, its batches, its loss and its evaluation are made; the loop says when. What it does, in this order: a batch, the
loss, the gradients, a step; after each epoch a checkpoint; now and then an evaluation, whose best is kept.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.optim import Optimizer

from rga.engine.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rga.engine.devices import Precision, autocast
from rga.engine.run_log import RunLog
from rga.engine.schedules import Schedule, set_learning_rate

LAST = "last.pt"
"""The checkpoint of the last epoch, in a run's folder."""


class Task(Protocol):
    """What a training is about."""

    steps_per_epoch: int
    watched: str
    """The metric of ``evaluate`` by which the best model is chosen; larger is better."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        ...

    def batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch, on the CPU."""
        ...

    def losses(self, batch: Any, device: torch.device) -> Mapping[str, Tensor]:
        """The parts of the loss of one batch, each a scalar; their sum is trained on."""
        ...

    def describe(self, batch: Any) -> str:
        """Names a batch, for errors."""
        ...

    def images(self, batch: Any) -> int:
        """How many images a batch holds."""
        ...

    def evaluate(self) -> Mapping[str, float]:
        """Metrics of the model as it is."""
        ...

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for users, with what it reached."""
        ...


@dataclass(frozen=True)
class LoopOptions:
    """How long and how a training runs.

    Attributes:
        epochs: how many.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated. 0 evaluates at the end alone.
        precision: of the forward pass.
        clip_gradients: largest norm of all gradients together; 0 leaves them as they are.
        max_steps: stop after so many steps; 0 runs all epochs. For trials.
    """

    epochs: int
    evaluate_every: int = 0
    precision: Precision = "float32"
    clip_gradients: float = 0.0
    max_steps: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        epoch: epochs that are over.
        step: steps that are over.
        metrics: of the last evaluation; empty if there was none.
        best: the best value of the watched metric; None if there was no evaluation.
        interrupted: whether it was stopped from the keyboard.
    """

    epoch: int
    step: int
    metrics: Mapping[str, float]
    best: float | None
    interrupted: bool


class DivergedError(RuntimeError):
    """The loss is no longer a number."""


def fit(
    task: Task,
    optimizer: Optimizer,
    schedule: Schedule,
    folder: Path,
    log: RunLog,
    options: LoopOptions,
    *,
    device: torch.device,
    resume: bool = False,
) -> Outcome:
    """Trains a task's model.

    Writes ``last.pt`` after each epoch and on Ctrl-C, the best model to ``best/`` and the last to ``last/``.

    Args:
        task: what to train.
        optimizer: of the task's model, which is on ``device`` already.
        schedule: learning rate by epoch.
        folder: of the run; exists.
        log: of the run.
        options: how long and how.
        device: to compute on.
        resume: go on from ``last.pt``.

    Raises:
        DivergedError: the loss became NaN or infinite; the batch is named, and the last checkpoint stays.
    """
    model = task.model
    scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16" and device.type == "cuda")
    epoch, step, best = 0, 0, None
    if resume:
        checkpoint = load_checkpoint(folder / LAST, device)
        epoch, step, best = checkpoint.epoch, checkpoint.step, checkpoint.best
        model.load_state_dict(checkpoint.model)
        optimizer.load_state_dict(checkpoint.optimizer)
        scaler.load_state_dict(checkpoint.scaler)
        set_random_state(checkpoint.random)

    def save() -> None:
        state = Checkpoint(epoch, step, model.state_dict(), optimizer.state_dict(), scaler.state_dict(), random_state(), best)
        save_checkpoint(folder / LAST, state)

    metrics: Mapping[str, float] = {}
    total = options.epochs * task.steps_per_epoch
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=min(total, options.max_steps or total), completed=step)
        try:
            while epoch < options.epochs and not (options.max_steps and step >= options.max_steps):
                model.train()
                started, seen, sums = time.perf_counter(), 0, dict[str, float]()
                for index, batch in enumerate(task.batches(epoch)):
                    set_learning_rate(optimizer, schedule(epoch + index / task.steps_per_epoch))
                    with autocast(device, options.precision):
                        parts = task.losses(batch, device)
                    loss = torch.stack(list(parts.values())).sum()
                    values = {name: part.item() for name, part in parts.items()}
                    if not math.isfinite(loss.item()):
                        raise DivergedError(
                            f"the loss is not finite at step {step} (epoch {epoch + 1}): {spell_out(values)}; "
                            f"batch {task.describe(batch)}. "
                            f"Look at these images, or lower the learning rate; the state before this epoch is in {folder / LAST}"
                        )
                    descend(loss, model, optimizer, scaler, options.clip_gradients)
                    step += 1
                    seen += task.images(batch)
                    for name, value in values.items():
                        sums[name] = sums.get(name, 0.0) + value
                    rate = seen / (time.perf_counter() - started)
                    progress.update(bar, completed=step, description=f"epoch {epoch + 1}, loss {loss.item():.3f}, {rate:.0f} images/s")
                    if options.max_steps and step >= options.max_steps:
                        break
                epoch += 1
                means = {name: value / (index + 1) for name, value in sums.items()}
                log.write("train", step, {"epoch": epoch, "lr": schedule(epoch - 1), **means, "images_per_second": round(rate, 2)})
                over = epoch == options.epochs or bool(options.max_steps and step >= options.max_steps)
                if over or (options.evaluate_every and epoch % options.evaluate_every == 0):
                    metrics = task.evaluate()
                    log.write("evaluate", step, {"epoch": epoch, **metrics})
                    progress.console.print(f"epoch {epoch}: {spell_out(metrics)}")
                    if task.watched in metrics and (best is None or metrics[task.watched] > best):
                        best = metrics[task.watched]
                        task.save_model(folder / "best", metrics)
                save()
        except KeyboardInterrupt:
            save()
            progress.console.print(f"stopped in epoch {epoch + 1}: go on with --resume; the state of step {step} is in {folder / LAST}")
            return Outcome(epoch, step, metrics, best, interrupted=True)
    task.save_model(folder / "last", metrics)
    return Outcome(epoch, step, metrics, best, interrupted=False)


def descend(loss: Tensor, model: nn.Module, optimizer: Optimizer, scaler: torch.amp.GradScaler, clip: float) -> None:
    """One step of the optimiser down the gradients of a loss, whose norm together is at most ``clip`` unless that is 0."""
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    if clip:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()


def spell_out(values: Mapping[str, float]) -> str:
    """Names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def random_state() -> dict[str, Any]:
    """The states of all random generators, as plain values and tensors."""
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  # other people's code draws from it
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
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
