"""A recipe: every choice of a training as one value, in groups, checked when it is made.

This module and the recipes of the tasks import no PyTorch, so that help and lists of recipes are answered at once.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, get_type_hints

from rga.checks import MOST_PROCESSES, check_range, nearest, read_text, read_value
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.training.needed import OF_ALL, Needs, check_needed

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
"""Names of devices: auto, cpu, mps, cuda, cuda:1."""

AnyRecipe = TypeVar("AnyRecipe", bound="Recipe")
AmpDtype = Literal["float32", "bfloat16", "float16"]
Tf32 = Literal["none", "convolutions", "all"]


@dataclass(frozen=True, kw_only=True)
class OptimizationRecipe:
    """Optimizer and learning rate."""

    epochs: int = 600
    """Epochs of training."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam and AdamW with PyTorch's betas; SGD with momentum 0.9."""
    nesterov: bool = True
    """SGD: Nesterov's momentum. Other optimizers have none."""
    lr: float = 8e-4
    """Learning rate after the warm-up."""
    warmup_start_lr: float = 8e-6
    """Learning rate at the start of the warm-up."""
    warmup_epochs: float = 20
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "steps"
    """After the warm-up: steps at milestones, half a cosine to 0, or (1 - share of the epochs)^0.9."""
    hold_epochs: float = 0.0
    """Epochs at lr between the warm-up and the fall of cosine."""
    milestones: tuple[int, ...] = tuple(range(80, 361, 40))
    """Epochs at which the learning rate drops, for steps."""
    lr_decay: float = 0.5
    """Multiply the learning rate by this at each milestone."""
    lr_update: Literal["epoch", "step"] = "epoch"
    """When the learning rate is set: at the start of each epoch, as in the paper's code, or at every step."""
    backbone_lr_scale: float = 1.0
    """Learning rate of the backbone's own weights, as a multiple of lr. Below 1 suits pretrained weights."""
    attention_lr_scale: float = 1.0
    """Learning rate of the attention's weights, as a multiple of lr."""
    layer_lr_decay: float = 1.0
    """Learning rate of each layer of the backbone, as a multiple of the next one's; 1 for all alike. 0.75 suits pretrained transformers."""
    freeze_epochs: int = 0
    """First epochs in which the backbone's own weights stay as they are, its BN in evaluation mode, while attention and head learn."""
    weight_decay: float = 5e-4
    """Weight decay."""
    decay_norms: bool = True
    """Weight decay also on norms and biases (all weights of one dimension); --no-decay-norms leaves it out there."""
    attention_weight_decay: float | None = None
    """Weight decay of the attention's weights; None for that of all others."""
    gradient_clip_norm: float = 0.0
    """Clip the norm of all gradients together to this; 0 does not clip."""
    gradient_accumulation: int = 1
    """Split each batch into so many parts, one after the other, to save memory. The batch size stays as it is."""
    ema_decay: float = 0.0
    """Decay of an exponential moving average of the weights, which is evaluated and saved too, say 0.999; 0 for none."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("epochs", "gradient_accumulation"), 1)
        check_range(self, ("warmup_epochs", "weight_decay", "lr", "warmup_start_lr", "lr_decay", "gradient_clip_norm", "hold_epochs"), 0)
        check_range(self, ("backbone_lr_scale", "attention_lr_scale", "freeze_epochs"), 0)
        check_range(self, ("layer_lr_decay",), 0, 1)
        if self.attention_weight_decay is not None:
            check_range(self, ("attention_weight_decay",), 0)
        if self.hold_epochs and self.schedule != "cosine":
            raise InputError(
                f"hold_epochs come before a cosine, got {self.hold_epochs} with schedule {self.schedule}: choose cosine, or leave them out"
            )
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay must be at least 0 and less than 1, got {self.ema_decay}")

    @property
    def unfinished(self) -> str:
        """What the training is too short for, in a sentence; empty if nothing. It is no error: a trial may be short."""
        rises, holds, epochs = self.warmup_epochs, self.warmup_epochs + self.hold_epochs, self.epochs
        found = []
        if rises >= epochs and self.lr != self.warmup_start_lr:
            found.append(f"the learning rate never reaches lr {self.lr:g}, since the warm-up takes {rises:g} epochs (warmup_epochs)")
        elif self.hold_epochs and holds >= epochs:
            found.append(f"the learning rate never falls, since it is held until epoch {holds:g} (hold_epochs)")
        if self.freeze_epochs >= epochs:
            found.append(f"the backbone never learns, since it is frozen for {self.freeze_epochs} epochs (freeze_epochs)")
        return f"there are {epochs} epochs: {', and '.join(found)}" if found else ""


@dataclass(frozen=True, kw_only=True)
class LoopRecipe:
    """When a training evaluates, saves and logs."""

    evaluate_every: int = 0
    """Epochs between evaluations, the first of which comes after one epoch; 0 evaluates at the end only."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; 0 writes only the last one, at the end or when the training is stopped."""
    checkpoint_every: int = 0
    """Steps between checkpoints, in addition to those by time; 0 for none."""
    log_every: int = 0
    """Steps between lines of the log with the loss of one step; 0 logs epochs only."""
    max_steps: int = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    tensorboard: bool = False
    """Also write logs for TensorBoard."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("evaluate_every", "checkpoint_minutes", "checkpoint_every", "log_every", "max_steps"), 0)

    def evaluates_after(self, epoch: int) -> bool:
        """Whether an evaluation comes after an epoch, counted from 1, that is not the last.

        One comes after the first epoch: then a model is there early, and an evaluation that cannot work fails at once.
        """
        return bool(self.evaluate_every) and (epoch == 1 or epoch % self.evaluate_every == 0)


@dataclass(frozen=True, kw_only=True)
class LoaderRecipe:
    """How images are read."""

    num_workers: int = 2
    """Processes that read and augment images; 0 reads them in the training's own process."""
    prefetch_factor: int = 2
    """Batches that each of them reads ahead."""
    skip_damaged: bool = False
    """Replace images that cannot be read by others and count them. By default the training stops and names the first."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("num_workers",), 0, MOST_PROCESSES)
        check_range(self, ("prefetch_factor",), 1)


@dataclass(frozen=True, kw_only=True)
class MachineRecipe:
    """Where and how to compute; results differ by rounding alone, except for amp_dtype, tf32 and sync_bn."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1, mps."""
    amp_dtype: AmpDtype = "float32"
    """Type of the forward pass under automatic mixed precision; half precision is slow on most CPUs."""
    tf32: Tf32 = "convolutions"
    """What an NVIDIA GPU may compute in TF32, a float32 of 10 bits: none, convolutions (as PyTorch by itself), or all matrix products."""
    channels_last: bool = False
    """Use the channels_last memory format: faster for depthwise convolutions, and on GPUs in half precision."""
    activation_checkpointing: bool = False
    """Keep only the inputs of the backbone's blocks and recompute the rest in the backward pass: less memory, more time."""
    compile: bool = False
    """Compile the model with torch.compile."""
    sync_bn: bool = False
    """Use SyncBatchNorm when there are several processes. The paper's code normalises each process's part by itself."""
    threads: int = 0
    """CPU threads; 0 leaves the choice to PyTorch."""

    def __post_init__(self) -> None:
        """Checks the device's name and the ranges."""
        check_device_name(self.device)
        check_range(self, ("threads",), 0, MOST_PROCESSES)
        if self.compile and self.activation_checkpointing:
            raise InputError("compile and activation_checkpointing exclude each other: the compiler decides itself what to recompute")


def check_device_name(name: str) -> None:
    """Raises an InputError if a name is not that of a device."""
    if not DEVICE.fullmatch(name):
        raise InputError(f"unknown device {name!r}: choose auto, cpu, cuda, a GPU by its number such as cuda:1, or mps")


class Recipe:
    """All choices of a training; each task's recipe is a frozen dataclass with these groups and its own.

    The names of all fields of all groups differ, so that a field can be named without its group (``override``, flags, ``rga resume``).
    """

    task: ClassVar[str]
    """The task that trains by it."""
    DATA_FIELDS: ClassVar[tuple[str, ...]] = ("data",)
    """The fields that choose the data: a model remembers them."""
    NEEDS: ClassVar[tuple[Needs, ...]] = ()
    """The task's own fields that do nothing without another one."""

    data: DataSpec
    """The dataset."""
    optimization: OptimizationRecipe
    loop: LoopRecipe
    loader: LoaderRecipe
    machine: MachineRecipe
    seed: int

    def __post_init__(self) -> None:
        """Checks that all numbers are finite.

        Raises:
            InputError: a number is NaN or infinite, or the seed is negative.
        """
        check_range(self, ("seed",), 0)
        check_range(self, ("seed",), 0, 2**63 - 1)
        for name, value in self.fields().items():
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(math.isfinite(number) for number in numbers if isinstance(number, float)):
                raise InputError(f"{name} must be finite, got {' '.join(map(str, numbers))}")

    def fields(self) -> dict[str, Any]:
        """Name -> value of all fields of all groups."""
        return {each.name: value for each, value, _ in leaves(self)}

    def override(self, **values: Any) -> Self:
        """The same recipe with other values of some fields, each named without its group.

        Raises:
            InputError: there is no such field, or a value is out of its range.

        Example:
            >>> from rga.reid.recipes import small
            >>> small().override(lr=1e-3, attention="se").model.attention
            'se'
        """
        known = {each.name: group for each, _, group in leaves(self)}
        for name in values:
            if name not in known:
                raise InputError(f"a recipe for {self.task} has no field {name!r}{nearest(name, known)}")
        changes: dict[str, Any] = {}
        for group in dict.fromkeys(known[name] for name in values):
            own = {name: value for name, value in values.items() if known[name] == group}
            changes |= own if group == "" else {group: dataclasses.replace(getattr(self, group), **own)}
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]  # a dataclass, of which mypy cannot know here

    def check_idle(self, before: Recipe) -> None:
        """Refuses what a person changed of a recipe and does nothing in this one; see ``rga.training.needed``.

        Args:
            before: the recipe that was changed, of the same task.

        Raises:
            InputError: there is such a field.
        """
        check_needed(self.fields(), before.fields(), (*OF_ALL, *self.NEEDS))

    def datasets(self) -> tuple[DataSpec, ...]:
        """The datasets that it names, as they are read: first the one that is tested on."""
        return (self.data,)

    def steps(self, steps_per_epoch: int) -> int:
        """Steps of the whole training."""
        whole = self.optimization.epochs * steps_per_epoch
        return min(whole, self.loop.max_steps or whole)

    def left(self, steps_per_epoch: int, step: int) -> tuple[int, int]:
        """Steps and evaluations that are to come after a step of the training, and after the evaluation that follows it."""
        total = self.steps(steps_per_epoch)
        epochs = range(step // steps_per_epoch + 1, -(-total // steps_per_epoch))
        return total - step, sum(map(self.loop.evaluates_after, epochs)) + (step < total)

    def to_dict(self) -> dict[str, Any]:
        """All groups as JSON can hold them; ``from_dict`` reads it."""
        found: dict[str, Any] = {}
        for each, value, group in leaves(self):
            (found if group == "" else found.setdefault(group, {}))[each.name] = plain(value)
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what ``to_dict`` wrote; fields that are missing have their defaults.

        Raises:
            InputError: there is a field that the recipe does not have, or a value that it does not take.
        """
        found: Self = read_group(cls, values, "")
        return found


def read_fields(kind: type[AnyRecipe], values: Mapping[str, Any]) -> AnyRecipe:
    """A recipe from values of its fields, each named without its group, as JSON or a person gives them.

    Args:
        kind: of the recipe.
        values: name -> value; the defaults for those that are missing.

    Raises:
        InputError: there is no such field, or a value that it does not take.
    """
    return typed(kind(), values)


def typed(recipe: AnyRecipe, values: Mapping[str, Any]) -> AnyRecipe:
    """A recipe with other values of its fields, converted to the fields' types; see ``read_fields``."""
    types: dict[str, Any] = {}
    for name, hint in get_type_hints(type(recipe)).items():
        types |= get_type_hints(hint) if dataclasses.is_dataclass(hint) and hint is not DataSpec else {name: hint}
    read = {name: read_text if isinstance(value, str) else read_value for name, value in values.items()}
    return recipe.override(**{name: read[name](types[name], value, name) if name in types else value for name, value in values.items()})


def leaves(recipe: Recipe | type[Recipe]) -> Iterator[tuple[dataclasses.Field[Any], Any, str]]:
    """The fields of a recipe with their values and the names of their groups ("" for the recipe's own)."""
    for each in dataclasses.fields(recipe):  # type: ignore[arg-type]
        value = getattr(recipe, each.name)
        if is_group(value):
            yield from ((inner, getattr(value, inner.name), each.name) for inner in dataclasses.fields(value))
        else:
            yield each, value, ""


def is_group(value: object) -> bool:
    """Whether a value is a group of fields."""
    return dataclasses.is_dataclass(value) and not isinstance(value, DataSpec)


def plain(value: Any) -> Any:
    """A field's value as JSON can hold it."""
    if isinstance(value, (DataSpec, Path)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value


def read_group(kind: type[Any], values: Any, where: str) -> Any:
    """A group of fields from what JSON held.

    Args:
        kind: the dataclass.
        values: name -> value.
        where: its name, for errors; ends with a dot if it is not empty.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{where.rstrip('.') or 'a recipe'} must be a group of fields, got {values!r}")
    types = get_type_hints(kind)
    known = [each.name for each in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise InputError(f"unknown field {where}{name}{nearest(name, known)}")
    found = {
        name: read_group(types[name], value, f"{where}{name}.")
        if dataclasses.is_dataclass(types[name]) and types[name] is not DataSpec
        else read_value(types[name], value, f"{where}{name}")
        for name, value in values.items()
    }
    return kind(**found)
