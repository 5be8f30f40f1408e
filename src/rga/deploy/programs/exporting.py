"""``rga.export_for``: a model in the files that one program reads."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Literal, Protocol, get_args

from rga.backbones.model import BackboneModel
from rga.deploy.exporting import TOLERANCE
from rga.deploy.optimised import check_not_optimised
from rga.deploy.programs.boxmot import write_boxmot
from rga.deploy.programs.roboflow import write_roboflow
from rga.deploy.programs.written import WrittenFor
from rga.errors import InputError
from rga.loading import load, task_of
from rga.reid.model import ReidModel

Program = Literal["boxmot", "roboflow-reid"]


class Write(Protocol):
    """Writes a model for a program."""

    def __call__(self, model: ReidModel, output: Path | None, *, tolerance: float, overwrite: bool) -> WrittenFor:
        """See ``export_for``; the model is in float32, on the CPU and in evaluation mode."""


PROGRAMS: dict[Program, Write] = {"boxmot": write_boxmot, "roboflow-reid": write_roboflow}


def export_for(
    program: Program,
    model: BackboneModel | str | Path,
    output: Path | str | None = None,
    *,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
) -> WrittenFor:
    """Writes a re-ID model for a program of others, with the names, the layout and the preprocessing that it expects.

    The files are read again and compared with the model on generated images before they are in their place.

    Args:
        program: ``"boxmot"``, a file of ONNX for BoxMOT's trackers, whose one output is what ``embed`` returns; ``"roboflow-reid"``, a
            folder for ``ReIDModel.from_pretrained`` of Roboflow's ``reid``, after ``rga.register_timm()``.
        model: of re-identification, or the folder of a run or of a saved model.
        output: the file or the folder; by default one in the working directory, named as the program wants it.
        tolerance: how far features may be from the model's, as a part of the largest number, or as cosine distance.
        overwrite: replace files that are there already.

    Raises:
        DisagreementError: the features differ by more; nothing was written.
        ExistingFileError: a file is there already.
        MissingPackageError: what writing needs is not installed.
        InputError: the program is unknown, or it cannot use the model; the message says why.
    """
    if program not in get_args(Program):
        raise InputError(f"unknown program {program!r}: choose one of {', '.join(get_args(Program))}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}")
    given = model if isinstance(model, BackboneModel) else load(model)
    check_not_optimised(given)
    if not isinstance(given, ReidModel):
        raise InputError(f"{program} takes features of people, and this model is for {task_of(given)}: rga export without --for writes it")
    write: Callable[..., WrittenFor] = PROGRAMS[program]
    built = deepcopy(given).float().cpu().eval()  # the caller's stays as it is
    return write(built, None if output is None else Path(output).expanduser(), tolerance=tolerance, overwrite=overwrite)
