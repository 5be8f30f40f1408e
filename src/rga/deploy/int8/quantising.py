"""From a file in float32 to the same in 8-bit integers, with what that costs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

from rga.chosen_data import ChosenData
from rga.deploy.as_model import as_model
from rga.deploy.int8 import onnx, openvino
from rga.deploy.int8.calibration import Batches, calibration_batches
from rga.deploy.int8.figures import Int8, Int8Figures, check_drop, size_of, take_turns
from rga.deploy.targets.catalog import SUFFIXES, Target
from rga.deploy.targets.onnx import check_packages
from rga.deploy.targets.openvino import companions
from rga.errors import InputError
from rga.runtime.description import Description
from rga.runtime.opening import KINDS, open_model
from rga.runtime.session import Session
from rga.tasks import get_task
from rga.training.input.reading import Progress

Measure = Callable[[Session], float]


class Quantised(Protocol):
    """A graph to be written."""

    def save(self, path: Path, description: str) -> None:
        """Writes a file, with what it says about itself."""


class QuantisedInBits(Quantised, Protocol):
    """A graph in 8-bit integers."""

    @property
    def weight_bits(self) -> int:
        """Of its weights."""


Quantise = Callable[[Path, Batches, Collection[str], Measure, float], QuantisedInBits]

QUANTISE: dict[Target, Quantise] = {
    "onnx": lambda source, batches, attached, *_: onnx.quantise(source, batches, attached),
    "openvino": openvino.quantise,
}
"""Target -> (file in float32, batches to calibrate on, names of attentions, measure, largest drop) -> the same in 8-bit integers."""


def check_target(to: Target) -> None:
    """Checks that a form can be quantised, before the work begins.

    Raises:
        InputError: it is one that is not.
        MissingPackageError: what quantises is not installed.
    """
    if to not in QUANTISE:
        raise InputError(f"{to} is not written in 8-bit integers: choose one of {', '.join(QUANTISE)}, or leave int8 out")
    check_packages()
    if to == "openvino":
        openvino.check_packages()


def quantised(
    source: Path,
    to: Target,
    description: Description,
    attached: Collection[str],
    chosen: ChosenData,
    order: Int8,
    *,
    progress: Progress | None = None,
) -> tuple[Quantised, Int8Figures]:
    """A file in 8-bit integers.

    Args:
        source: the file in float32.
        to: its form.
        description: of its model.
        attached: names of the attached attentions in the network that it was written from.
        chosen: data of the model's task.
        order: how it is calibrated, and what it may lose.
        progress: of each evaluation, called after each batch with the images that are done, and of how many.

    Raises:
        AccuracyDropError: it loses more.
        InputError: the data have no training images, or do not fit the model.
        MissingPackageError: what quantises is not installed.
    """
    task: Any = get_task(description.task)
    metric, value = task.main_metric

    def measure(session: Session) -> float:
        model = as_model(KINDS[description.task](session, description))
        return float(value(task.evaluate(model, chosen.data, task.options(), progress=progress)))

    before = open_model(source)
    batches, images = calibration_batches(before, chosen.data, order.images)
    found = QUANTISE[to](source, batches, attached, measure, order.max_drop)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"model{SUFFIXES[to]}"
        found.save(target, description.to_json())
        after = open_model(target)
        figures = Int8Figures(
            metric,
            chosen.data.name,
            chosen.data.fingerprint,
            images,
            measure(before.session),
            measure(after.session),
            size_of(source, *companions(source)),
            size_of(target, *companions(target)),
            take_turns(before, after, batches[0]),
            found.weight_bits,
            chosen.notes,
        )
    check_drop(figures, order.max_drop)
    return found, figures
