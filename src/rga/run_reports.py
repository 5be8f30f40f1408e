"""``rga.report``: evaluates runs and writes one page about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.attachment.costs import Cost, cost
from rga.backbones.model import BackboneModel
from rga.checks import check_at_least, check_workers
from rga.chosen_data import choose_data
from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError
from rga.loading import load
from rga.reid.model import ReidModel
from rga.reports.embedding_map import mapped, write_map
from rga.reports.reported_run import ReportedRun
from rga.reports.run_report import check_together, write_run_report
from rga.reports.titles import titles_of
from rga.storage.outputs import check_drawing, check_folder, check_output
from rga.storage.saved_model import weights_fingerprint
from rga.tasks import get_task, recipe_type
from rga.training.devices import choose_device
from rga.training.input.reading import Progress
from rga.training.run.record import RECIPE_FILE, RunRecord, read_run


def report(
    runs: Sequence[str | Path] | str | Path,
    data: DataSpec | str | None = None,
    *,
    output: Path | str = "report.html",
    figures: Path | str | None = None,
    overwrite: bool = False,
    batch_size: int = 128,
    num_workers: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Path:
    """Evaluates runs and writes a page that loads nothing: figures with their rules, curves, examples, gates, configuration, commands.

    For re-identification ``NAME-map.html`` beside it shows images of some people by their features.

    Args:
        runs: the folder of a run, or of several of one task, which are then compared; the last one stands out.
        data: the dataset to measure on, as text NAME:FOLDER?option=value; by default the one of each run's training.
        output: the file.
        figures: a folder for the figures as PNG and JPEG files, too.
        overwrite: replace it if it is there already.
        batch_size: images at a time.
        num_workers: processes that read images; 0 reads in this one.
        device: auto, cpu, cuda, cuda:1, mps.
        progress: called after each batch with the images that are done, and of how many.

    Returns:
        The file.

    Raises:
        MissingFileError: there is no run, or no data.
        ExistingFileError: the file is there already, or the folder for figures is not empty.
        InputError: the runs are of several tasks, or on several datasets.
    """
    folders = [Path(runs)] if isinstance(runs, (str, Path)) else [Path(run) for run in runs]
    if not folders:
        raise InputError("there are no runs to report on: name at least one")
    check_at_least(1, batch_size=batch_size)
    check_workers(num_workers)
    check_drawing()
    path = Path(output)
    records = [read_run(folder) for folder in folders]
    map_path = path.with_name(f"{path.stem}-map.html") if records[-1].task == "reid" else None
    for each in (path, map_path):
        check_output(each, overwrite=overwrite)
    if figures is not None:
        check_folder(Path(figures))
        if not overwrite and Path(figures).is_dir() and any(Path(figures).iterdir()):
            raise ExistingFileError(f"{figures} is not empty: name a new folder with --figures, or replace its files with --overwrite")
    models: list[BackboneModel] = [load(folder).to(choose_device(device)) for folder in folders]
    names = titles_of(list(zip(folders, models, strict=True)))
    found: list[ReportedRun] = []
    for name, folder, record, model in zip(names, folders, records, models, strict=True):
        task = get_task(record.task)
        chosen = choose_data(task, model.trained_on, folder, data)
        measure = Measure(batch_size, num_workers, progress, named=data is not None)
        found.append(reported(name, folder, record, model, chosen, measure))
        check_together(found)
    last = found[-1]
    if map_path is not None:
        assert isinstance(last.model, ReidModel)
        layout = mapped(last.model, last.data, batch_size=batch_size, num_workers=num_workers)
        write_map(map_path, f"{last.name} on {last.data.name}", layout)
    write_run_report(path, found, None if map_path is None else map_path.name, None if figures is None else Path(figures))
    return path


@dataclass(frozen=True)
class Measure:
    """How runs are evaluated."""

    batch_size: int
    num_workers: int
    progress: Progress | None
    named: bool


def reported(name: str, folder: Path, record: RunRecord, model: BackboneModel, chosen: Any, measure: Measure) -> ReportedRun:
    """Evaluates a run."""
    task = get_task(record.task)
    result = task.evaluate(
        model, chosen.data, task.options(), batch_size=measure.batch_size, num_workers=measure.num_workers, progress=measure.progress
    )
    return ReportedRun(
        name,
        folder,
        record,
        record.read(recipe_type(record.task), folder / RECIPE_FILE),
        model,
        chosen.data,
        chosen.read_as[0],
        measure.named,
        result,
        cost_of_image(model),
        weights_fingerprint(model),
        chosen.notes,
    )


def cost_of_image(model: BackboneModel) -> Cost:
    """What the backbone costs for one image; of attention over the frames of a tracklet, the share of one frame."""
    frames = model.together if isinstance(model, ReidModel) else 1
    whole = cost(model.backbone, (frames, 3, *model.backbone_size))
    return Cost(whole.parameters, whole.macs // frames)
