"""The fields of a recipe that say how it is trained, whatever the task: optimiser, schedule, AMP dtype, machine."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from rga.training.devices import AmpDtype, DeviceName
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
    warmup_start_lr: float = 8e-6
    """Learning rate at the start of the warm-up."""
    lr: float = 8e-4
    """Learning rate after the warm-up."""
    warmup_epochs: float = 20
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "steps"
    """After the warm-up: times a factor at milestones, half a cosine to 0, or (1 - share of the epochs)^.9."""
    milestones: tuple[int, ...] = tuple(range(80, 361, 40))
    """Epochs at which the learning rate falls; for the schedule steps."""
    lr_decay: float = 0.5
    """Multiply the learning rate by this at each milestone."""
    lr_update: Literal["epoch", "step"] = "epoch"
    """When the learning rate is set anew: at the start of each epoch, as the paper's code does, or at every step."""
    epochs: int = 600
    """Number of epochs; the task defines an epoch."""

    evaluate_every: int = 0
    """Epochs between evaluations; 0 evaluates at the end alone."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; 0 for none but the last, at the end or when the training is stopped."""
    checkpoint_every: int = 0
    """Steps between checkpoints, besides those by time; 0 for none."""
    log_every: int = 0
    """Steps between lines of the log with the loss of one step, besides those of epochs; 0 for none."""
    device: DeviceName = "auto"
    """Device to compute on."""
    amp_dtype: AmpDtype = "float32"
    """Data type of the forward pass under autocast; float32 turns autocast off. Half precision is slow on most CPUs."""
    channels_last: bool = False
    """Lay the channels of a pixel side by side in memory: faster for depthwise convolutions, and on GPUs in half precision."""
    gradient_clip_norm: float = 0.0
    """Clip the norm of all gradients together to this; 0 does not clip."""
    gradient_accumulation: int = 1
    """Split each batch into this many parts, run one after the other, to save memory; the batch size stays the same."""
    ema_decay: float = 0.0
    """Decay of the exponential moving average (EMA) of the weights, such as 0.999; evaluated and saved beside the raw ones. 0 for none."""
    activation_checkpointing: bool = False
    """Keep only the input of each block of the backbone and recompute the rest in the backward pass: less memory, more time."""
    compile: bool = False
    """Compile the model with torch.compile."""
    sync_bn: bool = False
    """With several processes, normalise by the batch of all of them (SyncBatchNorm). The paper's code normalises each part by itself."""
    threads: int = 0
    """CPU threads; 0 leaves the choice to PyTorch."""
    num_workers: int = 2
    """Processes that read and augment images; 0 reads in the training's own process."""
    prefetch_factor: int = 2
    """Batches that each worker loads ahead."""
    skip_damaged: bool = False
    """Replace images that cannot be read by others, and count them, instead of stopping with the name of the first."""
    seed: int = 0
    """Of weights, batches and augmentation."""
    max_steps: int = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    tensorboard: bool = False
    """Write logs for TensorBoard, too."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        self.check_range(("epochs", "gradient_accumulation", "prefetch_factor"), 1)
        self.check_range(
            ("warmup_epochs", "evaluate_every", "checkpoint_every", "log_every", "num_workers", "threads", "max_steps", "seed"), 0
        )
        self.check_range(("weight_decay", "lr", "gradient_clip_norm", "checkpoint_minutes"), 0)
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and less than 1, got {self.ema_decay}")
        if self.compile and self.activation_checkpointing:
            raise ValueError("compile and activation_checkpointing cannot be combined: the compiler chooses itself what to recompute")
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
            return SGD(groups, lr=self.lr, momentum=0.9, nesterov=True, weight_decay=self.weight_decay)
        return (Adam if self.optimizer == "adam" else AdamW)(groups, lr=self.lr, weight_decay=self.weight_decay)

    def build_schedule(self) -> Schedule:
        """The learning rate by epoch."""
        schedule = warmup_then_steps(self.warmup_start_lr, self.lr, self.warmup_epochs, self.milestones, self.lr_decay)
        if self.schedule == "cosine":
            schedule = warmup_then_cosine(self.warmup_start_lr, self.lr, self.warmup_epochs, self.epochs, 0.0)
        if self.schedule == "poly":
            schedule = warmup_then_poly(self.warmup_start_lr, self.lr, self.warmup_epochs, self.epochs)
        return once_an_epoch(schedule) if self.lr_update == "epoch" else schedule

    def loop_options(self) -> LoopOptions:
        """How long and how the loop runs."""
        return LoopOptions(
            epochs=self.epochs,
            evaluate_every=self.evaluate_every,
            checkpoint_minutes=self.checkpoint_minutes,
            checkpoint_every=self.checkpoint_every,
            log_every=self.log_every,
            amp_dtype=self.amp_dtype,
            gradient_clip_norm=self.gradient_clip_norm,
            ema_decay=self.ema_decay,
            gradient_accumulation=self.gradient_accumulation,
            max_steps=self.max_steps,
            seed=self.seed,
        )

    def loader_options(self) -> LoaderOptions:
        """How batches are made."""
        return LoaderOptions(
            seed=self.seed,
            num_workers=self.num_workers,
            prefetch_factor=self.prefetch_factor,
            pin=self.device in ("auto", "cuda") and torch.cuda.is_available(),
            parts=self.gradient_accumulation,
            skip_damaged=self.skip_damaged,
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON can hold them."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(self).items()}
