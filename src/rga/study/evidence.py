"""Finished runs as lines of JSON, one file for each setting: what tables, figures and the page of results are made from.

A line says all that is needed to repeat the run, and all that is shown of it; models and logs stay in the run's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from rga.errors import InputError
from rga.storage.files import write_atomically
from rga.study.trial import Trial, same_recipe

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A finished run.

    Attributes:
        setting: name of the setting.
        variant: name of the variant.
        seed: of weights, batches and augmentation.
        task: reid, segmentation, classification.
        recipe: fields that differ from the defaults of the task's recipe and on which the result depends.
        data: name, fingerprint and number of training samples.
        metrics: of the last model on the test split, or of the best one where a validation split chose it; fractions.
        curve: for each epoch its number, the step and the loss; metrics where it was evaluated.
        parameters: of the model.
        macs: multiply-accumulates for one image.
        steps: of the training.
        step_seconds: time of a step, evaluations included: seconds of a CPU core, or of the clock on another device; None if unknown.
        hours: of the whole training, by the same clock as the time of a step.
        weights: a digest of the saved model's.
        machine: device, threads, trainings at once, versions.
        finished: when, in UTC.
        conditions: metrics of groups of test images, by name of the group; empty where there are none.
    """

    setting: str
    variant: str
    seed: int
    task: str
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: tuple[Mapping[str, float], ...]
    parameters: int
    macs: int
    steps: int
    step_seconds: float | None
    hours: float
    weights: str
    machine: Mapping[str, Any]
    finished: str
    conditions: Mapping[str, Mapping[str, float]]

    @property
    def key(self) -> tuple[str, str, int]:
        """The names of setting and variant, and the seed."""
        return self.setting, self.variant, self.seed

    def to_line(self) -> str:
        """As a line of JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, allow_nan=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From what JSON held.

        Raises:
            InputError: something is missing, or unknown.
        """
        if values.get("format") != FORMAT:
            raise InputError(f"its format is {values.get('format')!r}, and this version reads {FORMAT}")
        given = {name: value for name, value in values.items() if name != "format"}
        try:
            return cls(**{**given, "curve": tuple(given["curve"])})
        except (KeyError, TypeError) as error:
            raise InputError(f"it is not a recorded run: {error}") from error


class Evidence:
    """The recorded runs in a folder.

    Args:
        folder: with a file for each setting; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, setting: str) -> Path:
        """The file of a setting."""
        return self.folder / f"{setting}.jsonl"

    def runs(self, setting: str) -> list[RecordedRun]:
        """The runs of a setting in their order.

        Raises:
            InputError: a line is damaged, or two lines are of one run; the file and the line are named.
        """
        path = self.file(setting)
        if not path.is_file():
            return []
        found: dict[tuple[str, str, int], RecordedRun] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                run = RecordedRun.from_dict(json.loads(line))
            except (ValueError, AttributeError) as error:
                raise InputError(f"{path}, line {number}: {error}") from error
            if run.key in found:
                raise InputError(f"{path}, line {number}: {run.variant} with seed {run.seed} stands there twice: remove one of the lines")
            if run.setting != setting:
                raise InputError(f"{path}, line {number}: it is a run of {run.setting!r}: put it into {self.file(run.setting)}")
            found[run.key] = run
        return list(found.values())

    def of(self, trials: Iterable[Trial]) -> dict[tuple[str, str, int], RecordedRun]:
        """The runs of some trainings, by their keys. Those of another recipe, as after a change of a setting, do not count."""
        listed = list(trials)
        there = {run.key: run for setting in dict.fromkeys(trial.setting.name for trial in listed) for run in self.runs(setting)}
        return {trial.key: there[trial.key] for trial in listed if trial.key in there and same_recipe(trial, there[trial.key].recipe)}

    def add(self, run: RecordedRun) -> None:
        """Writes a run; an older one of the same setting, variant and seed is replaced. Other programs may write at the same time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            kept = [other for other in self.runs(run.setting) if other.key != run.key]
            lines = sorted((*kept, run), key=lambda each: (each.variant, each.seed))
            text = "".join(f"{each.to_line()}\n" for each in lines)
            write_atomically(self.file(run.setting), lambda temporary: temporary.write_text(text, encoding="utf-8"))
