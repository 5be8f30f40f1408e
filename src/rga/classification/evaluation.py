"""A classifier measured on the test split of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils.data import Subset

from rga.classification.batches import TestImages
from rga.classification.datasets.samples import ClassificationData
from rga.classification.metrics import evaluate
from rga.classification.model import ClassificationModel
from rga.classification.result import ClassificationResult
from rga.classification.transforms import evaluation_transform
from rga.errors import InputError
from rga.training.distributed import processes


@dataclass(frozen=True)
class ClassificationOptions:
    """A classifier is evaluated in one way."""

    @property
    def label(self) -> str:
        """What the name of a file with results says besides the dataset."""
        return ""


def evaluate_model(
    model: ClassificationModel,
    data: ClassificationData,
    options: ClassificationOptions | None = None,  # noqa: ARG001  of one shape with the other tasks
    *,
    batch_size: int = 256,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ClassificationResult:
    """Measures a model on the test split of a dataset; of several processes each sees a part of the images, and all have the result.

    Args:
        model: to measure.
        data: its classes are the model's.
        options: there are none.
        batch_size: images at a time.
        num_workers: processes that read images; 0 reads in this one.
        progress: called after each batch with the images that are done, and of how many.

    Raises:
        InputError: there is no test split, or its classes are not the model's.
    """
    if not len(data.test):
        raise InputError(f"dataset {data.name!r} at {data.root} has no images to test on")
    if data.classes != model.classes:
        raise InputError(
            f"the model has {len(model.classes)} classes ({', '.join(model.classes[:3])}, ...), dataset {data.name!r} has "
            f"{len(data.classes)} ({', '.join(data.classes[:3])}, ...): evaluate it on the classes that it was trained on"
        )
    images = TestImages(data.test, evaluation_transform(model.preprocessing, model.crop_pct))
    part = Subset(images, processes.share(range(len(images))))
    rows = processes.gather_rows(torch.from_numpy(model.probabilities_of(part, batch_size, num_workers, progress)))
    return evaluate(rows.numpy(), data.test.labels, data.classes)
