"""``rga calibrate MODEL --data SPEC``: chooses the distance at which strangers are rejected."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.parsing import Grouped, Model
from rga.cli.printing import print_calibration, written
from rga.cli.progress import progress
from rga.datasets.spec import DataSpec
from rga.evaluations import Measured
from rga.evaluations import calibrate as choose
from rga.reid.evaluation import CalibrationOptions
from rga.terminal import PlainConsole

DEFAULT = CalibrationOptions()


def calibrate(
    model: Model,
    *,
    data: DataSpec,
    options: Grouped[CalibrationOptions] = DEFAULT,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    report: Path | None = None,
    batch_size: int = 128,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Choose the distance up to which an image is accepted as somebody in the gallery, and save it in the model's config.json.

    Some identities are taken out of the gallery and treated as strangers. The threshold is the largest distance at which the share of
    their queries that are accepted stays within the allowed false alarms.

    Args:
        model: Folder of a run or of a saved re-ID model, or one on the Hugging Face hub.
        data: The dataset, as NAME:FOLDER?option=value. Its people must not be those that the threshold will be used for.
        options: How many strangers, and how many false alarms.
        output: File for the results; by default calibration-DATA.json in the model's folder.
        report: Folder for report.html and report.json, with the open-set curves.
        batch_size: Images at a time.
        num_workers: Processes that read images.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    chosen = {field.name: getattr(options, field.name) for field in fields(options)}
    folder = Path(model) if Path(model).is_dir() else None
    console = PlainConsole()
    found: list[Measured] = []
    try:
        with progress("embedding") as bar:
            measured = choose(
                model,
                data,
                output=output,
                folder=folder,
                report=report,
                batch_size=batch_size,
                num_workers=num_workers,
                device=device,
                progress=bar,
                on_result=found.append,
                **chosen,
            )
    finally:  # also if the results, the threshold or the report could not be written
        for each in found:
            print_calibration(console, each)
    written(console, measured)
