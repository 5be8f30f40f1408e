"""``rga.export``: a model as a file for other programs, which is there only if it computes what the model computes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from rga.attachment import attachments
from rga.backbones.model import BackboneModel
from rga.chosen_data import choose_data
from rga.deploy.agreement import Agreement, as_figures, check_agreement, compared, example_images
from rga.deploy.graphs import as_task, description_of, free_sizes, graph_of, output_names, takes_any_size
from rga.deploy.int8.calibration import check_training_images
from rga.deploy.int8.figures import Int8, Int8Figures
from rga.deploy.int8.quantising import Quantised, check_target, quantised
from rga.deploy.optimised import check_not_optimised
from rga.deploy.targets.catalog import SUFFIXES, TARGETS, Target
from rga.deploy.targets.openvino import companions
from rga.deploy.targets.order import Order
from rga.detection.model import DetectionModel
from rga.errors import InputError
from rga.loading import load
from rga.runtime.description import INPUT, Description, Takes
from rga.runtime.opening import open_model
from rga.segmentation.model import SegmentationModel
from rga.storage.checksum import sha256
from rga.storage.files import write_with_companions
from rga.storage.outputs import check_output
from rga.tasks import get_task
from rga.training.input.reading import Progress

TOLERANCE = 1e-4
"""Of the largest number of an output, and of cosine distances."""


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: of the file.
        description: what it says about itself.
        agreement: how far its outputs are from the model's, in float32; the description of a file in 8-bit integers has its own.
        int8: what a file in 8-bit integers loses and gains; None for one in float32.
    """

    path: Path
    description: Description
    agreement: Agreement
    int8: Int8Figures | None = None


def export(
    model: BackboneModel | str | Path,
    output: Path | str | None = None,
    *,
    to: Target = "onnx",
    preprocessing_inside: bool = False,
    int8: Int8 | None = None,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Writes a model as a file for other programs.

    The file holds what its user needs: how images are prepared, what its outputs are, classes, threshold, and where it is from. It is run
    beside the model on generated images before it is put in its place.

    Args:
        model: of any task, or the folder of a run or of a saved model.
        output: the file; by default ``model`` with the ending of the target.
        to: ``"onnx"``, for ``rga.load`` and all programs that run ONNX; ``"openvino"``, for ``rga.load`` and OpenVINO, with the weights in
            a file ``.bin`` beside it; ``"exported-program"`` for PyTorch without this package.
        preprocessing_inside: the graph takes bytes (N, H, W, 3), RGB, of any size, and resizes and normalises them itself; for
            re-identification.
        int8: compute in 8-bit integers: smaller and faster, and not the same numbers. The file in float32 is compared with the model,
            and the one in 8-bit integers is measured beside it on the test of a dataset.
        tolerance: how far outputs may be from the model's, as a part of the largest number, or as cosine distance.
        overwrite: replace the file if it is there already.
        progress: of an evaluation for ``int8``, called after each batch with the images that are done, and of how many.

    Raises:
        DisagreementError: the outputs differ by more; nothing was written.
        AccuracyDropError: 8-bit integers cost more than is allowed; nothing was written.
        ExistingFileError: the file is there already.
        MissingPackageError: what the target needs is not installed.
        InputError: an option is out of its range, or the model cannot be exported so.
    """
    if to not in get_args(Target):
        raise InputError(f"unknown target {to!r}: choose one of {', '.join(get_args(Target))}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}")
    path = Path(f"model{SUFFIXES[to]}" if output is None else output).expanduser()
    if path.suffix != SUFFIXES[to]:
        raise InputError(f"{path} is no name for a file of {to}: it ends in {SUFFIXES[to]}")
    for each in (path, *companions(path)):
        check_output(each, overwrite=overwrite)
    if to == "openvino" and preprocessing_inside:
        raise InputError("OpenVINO resizes images without smoothing, and Pillow smooths: leave preprocessing_inside out, or export to onnx")
    if int8 is not None:
        check_target(to)
        if preprocessing_inside:
            raise InputError("a file in 8-bit integers is measured on normalised images: leave preprocessing_inside or int8 out")
    given: BackboneModel = model if isinstance(model, BackboneModel) else load(model)
    check_not_optimised(given)
    if isinstance(given, DetectionModel):
        raise InputError("a detection model gives lists of objects, for which there is no file here: use it by rga.load(...).detect(...)")
    chosen = None
    if int8 is not None:  # before the work begins
        source = None if isinstance(model, BackboneModel) else Path(model).expanduser()
        chosen = choose_data(get_task(as_task(given)), given.trained_on, source, int8.data)
        check_training_images(chosen.data)
    built = deepcopy(given).float().cpu().eval()  # the caller's stays as it is
    takes: Takes = "bytes" if preprocessing_inside else "normalised"
    graph, description = graph_of(built, takes), description_of(given, takes)
    sizes = sizes_of(built, takes)
    examples = list(islice(example_images(sizes[0]), 2))
    shown = [np.asarray(image) if takes == "bytes" else built.preprocessing.as_array(image) for image in examples]
    written = TARGETS[to](Order(graph, torch.from_numpy(np.stack(shown)), free_sizes(built, takes), output_names(built)))
    found: list[Exported] = []

    def write(temporary: Path) -> None:
        written.save(temporary, description.to_json())
        agreement = compared(written.runner(temporary), graph, sizes, takes, built.preprocessing.as_array)
        check_agreement(agreement, tolerance, to)
        done = Exported(path, replace(description, agreement=as_figures(agreement)), agreement)
        final: Quantised = written
        if int8 is not None and chosen is not None:
            attached = [each.name for each in attachments(graph)]
            final, figures = quantised(temporary, to, done.description, attached, chosen, int8, progress=progress)
            final.save(temporary, done.description.to_json())
            session = open_model(temporary).session
            apart = compared(
                lambda images: session.run(INPUT, images, output_names(built)), graph, sizes, takes, built.preprocessing.as_array
            )
            told = replace(
                done.description,
                weights=f"{description.weights}-int8-{sha256(temporary)[:8]}",
                int8=figures.to_dict(),
                agreement=as_figures(apart),
            )
            done = replace(done, description=told, int8=figures)
        final.save(temporary, done.description.to_json())
        if int8 is None:
            written.runner(temporary)  # it can be opened
        else:
            open_model(temporary)
        found.append(done)

    write_with_companions(path, write)
    return found[0]


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
