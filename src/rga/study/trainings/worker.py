"""The process of one training of a comparison: ``python -m rga.study.trainings.worker``.

It reads its job from standard input, as one line of JSON, and trains, or continues where it stopped. When standard input ends, it stops
after the step that it is in, with a checkpoint: so it does not outlive the process that started it.
"""

from __future__ import annotations

import _thread
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rga.errors import ExistingFileError, InputError, RgaError
from rga.recipes import recipe_from_file
from rga.runs import resume, train
from rga.storage.files import write_json
from rga.study.trainings.job import RESULT
from rga.study.trainings.measurement import Spent, measured
from rga.study.trial import deciding_fields
from rga.tasks import recipe_type
from rga.training.outcome import Outcome
from rga.training.recipe import Recipe
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.lock import BusyError
from rga.training.run.log import LOG_FILE, read_log
from rga.training.run.record import CHANGEABLE, LOCATIONS, MODELS, RECIPE_FILE

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
    """Waits for the end of standard input, and then acts as if SIGTERM came, on any system.

    It reads below ``sys.stdin``, whose lock this thread would hold for ever: a process of the loader that is forked meanwhile closes
    ``sys.stdin`` first, and would wait for that lock.
    """
    while os.read(0, 1024):
        continue
    _thread.interrupt_main(signal.SIGTERM)


def stopped(number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the process where no training is under way, which would answer the signal itself."""
    raise SystemExit(128 + number)


def patiently(recipe: Recipe, folder: Path) -> Outcome:
    """Trains or continues, after a process that still holds the run has left it: with a checkpoint, where there was none before.

    Raises:
        BusyError: it does not leave it.
        ExistingFileError: the folder holds something else than a run.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return train_or_resume(recipe, folder)
        except BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        except ExistingFileError:
            if not has_checkpoint(folder):
                raise


def train_or_resume(recipe: Recipe, folder: Path) -> Outcome:
    """Begins the run, or continues it from its checkpoint, with data and machine as they are now."""
    if not has_checkpoint(folder):
        if (folder / RECIPE_FILE).is_file():  # a run that left no checkpoint: what it evaluated comes again
            for name in MODELS:
                shutil.rmtree(folder / name, ignore_errors=True)
        return train(recipe, output=folder)
    own = recipe_from_file(folder / RECIPE_FILE)
    if type(own) is not type(recipe) or deciding_fields(own) != deciding_fields(recipe):
        raise InputError(f"{folder} holds a run with another recipe: move it away, and it is trained anew")
    now = recipe.fields()
    return resume(folder, changes={name: now[name] for name in CHANGEABLE | LOCATIONS if name in now and now[name] != own.fields()[name]})


def has_checkpoint(folder: Path) -> bool:
    """Whether a run can be continued."""
    return any((folder / name).exists() for name in (LAST, PREVIOUS))


def steps_so_far(folder: Path) -> int:
    """The last step that the log of a run has; 0 where there is none."""
    return max((int(event["step"]) for event in read_log(folder, "train")), default=0) if (folder / LOG_FILE).is_file() else 0


if __name__ == "__main__":
    sys.exit(main())
