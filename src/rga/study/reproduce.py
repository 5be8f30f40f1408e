"""``rga reproduce``: runs or continues the trainings of a table, records what is finished, and prints the table."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rga.checks import check_at_least, nearest
from rga.cores import cores
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.storage.outputs import check_folder
from rga.study.evidence import Evidence, RecordedRun
from rga.study.settings import Scale, Setting
from rga.study.tables import Block, get_table
from rga.study.trainings.job import Job
from rga.study.trainings.progress import watching
from rga.study.trainings.side_by_side import Ended, State, Together, run_jobs
from rga.study.trial import Trial, deciding_fields, trials_of
from rga.study.variants import VARIANTS
from rga.tasks import get_task
from rga.training.devices import choose_device
from rga.training.recipe import Tf32
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.lock import locked

CHECKPOINTS = (LAST, PREVIOUS)


@dataclass(frozen=True)
class Study:
    """What is to be run, and where.

    Attributes:
        blocks: variants in settings.
        output: folder of data and runs.
        evidence: folder of the recorded runs.
        data: datasets that are named; those that are generated need no name.
        seeds: how many each variant has; 0 for as many as the table says.
        variants: names; all by default.
        device: of all trainings; several, in turn, where they are named with commas.
        threads: of each training.
        tf32: products that an NVIDIA GPU may compute in TF32.
    """

    blocks: tuple[Block, ...]
    output: Path
    evidence: Path
    data: tuple[DataSpec, ...] = ()
    seeds: int = 0
    variants: tuple[str, ...] = ()
    device: str = "auto"
    threads: int = 1
    tf32: Tf32 = "convolutions"

    def trials(self) -> list[Trial]:
        """Its trainings.

        Raises:
            InputError: a variant is unknown, or in none of the blocks.
        """
        here = {name for block in self.blocks for name in block.variants}
        for name in self.variants:
            if name not in here:
                raise InputError(f"no variant {name!r} is compared there{nearest(name, here if name in VARIANTS else VARIANTS)}")
        return trials_of(self.blocks, self.seeds, self.variants)


def blocks_of(tables: Sequence[str], scale: Scale) -> tuple[Block, ...]:
    """The blocks of tables at a scale.

    Raises:
        InputError: there is no such table, or it has no such scale.
    """
    return tuple(block for name in tables for block in get_table(name).of_scale(scale))


def reproduce(study: Study, *, at_once: int = 0, minutes: float = 0, console: Console) -> Together:
    """Runs what is not recorded yet.

    Args:
        study: what, and where.
        at_once: trainings side by side; 0 for one a core, at most two.
        minutes: after which all are stopped, to be continued by the next call; 0 for no end.
        console: to print on.

    Raises:
        BusyError: another call runs in the same folder.
        ExistingFileError: generated data should be where something else is.
        InputError: data are not named that are needed, a device is not there, or an option is out of its range.
        RgaError: data that are named cannot be read.
    """
    check_at_least(0, at_once=at_once, seeds=study.seeds, threads=study.threads)
    for device in study.device.split(","):
        choose_device(device)
    if minutes < 0:
        raise InputError(f"minutes must be at least 0, got {minutes:g}")
    trials, evidence = study.trials(), Evidence(study.evidence)
    check_named(study, [trial.setting for trial in trials])
    missing = [trial for trial in trials if trial.key not in evidence.of(trials)]
    console.print(f"{len(trials)} runs, of which {len(trials) - len(missing)} are recorded in {study.evidence}")
    if not missing:
        return Together((), ())
    check_folder(study.output)
    check_folder(study.evidence)
    with locked(study.output, "--output"):
        data = provided(study, [trial.setting for trial in missing], console)
        check_readable(missing, data)
        jobs = {str(trial): (trial, job) for trial, job in jobs_of(study, missing, data)}
        for name in [name for name, (_, job) in jobs.items() if job.is_over]:
            evidence.add(recorded(*jobs.pop(name)))
        chosen = at_once or min(2, cores())

        with watching(console, len(jobs), chosen) as watch:

            def record(ended: Ended) -> None:
                if ended.state is State.FINISHED:
                    trial, job = jobs[ended.job.name]
                    evidence.add(recorded(trial, job))
                    prune(job.folder)
                watch.ended(ended)

            return run_jobs([job for _, job in jobs.values()], chosen, minutes=minutes, on_end=record, on_look=watch.look)


def check_named(study: Study, settings: Iterable[Setting]) -> None:
    """Checks that each dataset that is named is used.

    Raises:
        InputError: no setting takes it, or another one of the same reader is named, too.
    """
    takes = dict.fromkeys(reader for setting in settings if setting.generated is None for reader in setting.readers)
    for spec in study.data:
        if spec.name not in takes:
            known = f"they take {', '.join(takes)}" if takes else "their data are generated: leave --data out"
            raise InputError(f"these tables do not use {spec}: {known}")
        same = [str(other) for other in study.data if other.name == spec.name]
        if len(same) > 1:
            raise InputError(f"{' and '.join(same)} are read alike: name one of them")


def check_readable(trials: Iterable[Trial], data: Mapping[str, DataSpec]) -> None:
    """Reads each dataset once, so that one that is wrong is told before a training of each variant has failed by it.

    Raises:
        RgaError: one cannot be read.
    """
    for trial in {trial.setting.name: trial for trial in trials if trial.setting.name in data}.values():
        recipe = trial.recipe(data[trial.setting.name])
        get_task(recipe.task).read(recipe)


def jobs_of(study: Study, trials: Iterable[Trial], data: Mapping[str, DataSpec]) -> Iterable[tuple[Trial, Job]]:
    """The trainings whose data are there, as jobs; devices in turn."""
    devices = study.device.split(",")
    there = [trial for trial in trials if trial.setting.name in data]
    for number, trial in enumerate(there):
        machine = {"threads": study.threads, "tf32": study.tf32, "device": devices[number % len(devices)]}
        yield trial, Job(str(trial), trial.recipe(data[trial.setting.name], **machine), trial.folder(study.output))


def provided(study: Study, settings: Iterable[Setting], console: Console) -> dict[str, DataSpec]:
    """Where the data of settings are: generated ones, which are made if they are not there, and those that are named.

    Settings without data are named, and left out.

    Raises:
        InputError: no setting has data.
    """
    found: dict[str, DataSpec] = {}
    lacking: dict[str, str] = {}
    for setting in dict.fromkeys(settings):
        named = [spec for spec in study.data if spec.name in setting.readers]
        own = setting.base().data
        if setting.generated is not None:
            found[setting.name] = setting.generated.provide(study.output / "data" / setting.generated.name, console)
        elif named:
            found[setting.name] = named[0]
        elif own.root is None:
            found[setting.name] = own
        else:
            lacking[setting.name] = f"{setting.title} (--data {' or '.join(f'{reader}:DIR' for reader in setting.readers)})"
    if not found:
        raise InputError(f"name the data: {'; '.join(lacking.values())}")
    if lacking:
        console.print(f"left out, because their data are not named: {'; '.join(lacking.values())}", soft_wrap=True)
    return found


def recorded(trial: Trial, job: Job) -> RecordedRun:
    """A finished training as a recorded run.

    Raises:
        InputError: its folder holds a run with another recipe.
    """
    run = RecordedRun(setting=trial.setting.name, variant=trial.variant.name, **job.result())
    wanted = deciding_fields(trial.recipe())
    if run.recipe != wanted:
        different = sorted(name for name in {*run.recipe, *wanted} if run.recipe.get(name) != wanted.get(name))
        raise InputError(f"{job.folder} holds a run with another recipe ({', '.join(different)}): move it away, and it is trained anew")
    return run


def prune(folder: Path) -> None:
    """Removes from a finished run what only a training that goes on needs: its checkpoints, and the best model beside the last."""
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "best", ignore_errors=True)
