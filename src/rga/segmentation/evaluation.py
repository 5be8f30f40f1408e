"""A model measured on a split of a dataset, image by image at full size, into one confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from rga.attachment.probe import evaluating
from rga.datasets.names import check_names
from rga.datasets.splits import Split
from rga.images.preprocessing import Preprocessing
from rga.images.tensors import to_tensor
from rga.segmentation.confusion import confusion_matrix
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import Sample, SegmentationData
from rga.segmentation.inference import Inference
from rga.segmentation.model import SegmentationModel
from rga.segmentation.result import SegmentationResult
from rga.training.distributed import processes
from rga.training.input.reading import read_samples

Progress = Callable[[int, int], None]
"""Told how many images are done, of how many."""


class SampleImages(Dataset[tuple[Tensor, NDArray[np.uint8]]]):
    """Images as normalised tensors (3, H, W) with their masks (H, W); the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample], classes: Classes, preprocessing: Preprocessing) -> None:
        self.samples = samples
        self.classes = classes
        self.transform = v2.Compose(to_tensor(preprocessing))

    def __len__(self) -> int:
        """How many."""
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, NDArray[np.uint8]]:
        """One image and its mask."""
        image, labels = read_sample(self.samples[index], self.classes)
        return self.transform(image), labels


def predictions(
    model: SegmentationModel, samples: Sequence[Sample], classes: Classes, inference: Inference, num_workers: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The mask of each image, read by the data's own classes, and what the model makes of the image: (H, W) each."""
    device = next(model.parameters()).device
    images = SampleImages(samples, classes, model.preprocessing)
    with evaluating(model), torch.inference_mode():
        for image, labels in read_samples(images, num_workers):
            found = model.probabilities(image.to(device), inference).argmax(0)
            yield labels, found.to(torch.uint8).cpu().numpy()


def evaluate_model(
    model: SegmentationModel,
    samples: Sequence[Sample],
    classes: Classes,
    *,
    inference: Inference | None = None,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> SegmentationResult:
    """Measures a model; of several processes each predicts a part of the images, and all have the result.

    Args:
        model: to measure.
        samples: images with masks, of any sizes.
        classes: of the masks: those of the model by name, in the same order; values and colours are the data's own.
        inference: how images are predicted; by default at one scale.
        num_workers: processes that read images; 0 reads in this one.
        progress: told after each image of this process's part.

    Raises:
        InputError: the classes are not the model's, or no pixel counts.
        DataError: a mask holds what it must not, or is of another size than its image.
        DamagedImageError: an image or a mask cannot be read.
    """
    check_names(classes.names, model.classes.names, things="classes", where="the lines of the class file")
    inference = inference or Inference()
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    part = processes.share(samples)
    for done, (labels, found) in enumerate(predictions(model, part, classes, inference, num_workers), start=1):
        matrix += confusion_matrix(labels, found, len(classes))
        if progress is not None:
            progress(done, len(part))
    matrix = processes.gather_rows(torch.from_numpy(matrix)[None]).sum(0).numpy()
    return SegmentationResult(matrix, classes.names, len(samples), str(model.chosen(inference)))


@dataclass(frozen=True)
class SegmentationOptions:
    """How a segmentation model is evaluated.

    Attributes:
        split: Split to evaluate on; it must have masks.
        window: Height and width of sliding windows; by default images are predicted whole, where the attention takes any size.
        scales: Scales at which images are predicted; the probabilities are averaged.
        flip: Also predict mirror images.
    """

    split: Split = "val"
    window: tuple[int, int] | None = None
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    @property
    def label(self) -> str:
        """What the name of a file with results says besides the dataset."""
        return self.split

    def __post_init__(self) -> None:
        """Checks the ranges."""
        Inference(self.window, scales=self.scales, flip=self.flip)


def evaluate_split(
    model: SegmentationModel,
    data: SegmentationData,
    options: SegmentationOptions | None = None,
    *,
    batch_size: int = 1,  # noqa: ARG001  images have different sizes and are predicted one by one
    num_workers: int = 0,
    progress: Progress | None = None,
) -> SegmentationResult:
    """Measures a model on a split of a dataset; see ``evaluate_model``."""
    options = options or SegmentationOptions()
    inference = Inference(options.window, scales=options.scales, flip=options.flip)
    samples = data.labelled(options.split)
    return evaluate_model(model, samples, data.classes, inference=inference, num_workers=num_workers, progress=progress)
