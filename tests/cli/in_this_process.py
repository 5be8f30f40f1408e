"""Trainings of a demo in the test's own process, one after the other: it knows a tiny backbone that no other process knows."""

from collections.abc import Callable, Sequence

from rga.runs import train
from rga.study.trainings.job import Job
from rga.study.trainings.side_by_side import Ended, State, Together


def trained_here(
    jobs: Sequence[Job], at_once: int, *, on_end: Callable[[Ended], object], on_look: Callable[[Sequence[Job]], object]
) -> Together:
    """Does what ``run_jobs`` does, without processes."""
    ended = []
    for job in jobs:
        on_look([job])
        assert not train(job.recipe, output=job.folder).interrupted
        ended.append(Ended(job, State.FINISHED, 1.0))
        on_end(ended[-1])
    return Together(tuple(ended), ())


def interrupted(jobs: Sequence[Job], at_once: int, **_: object) -> Together:
    """What ``run_jobs`` gives after Ctrl-C."""
    return Together(tuple(Ended(job, State.STOPPED, 1.0) for job in jobs), (), signal=2)
