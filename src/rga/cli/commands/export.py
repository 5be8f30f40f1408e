"""``rga export MODEL --to onnx -o FILE``: writes a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from rga.cli.parsing import Model
from rga.cli.progress import progress
from rga.datasets.spec import DataSpec
from rga.deploy.exporting import TOLERANCE
from rga.deploy.exporting import export as write
from rga.deploy.int8.figures import Int8, size_of
from rga.deploy.programs.exporting import Program, export_for
from rga.deploy.targets.catalog import Target
from rga.deploy.targets.openvino import companions
from rga.errors import InputError
from rga.terminal import PlainConsole


def export(
    model: Model,
    *,
    to: Target = "onnx",
    for_: Annotated[Program | None, tyro.conf.arg(name="for")] = None,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    preprocessing_inside: bool = False,
    int8: bool = False,
    data: DataSpec | None = None,
    calibration_images: int | None = None,
    max_drop: float | None = None,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
) -> None:
    """Write a model as a file for other programs: ONNX, OpenVINO, or an exported program of PyTorch.

    The file holds how images are prepared, what its outputs are, classes, threshold, and where it is from. It is run beside the model on
    generated images, and is there only if both agree. rga embed, search, segment, classify and evaluate take a file .onnx or .xml
    like a run.

    Args:
        model: Folder of a run or of a saved model, the name of one that ships with rga, or one on the Hugging Face hub.
        to: onnx; openvino, with the weights in a file .bin beside it; or exported-program for PyTorch without this package.
        for_: Instead, write what one program reads: boxmot (a file of ONNX), or roboflow-reid (a folder). For re-identification.
        output: File to write; by default model.onnx, model.xml or model.pt2; with --for, the name that the program wants.
        preprocessing_inside: The graph takes RGB bytes of any size and prepares them itself; for re-identification.
        int8: Compute in 8-bit integers, and measure what that costs; for onnx and openvino.
        data: For int8, the dataset as NAME:FOLDER: its training images calibrate, its test measures. By default that of the training.
        calibration_images: For int8, how many training images calibrate; 300 by default.
        max_drop: For int8, how much of mAP, mIoU or accuracy may be lost, as a fraction; past it nothing is written. .01 by default.
        tolerance: How far outputs may be from the model's, as a part of the largest number, or as cosine distance.
        overwrite: Replace the file if it is there already.
    """
    console = PlainConsole()
    given = {"--data": data, "--calibration-images": calibration_images, "--max-drop": max_drop}
    alone = [name for name, value in given.items() if value is not None]
    if alone and not int8:
        raise InputError(f"{alone[0]} belongs to --int8, which is measured: leave {alone[0]} out, or add --int8")
    if for_ is not None:
        if to != "onnx" or preprocessing_inside or int8:
            raise InputError(f"--for {for_} says how the file is written: leave --to, --preprocessing-inside and --int8 out")
        made = export_for(for_, model, output, tolerance=tolerance, overwrite=overwrite)
        console.sentence(f"{made.agreement}")
        console.sentence(f"written to {', '.join(map(str, made.files))}")
        if made.next_step:
            console.sentence(made.next_step)
        return
    chosen: dict[str, Any] = {"data": data, "images": calibration_images, "max_drop": max_drop}
    order = Int8(**{name: value for name, value in chosen.items() if value is not None}) if int8 else None
    with progress("measuring") as bar:
        done = write(
            model,
            output,
            to=to,
            preprocessing_inside=preprocessing_inside,
            int8=order,
            tolerance=tolerance,
            overwrite=overwrite,
            progress=bar,
        )
    console.sentence(f"{done.agreement}{', in float32' if done.int8 is not None else ''}")
    if done.int8 is not None:
        for note in done.int8.notes:
            console.sentence(note)
        console.sentence(f"{done.int8}")
    files = (done.path, *companions(done.path))
    console.sentence(f"written to {' and '.join(map(str, files))}, {size_of(*files) / 2**20:.1f} MiB")
