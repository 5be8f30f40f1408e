"""``rga.export``: a model as a file for other programs, which is there only if it computes what the model computes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from rga.backbones.model import BackboneModel
from rga.deploy.agreement import Agreement, as_figures, check_agreement, compared, example_images
from rga.deploy.graphs import description_of, free_sizes, graph_of, output_names, takes_any_size
from rga.deploy.optimised import check_not_optimised
from rga.deploy.targets import SUFFIXES, TARGETS, Order, Target
from rga.errors import InputError
from rga.loading import load
from rga.runtime.description import Description, Takes
from rga.segmentation.model import SegmentationModel
from rga.storage.files import write_atomically
from rga.storage.outputs import check_output

TOLERANCE = 1e-4
"""Of the largest number of an output, and of cosine distances."""


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: of the file.
        description: what it says about itself.
        agreement: how far its outputs are from the model's.
    """

    path: Path
    description: Description
    agreement: Agreement


def export(
    model: BackboneModel | str | Path,
    output: Path | str | None = None,
    *,
    to: Target = "onnx",
    preprocessing_inside: bool = False,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
) -> Exported:
    """Writes a model as a file for other programs.

    The file holds what its user needs: how images are prepared, what its outputs are, classes, threshold, and where it is from. It is run
    beside the model on generated images before it is put in its place.

    Args:
        model: of any task, or the folder of a run or of a saved model.
        output: the file; by default ``model`` with the ending of the target.
        to: ``"onnx"``, for ``rga.load`` and all programs that run ONNX; ``"exported-program"`` for PyTorch without this package.
        preprocessing_inside: the graph takes bytes (N, H, W, 3), RGB, of any size, and resizes and normalises them itself; for
            re-identification.
        tolerance: how far outputs may be from the model's, as a part of the largest number, or as cosine distance.
        overwrite: replace the file if it is there already.

    Raises:
        DisagreementError: the outputs differ by more; nothing was written.
        ExistingFileError: the file is there already.
        MissingPackageError: what the target needs is not installed.
        InputError: an option is out of its range, or the model cannot be exported so.
    """
    if to not in get_args(Target):
        raise InputError(f"unknown target {to!r}: choose one of {', '.join(get_args(Target))}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}")
    path = Path(output) if output is not None else Path(f"model{SUFFIXES[to]}")
    check_output(path, overwrite=overwrite)
    given: BackboneModel = model if isinstance(model, BackboneModel) else load(model)
    check_not_optimised(given)
    built = deepcopy(given).float().cpu().eval()  # the caller's stays as it is
    takes: Takes = "bytes" if preprocessing_inside else "normalised"
    graph, description = graph_of(built, takes), description_of(given, takes)
    sizes = sizes_of(built, takes)
    examples = list(islice(example_images(sizes[0]), 2))
    shown = [np.asarray(image) if takes == "bytes" else built.preprocessing.as_array(image) for image in examples]
    written = TARGETS[to](Order(graph, torch.from_numpy(np.stack(shown)), free_sizes(built, takes), output_names(built)))
    found: list[Agreement] = []

    def write(temporary: Path) -> None:
        written.save(temporary, description.to_json())
        found.append(compared(written.runner(temporary), graph, sizes, takes, built.preprocessing.as_array))
        check_agreement(found[0], tolerance, to)
        written.save(temporary, replace(description, agreement=as_figures(found[0])).to_json())
        written.runner(temporary)  # it can be opened

    write_atomically(path, write)
    return Exported(path, replace(description, agreement=as_figures(found[0])), found[0])


def sizes_of(model: BackboneModel, takes: Takes) -> list[tuple[int, int]]:
    """(height, width) of the images that model and file are compared on: the model's own, and others where sizes are free."""
    height, width = model.preprocessing.size
    if takes == "bytes":
        return [(height + 13, width + 6), (height, width)]
    if not takes_any_size(model):
        return [(height, width)]
    assert isinstance(model, SegmentationModel)
    multiple = model.multiple
    height, width = (multiple * max(2, size // multiple) for size in (height, width))
    return [(height, width), (height, width + multiple)]
