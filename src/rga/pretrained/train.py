"""``python -m rga.pretrained.train``: generates the people of the small model and trains it, or continues where it stopped.

Hardware and time: one core and about two hours (20,000 steps), after some 10 minutes in which 35,000 images are generated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rga.errors import InputError, RgaError
from rga.pretrained.small import NAME, TESTED, TRAINED, recipe
from rga.study.trainings.job import Job
from rga.study.trainings.progress import watching
from rga.study.trainings.side_by_side import Together, run_jobs
from rga.terminal import PlainConsole
from rga.training.run.lock import locked

OUTPUT = Path("runs/small-generated")
"""The folder of data and run."""


def run_folder(output: Path) -> Path:
    """The folder of the run."""
    return output / "run"


def train(output: Path, *, minutes: float = 0, threads: int = 1, device: str = "auto", console: Console) -> Together:
    """Generates the data that are not there, and trains or continues.

    Args:
        output: folder of data and run.
        minutes: after which the training is stopped, to be continued by the next call; 0 for no end.
        threads: of the training.
        device: of the training.
        console: to print on.

    Raises:
        BusyError: another call runs in the same folder.
        ExistingFileError: a folder of the data holds something else.
        InputError: minutes is negative, or the folder holds a run with another recipe.
    """
    if minutes < 0:
        raise InputError(f"minutes must be at least 0, got {minutes:g}")
    output.mkdir(parents=True, exist_ok=True)
    with locked(output, "--output"):
        *worlds, other = (data.provide(output / "data" / data.name, console) for data in (*TRAINED, TESTED))
        job = Job(NAME, recipe(worlds, other).override(threads=threads, device=device), run_folder(output))
        if job.is_over:
            console.print(f"{job.folder} is finished: build the model with python -m rga.pretrained.build {job.folder}", soft_wrap=True)
            return Together((), ())
        with watching(console, 1, 1) as watch:
            return run_jobs([job], 1, minutes=minutes, on_end=watch.ended, on_look=watch.look)


def main(arguments: Sequence[str]) -> int:
    """Trains as the command line says; the exit code, as shells have it."""
    parser = argparse.ArgumentParser(prog="python -m rga.pretrained.train", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("--output", "-o", type=Path, default=OUTPUT, help=f"folder of data and run, by default {OUTPUT}")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so many minutes; the same call continues")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    chosen = parser.parse_args(arguments)
    try:
        return train(chosen.output, minutes=chosen.minutes, threads=chosen.threads, device=chosen.device, console=PlainConsole()).exit_code
    except RgaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
