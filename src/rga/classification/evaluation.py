"""A classifier measured on a split of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.utils.data import Subset

from rga.classification.batches import TestImages
from rga.classification.datasets.samples import ClassificationData
from rga.classification.metrics import evaluate
from rga.classification.model import ClassificationModel
from rga.classification.result import ClassificationResult
from rga.classification.transforms import evaluation_transform
from rga.datasets.splits import SPLITS, Split
from rga.errors import InputError
from rga.training.distributed import processes


@dataclass(frozen=True)
class ClassificationOptions:
    """How a classifier is evaluated.

    Attributes:
        split: Split to evaluate on; by default test, or val where there is no test.
    """

    split: Split | None = None

    @property
    def label(self) -> str:
        """What the name of a file with results says besides the dataset."""
        return self.split or ""


def evaluate_model(
    model: ClassificationModel,
    data: ClassificationData,
    options: ClassificationOptions | None = None,
    *,
    batch_size: int = 256,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ClassificationResult:
    """Measures a model on a split of a dataset; of several processes each sees a part of the images, and all have the result.

    Args:
        model: to measure.
        data: its classes are the model's.
        options: the split.
        batch_size: images at a time.
        num_workers: processes that read images; 0 reads in this one.
        progress: called after each batch with the images that are done, and of how many.

    Raises:
        InputError: there is no such split, or its classes are not the model's.
    """
    wanted = (options or ClassificationOptions()).split
    split = wanted or ("test" if len(data.test) else "val")
    images = data.split(split)
    if not len(images):
        there = ", ".join(f"{name} ({len(data.split(name))})" for name in SPLITS if len(data.split(name)))
        raise InputError(f"dataset {data.name!r} at {data.root} has no images {f'in {wanted}' if wanted else 'to test on'}: it has {there}")
    if data.classes != model.classes:
        raise InputError(
            f"the model has {len(model.classes)} classes ({', '.join(model.classes[:3])}, ...), dataset {data.name!r} has "
            f"{len(data.classes)} ({', '.join(data.classes[:3])}, ...): evaluate it on the classes that it was trained on"
        )
    tensors = TestImages(images, evaluation_transform(model.preprocessing, model.crop_pct))
    part = Subset(tensors, processes.share(range(len(images))))
    rows = processes.gather_rows(torch.from_numpy(model.probabilities_of(part, batch_size, num_workers, progress)))
    return replace(evaluate(rows.numpy(), images.labels, data.classes), split=split)
