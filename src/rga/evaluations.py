"""``rga.evaluate`` and ``rga.calibrate``: a saved model on a dataset; its task is in its configuration."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.backbones.model import BackboneModel
from rga.checks import check_at_least, check_workers
from rga.chosen_data import ChosenData, choose_data
from rga.datasets.spec import DataSpec
from rga.deploy.as_model import FromFile, as_model, fingerprint_of, placed
from rga.errors import InputError
from rga.loading import load, task_of
from rga.ranking.open_set.calibration import save_threshold
from rga.reid.evaluation import Calibration, CalibrationOptions, ReidEvaluation
from rga.reid.evaluation import calibrate as choose_threshold
from rga.reid.model import ReidModel
from rga.reports.evaluation_report import check_report, write_findings
from rga.runtime.model import RuntimeModel
from rga.runtime.opening import open_model
from rga.runtime.session import is_model_file
from rga.storage.outputs import check_drawing, check_folder, check_output
from rga.storage.results import check_results, write_results
from rga.storage.saved_model import model_folder
from rga.tasks import get_task
from rga.training.input.reading import Progress
from rga.training.task import Evaluation, Task

OnResult = Callable[["Measured"], None]


@dataclass(frozen=True)
class Measured:
    """An evaluation and where it was written.

    Attributes:
        task: of the model.
        data: the dataset's name.
        fingerprint: of the dataset.
        result: the figures; of re-ID a ``ReidEvaluation`` or ``Calibration``.
        notes: what a reader of the figures should know of how the data were read, as sentences.
        path: of the file with the results; None if they were not written.
        report: of the page; None if none was asked for.
        kept: the file with the calibrated threshold; None without one.
    """

    task: str
    data: str
    fingerprint: str
    result: Evaluation
    notes: tuple[str, ...] = ()
    path: Path | None = None
    report: Path | None = None
    kept: Path | None = None


def evaluate(
    model: BackboneModel | RuntimeModel | str | Path,
    data: DataSpec | str | None = None,
    *,
    output: Path | str | None = None,
    folder: Path | str | None = None,
    report: Path | str | None = None,
    batch_size: int = 128,
    num_workers: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    on_result: OnResult | None = None,
    **options: Any,
) -> Measured:
    """Measures a model on a dataset.

    Args:
        model: a model, the folder of a run or of a saved model, a file .onnx or .xml, the name of one that ships with rga, or one on the
            hub.
        data: the dataset, as text NAME:FOLDER?option=value; by default the one that the model was trained with. Options that are not given
            are those of the training, where it was read by the same reader; ``option=none`` is without.
        output: file for the results, with the fingerprints of the data that the model was trained and tested on. It may hold the results
            of an earlier evaluation of the same, and nothing else.
        folder: where ``evaluation-DATA.json`` is written if ``output`` is not named; by default no file is written.
        report: folder for ``report.html`` and ``report.json`` (re-ID only).
        batch_size: images at a time.
        num_workers: processes that read images; 0 reads in this one.
        device: auto, cpu, cuda, cuda:1, mps.
        progress: called after each batch with the images that are done, and of how many.
        on_result: called with the figures before they are written, so that they are not lost if a file cannot be written.
        **options: fields of the task's options: ``flip``, ``feature``, ``comparison`` of re-ID; ``split``, ``window``, ``scales``, ``flip``
            of segmentation.

    Raises:
        InputError: an option is unknown or out of its range, or the data do not fit the model.
        MissingFileError: the model or the data are not there.
        ExistingFileError: a file would be overwritten that holds something else.

    Example::

        measured = rga.evaluate("runs/market", "market1501:data/market1501", flip=True)
        print(measured.result.results["neck"].mAP)
    """
    job = Job(model, data, output=output, folder=folder, report=report, batch_size=batch_size, num_workers=num_workers, device=device)
    chosen = job.options(job.task.options, options)
    settings = {"task": job.task.name, **job.settings, "options": plain(chosen)}
    job.check(settings)
    result = job.task.evaluate(job.model, job.data, chosen, batch_size=batch_size, num_workers=num_workers, progress=progress)
    found = {"trained_on": job.model.trained_on, "read_as": list(job.chosen.read_as), "notes": list(job.chosen.notes), **result.to_dict()}
    if on_result is not None:
        on_result(job.measured(result))
    path = job.write(chosen.label, settings, found)
    if job.report is not None:
        assert isinstance(result, ReidEvaluation)
        distances = result.distances[result.shown]
        examined = result.examine()
        write_findings(
            job.report, {**settings, "flip": chosen.flip, **found}, job.data, examined, {}, distances, shown=result.shown, threshold=None
        )
    return dataclasses.replace(job.measured(result), path=path, report=job.page)


def calibrate(
    model: ReidModel | str | Path,
    data: DataSpec | str,
    *,
    output: Path | str | None = None,
    folder: Path | str | None = None,
    report: Path | str | None = None,
    batch_size: int = 128,
    num_workers: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    on_result: OnResult | None = None,
    **options: Any,
) -> Measured:
    """Chooses the distance up to which an image is taken for somebody in a gallery, and keeps it in the model's ``config.json``.

    Args:
        model: a re-ID model; its threshold is kept if it is in a folder of this machine.
        data: the dataset; options that are not given are those of the training, as for ``evaluate``.
        output: see ``evaluate``, also for the arguments that follow.
        folder: where ``calibration-DATA.json`` is written.
        report: folder for a page with the open-set curves.
        batch_size: images at a time.
        num_workers: processes that read images.
        device: where to compute.
        progress: called after each batch.
        on_result: called with the figures before they are written.
        **options: ``unknown``, ``false_alarms``, ``seed``, ``flip``, ``feature``, ``frames``, see
            ``rga.reid.evaluation.CalibrationOptions``.
    """
    job = Job(model, data, output=output, folder=folder, report=report, batch_size=batch_size, num_workers=num_workers, device=device)
    if not isinstance(job.model, ReidModel):
        raise InputError(f"thresholds are calibrated for re-identification, and this model is for {job.task.name}")
    if isinstance(job.model, FromFile):
        raise InputError("a file of ONNX keeps the threshold that its model had: calibrate the model, and export it again")
    chosen = job.options(CalibrationOptions, options)
    settings = {"task": job.task.name, **job.settings, "open_set": plain(chosen)}
    job.check(settings)
    result: Calibration = choose_threshold(job.model, job.data, chosen, batch_size=batch_size, num_workers=num_workers, progress=progress)
    found = {"trained_on": job.model.trained_on, "read_as": list(job.chosen.read_as), "notes": list(job.chosen.notes), **result.to_dict()}
    if on_result is not None:
        on_result(job.measured(result))
    path = job.write("", settings, found, kind="calibration")
    saved = None if isinstance(model, BackboneModel) else model_folder(Path(model))
    if saved is not None:
        save_threshold(saved, result.threshold)
    if job.report is not None:
        ranking = result.ranking(job.data)
        shown = ranking.shown
        written = {**settings, "flip": chosen.flip, **found}
        write_findings(
            job.report,
            written,
            job.data,
            ranking.examine(),
            result.results,
            ranking.distances[shown],
            shown=shown,
            threshold=result.threshold,
        )
    kept = None if saved is None else saved / "config.json"
    return dataclasses.replace(job.measured(result), path=path, report=job.page, kept=kept)


class Job:
    """A model and data to measure it on, with what is written, all checked before the work begins."""

    def __init__(
        self,
        model: BackboneModel | RuntimeModel | str | Path,
        data: DataSpec | str | None,
        *,
        output: Path | str | None,
        folder: Path | str | None,
        report: Path | str | None,
        batch_size: int,
        num_workers: int,
        device: str,
    ) -> None:
        check_at_least(1, batch_size=batch_size)
        check_workers(num_workers)
        self.output = None if output is None else Path(output)
        self.folder = None if folder is None else Path(folder)
        self.report = None if report is None else Path(report)
        check_output(self.output)
        if self.folder is not None and self.output is None:
            check_folder(self.folder)
        opened: Any = open_model(model) if isinstance(model, (str, Path)) and is_model_file(model) else model
        opened = as_model(opened) if isinstance(opened, RuntimeModel) else opened
        name = task_of(opened)
        self.task: Task[Any, Any, Any, Any] = get_task(name)
        if self.report is not None:
            if name != "reid":
                raise InputError(f"reports are written for re-identification, and this model is for {name}: leave --report out")
            check_drawing()
            check_folder(self.report)
        self.model: Any = placed(opened if isinstance(opened, BackboneModel) else load(opened), device)
        source = None if isinstance(opened, BackboneModel) else Path(opened).expanduser()
        self.chosen: ChosenData = choose_data(self.task, self.model.trained_on, source, data)
        self.data: Any = self.chosen.data

    @property
    def settings(self) -> dict[str, Any]:
        """What is evaluated."""
        return {"data": self.data.name, "fingerprint": self.data.fingerprint, "weights": fingerprint_of(self.model)}

    @property
    def page(self) -> Path | None:
        """The report's page."""
        return None if self.report is None else self.report / "report.html"

    def measured(self, result: Evaluation) -> Measured:
        """The figures, of which nothing is written yet."""
        return Measured(self.task.name, self.data.name, self.data.fingerprint, result, self.chosen.notes)

    def options(self, kind: type[Any], values: Mapping[str, Any]) -> Any:
        """Options from keyword arguments.

        Raises:
            InputError: there is no such option.
        """
        known = [field.name for field in dataclasses.fields(kind)]
        for name in values:
            if name not in known:
                raise InputError(f"a model for {self.task.name} has no option {name!r}: it takes {', '.join(known) or 'none'}")
        return kind(**values)

    def check(self, settings: Mapping[str, Any]) -> None:
        """Refuses to overwrite files that hold something else."""
        if self.report is not None:
            check_report(self.report, settings)
        check_results(self.output, settings)

    def write(self, label: str, settings: Mapping[str, Any], found: Mapping[str, Any], kind: str = "evaluation") -> Path | None:
        """Writes the results, if a file or a folder was named."""
        name = "-".join(filter(None, (kind, re.sub(r"[^\w.+-]+", "_", self.data.name), label)))
        return write_results(self.folder, name, self.output, settings, found)


def plain(options: Any) -> dict[str, Any]:
    """Options as JSON can hold them."""
    return dataclasses.asdict(options)
