"""A training in a process of its own: what the process is told, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.recipes import to_json
from rga.training.recipe import Recipe

COMMAND = (sys.executable, "-m", "rga.study.trainings.worker")
"""What a job's process runs."""

RESULT, OUTPUT = "result.json", "output.txt"
"""Files in the run's folder: what the training reached, and what its process printed."""


@dataclass(frozen=True)
class Job:
    """A training to run, or to continue.

    Attributes:
        name: for messages.
        recipe: all choices; its machine's threads are those of the process.
        folder: of the run.
    """

    name: str
    recipe: Recipe
    folder: Path

    @property
    def is_over(self) -> bool:
        """Whether it has a result."""
        return (self.folder / RESULT).is_file()

    def result(self) -> Mapping[str, Any]:
        """What it reached."""
        found: dict[str, Any] = json.loads((self.folder / RESULT).read_text(encoding="utf-8"))
        return found

    def to_line(self, at_once: int) -> str:
        """The one line that the process reads first."""
        return json.dumps({"recipe": json.loads(to_json(self.recipe)), "folder": str(self.folder), "at_once": at_once}) + "\n"


class Process:
    """A job's process. It stops, with a checkpoint, when its standard input is closed, which also happens if this process is killed."""

    def __init__(self, job: Job, at_once: int) -> None:
        self.job = job
        threads = str(job.recipe.machine.threads) if job.recipe.machine.threads else None
        limited = {name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if threads is not None}
        job.folder.mkdir(parents=True, exist_ok=True)
        with (job.folder / OUTPUT).open("ab") as output:
            self.before = output.tell()
            self.process = subprocess.Popen(  # noqa: S603  our own program
                COMMAND,
                env={**os.environ, **limited},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent alone, which tells its children
            )
        assert self.process.stdin is not None
        self.input = self.process.stdin
        try:
            self.input.write(job.to_line(at_once).encode())
            self.input.flush()
        except BrokenPipeError:  # it ended at once; its exit code and its output tell why
            self.input = open(os.devnull, "wb")  # noqa: SIM115, PTH123  closed by ``stop``

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """Asks it to stop after the step that it is in."""
        try:
            self.input.close()
        except BrokenPipeError:  # it is gone
            return

    def kill(self) -> None:
        """Ends it now, if it still runs."""
        self.stop()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def last_words(self, lines: int = 3) -> str:
        """The end of what it printed."""
        text = (self.job.folder / OUTPUT).read_bytes()[self.before :].decode(errors="replace")
        said = [line.strip() for line in text.splitlines() if line.strip()]
        return " / ".join(said[-lines:]) or "it printed nothing"
