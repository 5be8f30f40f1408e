"""A model measured on a split of a dataset, image by image, with COCO's metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch.utils.data import Dataset

from rga.attachment.probe import evaluating
from rga.datasets.names import check_names
from rga.datasets.splits import Split
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.masks import coco_masks
from rga.detection.datasets.samples import DetectionData, Sample
from rga.detection.datasets.targets import read_checked
from rga.detection.metrics import EncodedDetections, coco_metrics
from rga.detection.model import DetectionModel
from rga.detection.result import DetectionResult
from rga.training.distributed import processes
from rga.training.input.reading import read_samples

Progress = Callable[[int, int], None]
"""Told how many images are done, of how many."""


class SampleImages(Dataset[Image.Image]):
    """Images, checked against their annotations; the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        """How many."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Image.Image:
        """One image."""
        return read_checked(self.samples[index])


def detections_in(model: DetectionModel, samples: Sequence[Sample], num_workers: int) -> Iterator[EncodedDetections]:
    """What a model finds in each image, however sure."""
    with evaluating(model), torch.inference_mode():
        for image in read_samples(SampleImages(samples), num_workers):
            yield EncodedDetections.of(model.found_in(image))


def evaluate_model(
    model: DetectionModel,
    samples: Sequence[Sample],
    classes: Categories,
    *,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> DetectionResult:
    """Measures a model; of several processes each looks at a part of the images, and all have the result.

    Args:
        model: to measure.
        samples: images whose objects are known, of any sizes.
        classes: of the objects: the model's by name, in the same order; their numbers may differ.
        num_workers: processes that read images; 0 reads in this one.
        progress: told after each image of this process's part.

    Raises:
        InputError: the categories are not the model's, or no object counts.
        DataError: an image is of another size than its annotations say.
        DamagedImageError: an image cannot be read.
        MissingPackageError: pycocotools is not installed.
    """
    check_names(classes.names, model.classes.names, things="categories", where="their numbers")
    coco_masks()  # asked for before the work
    part = processes.share(samples)
    own = []
    for done, found in enumerate(detections_in(model, part, num_workers), start=1):
        own.append(found)
        if progress is not None:
            progress(done, len(part))
    shared = [(sample, found) for each in processes.gather(list(zip(part, own, strict=True))) for sample, found in each]
    objects = [sample.objects or () for sample, _ in shared]
    answers = [found for _, found in shared]
    sizes = [sample.size for sample, _ in shared]
    drawn = all(each.segmentation is not None for those in objects for each in those)
    return DetectionResult(
        coco_metrics(objects, answers, sizes, classes, "bbox"),
        coco_metrics(objects, answers, sizes, classes, "segm") if drawn else None,
        classes.names,
        len(shared),
        sum(len(sample.told) for sample, _ in shared),
    )


@dataclass(frozen=True)
class DetectionOptions:
    """How a detection model is evaluated.

    Attributes:
        split: Split to evaluate on; its objects must be known.
    """

    split: Split = "val"

    @property
    def label(self) -> str:
        """What the name of a file with results says besides the dataset."""
        return self.split


def evaluate_split(
    model: DetectionModel,
    data: DetectionData,
    options: DetectionOptions | None = None,
    *,
    batch_size: int = 1,  # noqa: ARG001  images have different sizes and are looked at one by one
    num_workers: int = 0,
    progress: Progress | None = None,
) -> DetectionResult:
    """Measures a model on a split of a dataset; see ``evaluate_model``."""
    samples = data.labelled((options or DetectionOptions()).split)
    return evaluate_model(model, samples, data.classes, num_workers=num_workers, progress=progress)
