"""What a network sees of some images: the batches from which the ranges of its maps are taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.classification.datasets.samples import ClassificationData
from rga.errors import InputError
from rga.images.inputs import ImageLike
from rga.reid.datasets.samples import ReidData
from rga.runtime.classification import RuntimeClassification
from rga.runtime.model import RuntimeModel
from rga.runtime.reid import RuntimeReid
from rga.runtime.segmentation import RuntimeSegmentation
from rga.runtime.session import Session

SEED = 0
"""Of the choice of images."""

MOST_BYTES = 1 << 30
"""Of all batches together: no more images are taken when they have so many."""

Batches = list[NDArray[np.float32]]


class Watched:
    """A graph that keeps what it is run on.

    Args:
        session: the graph.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.path = session.path
        self.seen: Batches = []

    @property
    def description(self) -> str | None:
        """What the file says."""
        return self.session.description

    @property
    def inputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each input."""
        return self.session.inputs

    @property
    def outputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each output."""
        return self.session.outputs

    def run(self, name: str, images: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """The outputs for a batch, which is kept."""
        self.seen.append(images.copy())
        return self.session.run(name, images, outputs)


def calibration_batches(model: RuntimeModel, data: Any, count: int) -> tuple[Batches, int]:
    """What the network sees when the model predicts images of a training split.

    Args:
        model: in a file.
        data: of its task.
        count: how many images, chosen at random, or all there are.

    Returns:
        Batches of one image, (1, 3, H, W) each, of which a large image in windows gives several; and of how many images they are.

    Raises:
        InputError: there is no training split.
    """
    images = training_images(data, count)
    watched = Watched(model.session)
    same = type(model)(watched, model.description, model.input_name, dict(model.output_names))
    taken = 0
    for image in images:
        if sum(batch.nbytes for batch in watched.seen) >= MOST_BYTES:
            break
        if isinstance(same, RuntimeReid):
            same.embed(image)
        elif isinstance(same, RuntimeClassification):
            same.probabilities(image)
        else:
            assert isinstance(same, RuntimeSegmentation)
            same.segment(image)
        taken += 1
    return watched.seen, taken


def training_images(data: Any, count: int) -> list[ImageLike]:
    """Images of a training split, chosen at random; never those of a test, on which the result is measured."""
    check_training_images(data)
    chosen = np.random.default_rng(SEED).permutation(len(data.train))[:count]
    if isinstance(data, ReidData):
        return [data.train[index].path for index in chosen]
    if isinstance(data, ClassificationData):
        return [data.train.images[index] for index in chosen]
    found: list[ImageLike] = [Path(data.train[index].image) for index in chosen]
    return found


def check_training_images(data: Any) -> None:
    """Raises an InputError for data without a training split."""
    if not len(data.train):
        raise InputError(f"dataset {data.name!r} has no images to train on, which int8 is calibrated on: name a dataset that has some")
