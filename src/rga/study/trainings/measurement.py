"""What a finished training reached and what it cost: the contents of its ``result.json``."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import rga
from rga.attachment.costs import cost
from rga.backbones.model import BackboneModel
from rga.loading import load
from rga.reid.conditions import query_groups
from rga.reid.evaluation import ReidOptions, evaluate
from rga.reid.model import ReidModel
from rga.storage.saved_model import weights_fingerprint
from rga.study.trial import deciding_fields
from rga.tasks import get_task
from rga.training.devices import choose_device
from rga.training.outcome import Outcome
from rga.training.recipe import Recipe
from rga.training.run.log import read_log
from rga.training.run.record import read_run


@dataclass(frozen=True)
class Spent:
    """What a process spent on a training.

    Attributes:
        steps: that it did.
        clock: seconds that it took.
        processor: seconds of a core that it took.
    """

    steps: int
    clock: float
    processor: float


def measured(folder: Path, recipe: Recipe, outcome: Outcome, spent: Spent, at_once: int) -> dict[str, Any]:
    """What a finished run reached and what it cost.

    Args:
        folder: of the run.
        recipe: of it.
        outcome: of it.
        spent: by this process.
        at_once: trainings beside one another on the machine.
    """
    model = load(folder / "last")
    price = cost(model, (1, 3, *model.preprocessing.size))
    record = read_run(folder)
    device = choose_device(recipe.machine.device)
    one_core = device.type == "cpu" and not recipe.loader.num_workers
    return {
        "task": recipe.task,
        "seed": recipe.seed,
        "recipe": deciding_fields(recipe),
        "data": {"name": recipe.data.name, "fingerprint": record.fingerprint, "samples": record.samples},
        "metrics": {name: round(value, 6) for name, value in metrics(outcome).items()},
        "curve": curve(folder),
        "parameters": price.parameters,
        "macs": price.macs,
        "steps": outcome.step,
        **times(spent, outcome.step, one_core=one_core),
        "weights": weights_fingerprint(model),
        "machine": {
            "device": "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "processor": processor_name(),
            **({"tf32": recipe.machine.tf32} if device.type == "cuda" else {}),
            "threads": torch.get_num_threads(),
            "at_once": at_once,
            "torch": torch.__version__,
            "rga": rga.__version__,
        },
        "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": conditions(model, recipe),
    }


def times(spent: Spent, steps: int, *, one_core: bool) -> dict[str, float | None]:
    """The time of a step, and the hours of all.

    Args:
        spent: by the process that finished the training, which may have continued it.
        steps: of the training.
        one_core: the seconds of the core count, so that neither other work on the machine nor a pause does; else those of the clock.
    """
    if not spent.steps:
        return {"step_seconds": None, "hours": 0.0}
    each = (spent.processor if one_core else spent.clock) / spent.steps
    return {"step_seconds": round(each, 4), "hours": round(each * steps / 3600, 4)}


def metrics(outcome: Outcome) -> dict[str, float]:
    """Those of the test split; where a validation split chose the model, its metrics besides, as ``val_mIoU``."""
    if not outcome.test:
        return dict(outcome.metrics)
    return {**outcome.test, **{f"val_{name}": value for name, value in outcome.metrics.items()}}


def conditions(model: BackboneModel, recipe: Recipe) -> dict[str, dict[str, float]]:
    """The metrics of groups of test images, by the model's own feature, where the dataset says under which conditions they were taken."""
    if not isinstance(model, ReidModel):
        return {}
    data = get_task(recipe.task).read(recipe)
    groups = query_groups(data)
    if groups is None:
        return {}
    found = evaluate(model, data, ReidOptions(feature=model.feature)).conditions[model.feature]
    return {group: {name: round(value, 6) for name, value in figures.items()} for group, figures in found.items()}


def curve(folder: Path) -> list[dict[str, float]]:
    """The epochs of a run: loss, and metrics where it was evaluated."""
    tested = {event["step"]: event for event in read_log(folder, "evaluate")}
    return [
        {
            "epoch": event["epoch"],
            "step": event["step"],
            "loss": round(total_loss(event), 5),
            **{
                name: round(value, 5)
                for name, value in tested.get(event["step"], {}).items()
                if name not in ("time", "kind", "step", "epoch")
            },
        }
        for event in read_log(folder, "train")
    ]


NO_LOSSES = frozenset({"time", "kind", "step", "epoch", "lr", "images_per_second"})


def total_loss(event: Mapping[str, Any]) -> float:
    """The sum of the losses in an epoch's line of the log."""
    return sum(float(value) for name, value in event.items() if name not in NO_LOSSES)


def processor_name() -> str:
    """The model of the processor, as the system calls it."""
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
