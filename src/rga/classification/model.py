"""The classifier: a trunk with attention and its own classification layer; and what it is used for, naming what pictures show.

Saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rga.attachment import attach
from rga.backbones.catalog import create_trunk
from rga.backbones.model import TrunkModel
from rga.backbones.options import check_options
from rga.classification.transforms import evaluation_transform
from rga.images.images import Picture, as_image
from rga.images.preprocessing import Preprocessing
from rga.training.input.reading import read_batches

TASK = "classification"
"""What the configuration of a saved model calls its task."""


@dataclass(frozen=True)
class Answer:
    """One thing that a picture may show.

    Attributes:
        label: name of the class.
        probability: in [0, 1].
    """

    label: str
    probability: float


class ClassificationModel(TrunkModel, tags=["image-classification"]):
    """An image classification network.

    Args:
        trunk: name of a CNN: our own for small pictures, or timm's.
        classes: names of what it tells apart, two or more.
        trunk_options: options of the trunk.
        size: height and width of its input.
        middle: share of a picture's shorter side that is shown to it.
        attention: name of an attention, ``"none"`` for a plain trunk.
        attention_options: options of the attention.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        mean: of the pixels, by channel; None for what the trunk's pretrained weights expect.
        std: of the pixels, by channel; likewise.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        task: of a saved model; no other is read.

    Raises:
        ValueError: there are fewer than two classes, the saved model is of another task, or trunk or attention are unknown.

    Example:
        >>> model = ClassificationModel("cifar-resnet20", classes=["cat", "dog", "owl"], size=32)
        >>> model(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        trunk: str,
        classes: Sequence[str],
        *,
        trunk_options: Mapping[str, Any] | None = None,
        size: int = 224,
        middle: float = 1.0,
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        trained_on: Mapping[str, str] | None = None,
        metrics: Mapping[str, Any] | None = None,
        task: str = TASK,
    ) -> None:
        super().__init__()
        if task != TASK:
            raise ValueError(f"this is a model for {task}, not for {TASK}")
        if len(classes) < 2:
            raise ValueError(f"a classifier tells two classes or more apart, got {len(classes)}")
        self.classes = tuple(classes)
        self.set_preprocessing(trunk, size, size, mean, std)
        self.middle = middle
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        self.trunk = create_trunk(trunk, num_classes=len(classes), **check_options(trunk_options or {}))
        attach(self.trunk, attention, image_size=(size, size), after=attention_after, **dict(attention_options or {}))

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, size, size) -> scores (B, classes)."""
        scores: Tensor = self.trunk(images)
        return scores

    @torch.inference_mode()
    def probabilities(self, pictures: Iterable[Picture], *, batch_size: int = 64, workers: int = 0) -> NDArray[np.float32]:
        """How likely each picture shows each class.

        Args:
            pictures: PIL images of any mode, paths, or (H, W, 3) arrays of bytes; any sizes.
            batch_size: pictures at a time.
            workers: processes that read pictures; 0 reads in this one.

        Returns:
            (n, classes), each row sums to 1.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            TypeError: something is no picture.
        """
        return self.probabilities_of(Shown(list(pictures), self.preprocessing, self.middle), batch_size, workers)

    @torch.inference_mode()
    def probabilities_of(self, images: Dataset[Tensor], batch_size: int, workers: int) -> NDArray[np.float32]:
        """The same for images that are tensors (3, size, size) already."""
        was_training = self.training
        self.eval()
        shown = read_batches(images, batch_size, workers)
        batches = [self(self.taken(batch)).float().softmax(1).cpu() for batch in shown]
        self.train(was_training)
        rows: NDArray[np.float32] = torch.cat([torch.zeros(0, len(self.classes)), *batches]).numpy()
        return rows

    def classify(self, pictures: Iterable[Picture], *, top: int = 5, batch_size: int = 64, workers: int = 0) -> list[list[Answer]]:
        """What each picture shows, the likeliest first.

        Args:
            pictures: as for ``probabilities``.
            top: answers for each picture, at most as many as there are classes.
            batch_size: pictures at a time.
            workers: processes that read pictures.

        Example:
            >>> from PIL import Image
            >>> model = ClassificationModel("cifar-resnet20", classes=["cat", "dog"], size=32)
            >>> [[answers]] = [model.classify([Image.new("L", (50, 40))])]
            >>> sorted(answer.label for answer in answers)
            ['cat', 'dog']
        """
        if top < 1:
            raise ValueError(f"top must be at least 1, got {top}")
        rows = self.probabilities(pictures, batch_size=batch_size, workers=workers)
        orders = np.argsort(-rows, axis=1, kind="stable")[:, :top]
        return [
            [Answer(self.classes[place], float(row[place])) for place in order.tolist()] for row, order in zip(rows, orders, strict=True)
        ]


class Shown(Dataset[Tensor]):
    """Pictures as normalised tensors, for classification.

    Args:
        pictures: whatever shows them.
        preprocessing: of the network.
        middle: see ``ClassificationModel``.
    """

    def __init__(self, pictures: Sequence[Picture], preprocessing: Preprocessing, middle: float) -> None:
        self.pictures = pictures
        self.transform = evaluation_transform(preprocessing, middle)

    def __len__(self) -> int:
        """How many."""
        return len(self.pictures)

    def __getitem__(self, index: int) -> Tensor:
        """One picture (3, size, size)."""
        image: Tensor = self.transform(as_image(self.pictures[index]))
        return image
