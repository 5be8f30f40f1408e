"""What a model loses and gains in 8-bit integers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.checks import check_at_least
from rga.datasets.spec import DataSpec
from rga.deploy.agreement import MOST_PIXELS
from rga.errors import InputError, RgaError
from rga.runtime.description import OUTPUTS
from rga.runtime.model import RuntimeModel

BATCHES = (1, 16)
"""Images at a time when time is measured."""
ROUNDS = 15
WARM_UP = 3


class AccuracyDropError(RgaError, ValueError):
    """A model loses more in 8-bit integers than is allowed."""


@dataclass(frozen=True)
class Int8:
    """An order for a model in 8-bit integers.

    Attributes:
        data: the dataset, as text NAME:FOLDER?option=value. Training images calibrate, the test measures. By default that of the training.
        images: how many training images calibrate.
        max_drop: how much of the main metric may be lost, as a fraction: .01 is a point of mAP, mIoU or accuracy.

    Raises:
        InputError: a number is out of its range.
    """

    data: DataSpec | str | None = None
    images: int = 300
    max_drop: float = 0.01

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_at_least(1, images=self.images)
        if not 0 <= self.max_drop < 1:
            raise InputError(f"max_drop must be at least 0 and below 1, got {self.max_drop}: .01 is a point of the metric")


@dataclass(frozen=True)
class Int8Figures:
    """A file in 8-bit integers beside the same in float32.

    Attributes:
        metric: the main metric of the task.
        data: name of the dataset.
        fingerprint: of the dataset.
        images: of the training that calibrated.
        before: the metric of the file in float32, as a fraction.
        after: of the file in 8-bit integers.
        bytes_before: size of the file in float32.
        bytes_after: of the file in 8-bit integers.
        weight_bits: of the weights: 7 where the CPU that wrote the file would saturate sums of 8-bit products.
        notes: what a reader of the metric should know of how the data were read, as sentences.
        milliseconds: images at a time -> time of a batch in float32 and in 8-bit integers, on this machine.
    """

    metric: str
    data: str
    fingerprint: str
    images: int
    before: float
    after: float
    bytes_before: int
    bytes_after: int
    milliseconds: Mapping[int, tuple[float, float]]
    weight_bits: int = 8
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = f"{self.bytes_before / 2**20:.1f} -> {self.bytes_after / 2**20:.1f} MiB"
        times = "; ".join(f"batch {batch}: {slow:.1f} -> {fast:.1f} ms" for batch, (slow, fast) in self.milliseconds.items())
        metric = f"{self.metric} on {self.data} {self.before:.2%} -> {self.after:.2%}"
        return f"int8, weights of {self.weight_bits} bits, calibrated on {self.images} images: {metric}; {size}; {times}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            **asdict(self),
            "notes": list(self.notes),
            "milliseconds": {str(batch): list(times) for batch, times in self.milliseconds.items()},
        }


def check_drop(figures: Int8Figures, max_drop: float) -> None:
    """Refuses a file that loses too much.

    Raises:
        AccuracyDropError: it does.
    """
    if not figures.before - figures.after <= max_drop:
        raise AccuracyDropError(
            f"the model in 8-bit integers loses too much: {figures.metric} on {figures.data} falls from {figures.before:.2%} to "
            f"{figures.after:.2%}, and {max_drop:.2%} may be lost: nothing was written. Calibrate on more images, export it without int8, "
            "or allow more with --max-drop"
        )


def take_turns(before: RuntimeModel, after: RuntimeModel, example: NDArray[np.float32]) -> dict[int, tuple[float, float]]:
    """Milliseconds of a batch of each size in both, medians of rounds in which they take turns.

    Args:
        before: a model.
        after: another that takes the same.
        example: a batch of one image.
    """
    output = OUTPUTS[before.description.task][-1]
    found = {}
    for size in BATCHES:
        if size > 1 and size * example[0, 0].size > MOST_PIXELS:
            continue
        batch = np.repeat(example, size, axis=0)
        times: tuple[list[float], list[float]] = ([], [])
        for each in range(WARM_UP + ROUNDS):
            for model, kept in zip((before, after), times, strict=True):
                start = time.perf_counter()
                model.run(batch, output)
                if each >= WARM_UP:
                    kept.append(1e3 * (time.perf_counter() - start))
        found[size] = (median(times[0]), median(times[1]))
    return found


def size_of(*files: Path) -> int:
    """Bytes of files together."""
    return sum(file.stat().st_size for file in files)
