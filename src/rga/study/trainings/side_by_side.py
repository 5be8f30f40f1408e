"""Trainings side by side: so many at once, each in a process of its own, until all are over or time is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from rga.study.trainings.job import Job, Process
from rga.training.run.stop import StopSignals

POLL = 0.2
"""Seconds between two looks at the processes."""
PATIENCE = 180.0
"""Seconds that a process has for the step that it is in, once it is asked to stop; one that hangs is ended then."""


class State(Enum):
    """How a job ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Ended:
    """A job that is no longer running.

    Attributes:
        job: which.
        state: how it ended.
        seconds: that it ran, this time.
        reason: why it failed, else empty.
    """

    job: Job
    state: State
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Together:
    """How a set of jobs ended.

    Attributes:
        ended: those that were begun.
        left: those that were not.
        signal: the signal that stopped all; 0 for none.
        out_of_time: the time was over.
    """

    ended: tuple[Ended, ...]
    left: tuple[Job, ...]
    signal: int = 0
    out_of_time: bool = False

    def of(self, state: State) -> list[Ended]:
        """Those that ended in one way."""
        return [ended for ended in self.ended if ended.state is state]

    @property
    def exit_code(self) -> int:
        """As shells have it: 0, 1 where a job failed, 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal if self.signal else 1 if self.of(State.FAILED) else 0


def run_jobs(
    jobs: Sequence[Job],
    at_once: int,
    *,
    minutes: float = 0,
    on_end: Callable[[Ended], object] = lambda _ended: None,
    on_look: Callable[[Sequence[Job]], object] = lambda _running: None,
) -> Together:
    """Runs jobs, each in a process.

    Ctrl-C and SIGTERM stop all processes after the step that they are in; they leave checkpoints, and the same call continues them. A
    second signal ends them at once, and one that does not stop within ``PATIENCE`` is ended and has failed. If this process is killed, they
    stop by themselves.

    Args:
        jobs: in the order in which they are begun.
        at_once: how many.
        minutes: after which all are stopped; 0 for no end.
        on_end: called after each job.
        on_look: called several times a second with the jobs that run.
    """
    waiting = deque(jobs)
    running: list[Running] = []
    ended: list[Ended] = []
    deadline = time.monotonic() + 60 * minutes if minutes else None
    stopping = out_of_time = False
    with StopSignals() as signals, killed_at_the_end(running):
        while running or (waiting and not stopping):
            while waiting and len(running) < at_once and not stopping:
                running.append(Running(waiting.popleft(), at_once))
            for each in [each for each in running if each.process.poll() is not None or each.is_deaf]:
                running.remove(each)
                ended.append(each.ended())
                on_end(ended[-1])
            out_of_time = out_of_time or (deadline is not None and time.monotonic() > deadline)
            if not stopping and (signals.number or out_of_time):
                stopping = True
                for each in running:
                    each.stop()
            on_look([each.job for each in running])
            if running:
                time.sleep(POLL)
    return Together(tuple(ended), tuple(waiting), signals.number, out_of_time and not signals.number)


class Running:
    """A job's process, and since when it runs."""

    def __init__(self, job: Job, at_once: int) -> None:
        self.job = job
        self.process = Process(job, at_once)
        self.since = time.monotonic()
        self.asked: float | None = None
        """When it was asked to stop."""

    def stop(self) -> None:
        """Asks it to stop after the step that it is in."""
        self.asked = time.monotonic()
        self.process.stop()

    @property
    def is_deaf(self) -> bool:
        """Whether it was asked to stop long ago, and runs on."""
        return self.asked is not None and time.monotonic() - self.asked > PATIENCE

    def ended(self) -> Ended:
        """How it ended; it is ended where it runs on."""
        code, seconds = self.process.poll(), time.monotonic() - self.since
        self.process.kill()
        if code is None:
            return Ended(self.job, State.FAILED, seconds, f"it did not stop within {PATIENCE:.0f} s, and was ended")
        if code == 0:
            return Ended(self.job, State.FINISHED, seconds)
        if code in (130, 143):
            return Ended(self.job, State.STOPPED, seconds)
        return Ended(self.job, State.FAILED, seconds, f"exit code {code}: {self.process.last_words()}")


@contextmanager
def killed_at_the_end(running: list[Running]) -> Iterator[None]:
    """Leaves no process behind, however the block is left."""
    try:
        yield
    finally:
        for each in running:
            each.process.kill()
