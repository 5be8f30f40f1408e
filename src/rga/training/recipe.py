"""The fields of a recipe that say how it is trained, whatever the task: optimiser, schedule, precision, machine."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from rga.training.devices import DeviceName, Precision
from rga.training.input.loader import LoaderOptions
from rga.training.loop_options import LoopOptions
from rga.training.schedules import Schedule, once_an_epoch, warmup_then_cosine, warmup_then_poly, warmup_then_steps


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """A training; a task's recipe has these fields among its own."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam and AdamW with PyTorch's betas; SGD with momentum .9 and Nesterov."""
    weight_decay: float = 5e-4
    """Weight decay."""
    start_rate: float = 8e-6
    """Learning rate at the start of the warm-up."""
    rate: float = 8e-4
    """Learning rate after the warm-up."""
    warmup: float = 20
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "steps"
    """After the warm-up: times a factor at milestones, half a cosine to 0, or (1 - share of the epochs)^.9."""
    milestones: tuple[int, ...] = tuple(range(80, 361, 40))
    """Epochs at which the rate falls, for steps."""
    factor: float = 0.5
    """By which it falls."""
    lr_update: Literal["epoch", "step"] = "epoch"
    """When the learning rate is set anew: at the start of each epoch, as the paper's code does, or at every step."""
    epochs: int = 600
    """How many; what an epoch is, the task says."""

    evaluate_every: int = 0
    """Epochs between evaluations; 0 evaluates at the end alone."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; 0 for none but the last, at the end or when the training is stopped."""
    checkpoint_every: int = 0
    """Steps between checkpoints, besides those by time; 0 for none."""
    log_every: int = 0
    """Steps between lines of the log with the loss of one step, besides those of epochs; 0 for none."""
    device: DeviceName = "auto"
    """Where to compute."""
    precision: Precision = "float32"
    """Of the forward pass; half precisions are slow on most CPUs."""
    channels_last: bool = False
    """Lay the channels of a pixel side by side in memory: faster for depthwise convolutions, and on GPUs in half precision."""
    clip_gradients: float = 0.0
    """Largest norm of all gradients together; 0 leaves them as they are."""
    accumulate: int = 1
    """Parts in which a batch goes through the network, one after the other, to save memory; the batch stays what it is."""
    averaging: float = 0.0
    """Decay of a running average of the weights, which is evaluated and saved beside them; say 0.999. 0 for none."""
    recompute: bool = False
    """Keep of each block of the trunk its input alone, and compute what is inside again in the backward pass: less memory, more time."""
    compile: bool = False
    """Compile the model with torch.compile."""
    synchronise_norms: bool = False
    """Of several processes: normalise by the batches of all of them, not, as the paper's code, each by its own part."""
    threads: int = 0
    """CPU threads; 0 leaves the choice to PyTorch."""
    workers: int = 2
    """Processes that read and augment pictures; 0 for none beside the training's own."""
    prefetch: int = 2
    """Batches that each of them makes ahead."""
    skip_damaged: bool = False
    """Replace pictures that cannot be read by others, and count them, instead of stopping with the name of the first."""
    seed: int = 0
    """Of weights, batches and augmentation."""
    max_steps: int = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    tensorboard: bool = False
    """Write logs for TensorBoard, too."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        self.check_range(("epochs", "accumulate", "prefetch"), 1)
        self.check_range(("warmup", "evaluate_every", "checkpoint_every", "log_every", "workers", "threads", "max_steps", "seed"), 0)
        self.check_range(("weight_decay", "rate", "clip_gradients", "checkpoint_minutes"), 0)
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging must be at least 0 and less than 1, got {self.averaging}")
        if self.compile and self.recompute:
            raise ValueError("compile and recompute exclude one another: the compiler weighs itself what it computes again")
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if not all(math.isfinite(number) for number in (value if isinstance(value, tuple) else (value,)) if isinstance(number, float)):
                raise ValueError(f"{each.name} must be finite, got {' '.join(map(str, value)) if isinstance(value, tuple) else value}")

    def check_range(self, names: Iterable[str], low: float, high: float | None = None) -> None:
        """Refuses fields outside of [low, high] by their name."""
        for name in names:
            value = getattr(self, name)
            if not (value >= low and (high is None or value <= high)):
                wanted = f"be at least {low}" if high is None else f"lie between {low} and {high}"
                raise ValueError(f"{name} must {wanted}, got {value}")

    def build_optimizer(self, groups: Iterable[dict[str, Any]]) -> Optimizer:
        """The optimiser over groups of parameters; a group's ``scale`` multiplies its learning rate."""
        if self.optimizer == "sgd":
            return SGD(groups, lr=self.rate, momentum=0.9, nesterov=True, weight_decay=self.weight_decay)
        return (Adam if self.optimizer == "adam" else AdamW)(groups, lr=self.rate, weight_decay=self.weight_decay)

    def build_schedule(self) -> Schedule:
        """The learning rate by epoch."""
        schedule = warmup_then_steps(self.start_rate, self.rate, self.warmup, self.milestones, self.factor)
        if self.schedule == "cosine":
            schedule = warmup_then_cosine(self.start_rate, self.rate, self.warmup, self.epochs, 0.0)
        if self.schedule == "poly":
            schedule = warmup_then_poly(self.start_rate, self.rate, self.warmup, self.epochs)
        return once_an_epoch(schedule) if self.lr_update == "epoch" else schedule

    def loop_options(self) -> LoopOptions:
        """How long and how the loop runs."""
        return LoopOptions(
            epochs=self.epochs,
            evaluate_every=self.evaluate_every,
            checkpoint_minutes=self.checkpoint_minutes,
            checkpoint_every=self.checkpoint_every,
            log_every=self.log_every,
            precision=self.precision,
            clip_gradients=self.clip_gradients,
            averaging=self.averaging,
            accumulate=self.accumulate,
            max_steps=self.max_steps,
            seed=self.seed,
        )

    def loader_options(self) -> LoaderOptions:
        """How batches are made."""
        return LoaderOptions(
            seed=self.seed,
            workers=self.workers,
            prefetch=self.prefetch,
            pin=self.device in ("auto", "cuda") and torch.cuda.is_available(),
            parts=self.accumulate,
            skip_damaged=self.skip_damaged,
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON can hold them."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(self).items()}
