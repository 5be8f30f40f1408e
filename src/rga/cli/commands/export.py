"""``rga export MODEL --to onnx -o FILE``: writes a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.parsing import Model
from rga.deploy.exporting import TOLERANCE
from rga.deploy.exporting import export as write
from rga.deploy.programs.exporting import Program, export_for
from rga.deploy.targets import Target
from rga.errors import InputError
from rga.terminal import PlainConsole


def export(
    model: Model,
    *,
    to: Target = "onnx",
    for_: Annotated[Program | None, tyro.conf.arg(name="for")] = None,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    preprocessing_inside: bool = False,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
) -> None:
    """Write a model as a file for other programs: ONNX, or an exported program of PyTorch.

    The file holds how images are prepared, what its outputs are, classes, threshold, and where it is from. It is run beside the model on
    generated images, and is there only if both agree. rga embed, search, segment, classify and evaluate take a file .onnx like a run.

    Args:
        model: Folder of a run or of a saved model, the name of one that ships with rga, or one on the Hugging Face hub.
        to: onnx, or exported-program for PyTorch without this package.
        for_: Instead, write what one program reads: boxmot (a file of ONNX), or roboflow-reid (a folder). For re-identification.
        output: File to write; by default model.onnx or model.pt2; with --for, the name that the program wants.
        preprocessing_inside: The graph takes RGB bytes of any size and prepares them itself; for re-identification.
        tolerance: How far outputs may be from the model's, as a part of the largest number, or as cosine distance.
        overwrite: Replace the file if it is there already.
    """
    console = PlainConsole()
    if for_ is not None:
        if to != "onnx" or preprocessing_inside:
            raise InputError(f"--for {for_} says how the file is written: leave --to and --preprocessing-inside out")
        made = export_for(for_, model, output, tolerance=tolerance, overwrite=overwrite)
        console.sentence(f"{made.agreement}")
        console.sentence(f"written to {', '.join(map(str, made.files))}")
        if made.next_step:
            console.sentence(made.next_step)
        return
    done = write(model, output, to=to, preprocessing_inside=preprocessing_inside, tolerance=tolerance, overwrite=overwrite)
    console.sentence(f"{done.agreement}")
    console.sentence(f"written to {done.path}, {done.path.stat().st_size / 2**20:.1f} MiB")
