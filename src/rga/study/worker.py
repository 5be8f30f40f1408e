"""The process of one training of a comparison: ``python -m rga.study.worker``.

It reads its job from standard input, as one line of JSON, and trains, or continues where it stopped. When standard input ends, it stops
after the step that it is in, with a checkpoint: so it does not outlive the process that started it.
"""

from __future__ import annotations

import _thread
import json
import platform
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch

import rga
from rga.attachment.costs import cost
from rga.backbones.model import BackboneModel
from rga.errors import InputError, RgaError
from rga.loading import load
from rga.recipes import recipe_from_file
from rga.reid.conditions import query_groups
from rga.reid.evaluation import ReidOptions, evaluate
from rga.reid.model import ReidModel
from rga.runs import resume, train
from rga.storage.files import write_json
from rga.storage.saved_model import weights_fingerprint
from rga.study.job import RESULT
from rga.study.trial import deciding_fields
from rga.tasks import get_task, recipe_type
from rga.training.devices import choose_device
from rga.training.outcome import Outcome
from rga.training.recipe import Recipe
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.lock import BusyError
from rga.training.run.log import LOG_FILE, read_log
from rga.training.run.record import CHANGEABLE, LOCATIONS, MODELS, RECIPE_FILE, read_run

PATIENCE = 120.0
"""Seconds to wait for a process that still holds the run: one that was left behind, and is writing its checkpoint."""


def main() -> int:
    """Does the job that standard input names; the exit code as shells have it."""
    signal.signal(signal.SIGTERM, stopped)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    folder = Path(job["folder"])
    try:
        recipe = recipe_type(job["recipe"]["task"]).from_dict(job["recipe"]["fields"])
        before, started = steps_so_far(folder), Spent(0, time.perf_counter(), time.process_time())
        outcome = patiently(recipe, folder)
        if outcome.interrupted:
            return outcome.exit_code
        spent = Spent(outcome.step - before, time.perf_counter() - started.clock, time.process_time() - started.processor)
        write_json(folder / RESULT, measured(folder, recipe, outcome, spent, job["at_once"]))
    except (RgaError, OSError) as error:
        print(f"rga: error: {error}", flush=True)
        return 2
    return 0


def stop_at_end_of_input() -> None:
    """Waits for the end of standard input, and then acts as if SIGTERM came, on any system."""
    sys.stdin.read()
    _thread.interrupt_main(signal.SIGTERM)


def stopped(number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the process where no training is under way, which would answer the signal itself."""
    raise SystemExit(128 + number)


def patiently(recipe: Recipe, folder: Path) -> Outcome:
    """Trains or continues, after a process that still holds the run has left it.

    Raises:
        BusyError: it does not leave it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return train_or_resume(recipe, folder)
        except BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def train_or_resume(recipe: Recipe, folder: Path) -> Outcome:
    """Begins the run, or continues it from its checkpoint, with data and machine as they are now."""
    if not any((folder / name).exists() for name in (LAST, PREVIOUS)):
        if (folder / RECIPE_FILE).is_file():  # a run that left no checkpoint: what it evaluated comes again
            for name in MODELS:
                remove_model(folder / name)
        return train(recipe, output=folder)
    own = recipe_from_file(folder / RECIPE_FILE)
    if type(own) is not type(recipe) or deciding_fields(own) != deciding_fields(recipe):
        raise InputError(f"{folder} holds a run with another recipe: move it away, and it is trained anew")
    now = recipe.fields()
    return resume(folder, changes={name: now[name] for name in CHANGEABLE | LOCATIONS if name in now and now[name] != own.fields()[name]})


def remove_model(folder: Path) -> None:
    """Removes a saved model."""
    for path in folder.glob("*"):
        path.unlink()
    if folder.is_dir():
        folder.rmdir()


def steps_so_far(folder: Path) -> int:
    """The last step that the log of a run has; 0 where there is none."""
    return max((int(event["step"]) for event in read_log(folder, "train")), default=0) if (folder / LOG_FILE).is_file() else 0


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
    own = spent.processor if device.type == "cpu" and not recipe.loader.num_workers else spent.clock
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
        "step_seconds": round(own / spent.steps, 4) if spent.steps else None,
        "hours": round(spent.clock / spent.steps * outcome.step / 3600, 4) if spent.steps else 0.0,
        "weights": weights_fingerprint(model),
        "machine": {
            "device": "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "processor": processor_name(),
            "threads": torch.get_num_threads(),
            "at_once": at_once,
            "torch": torch.__version__,
            "rga": rga.__version__,
        },
        "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": conditions(model, recipe),
    }


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


if __name__ == "__main__":
    sys.exit(main())
