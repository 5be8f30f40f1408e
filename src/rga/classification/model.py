"""The classifier: a backbone with attention and its own classification layer; and what it is used for, naming what images show.

Saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rga.attachment import attach
from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.backbones.catalog import create_backbone
from rga.backbones.model import BackboneModel
from rga.backbones.options import check_options
from rga.classification.answers import Answer, check_top, likeliest
from rga.classification.transforms import evaluation_transform
from rga.errors import InputError
from rga.images.inputs import ImageLike, as_image, as_images
from rga.images.preprocessing import Preprocessing
from rga.training.input.reading import OnDamaged, Progress, read_batches

TASK = "classification"
"""What the configuration of a saved model calls its task."""


class ClassificationModel(BackboneModel, tags=["image-classification"]):
    """An image classification network.

    Args:
        backbone: name of a CNN: our own for small images, or timm's.
        classes: names of what it tells apart, two or more.
        backbone_options: options of the backbone.
        size: height and width of its input.
        crop_pct: share of an image's shorter side that is shown to it.
        attention: name of an attention, ``"none"`` for a plain backbone.
        attention_options: options of the attention.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        mean: of the pixels, by channel; None for what the backbone's pretrained weights expect.
        std: of the pixels, by channel; likewise.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        task: of a saved model; no other is read.

    Raises:
        InputError: there are fewer than two classes, the saved model is of another task, or backbone or attention are unknown.

    Example:
        >>> model = ClassificationModel("cifar-resnet20", classes=["cat", "dog", "owl"], size=32)
        >>> model(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        backbone: str,
        classes: Sequence[str],
        *,
        backbone_options: Mapping[str, Any] | None = None,
        size: int = 224,
        crop_pct: float = 1.0,
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        trained_on: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        task: str = TASK,
    ) -> None:
        super().__init__()
        if task != TASK:
            raise InputError(f"this is a model for {task}, not for {TASK}")
        if len(classes) < 2:
            raise InputError(f"a classifier tells two classes or more apart, got {len(classes)}")
        self.classes = tuple(classes)
        self.set_preprocessing(backbone, size, size, mean, std)
        self.crop_pct = crop_pct
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        self.backbone = create_backbone(
            backbone, num_classes=len(classes), image_size=(size, size), **check_options(backbone_options or {})
        )
        attach(self.backbone, attention, image_size=(size, size), after=attention_after, **dict(attention_options or {}))
        self.note_structure()

    def size_arguments(self, image_size: Grid) -> dict[str, Any]:
        """The argument of the constructor by which it takes images of a (height, width).

        Raises:
            InputError: they are not square.
        """
        if image_size[0] != image_size[1]:
            raise InputError(f"a model for classification takes square images, and image_size is {image_size}: name one size twice")
        return {"size": image_size[0]}

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, size, size) -> scores (B, classes)."""
        scores: Tensor = self.backbone(images)
        return scores

    def input_of(self, image: ImageLike) -> Tensor:
        """What the backbone sees of one image: (1, 3, size, size), normalised, on its device."""
        return self.as_input(evaluation_transform(self.preprocessing, self.crop_pct)(as_image(image))[None])

    @torch.inference_mode()
    def probabilities(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        batch_size: int = 64,
        num_workers: int = 0,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> NDArray[np.float32]:
        """How likely each image shows each class.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths, arrays or tensors; see ``rga.images.inputs``.
            batch_size: images at a time.
            num_workers: processes that read images; 0 reads in this one.
            progress: called after each batch with the images that are done, and of how many.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which gets no row; None for an
                error at the first of them.

        Returns:
            (n, classes), each row sums to 1; one image gives one row.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.
        """
        dataset = Shown(list(as_images(images)), self.preprocessing, self.crop_pct)
        return self.probabilities_of(dataset, batch_size, num_workers, progress, on_damaged)

    @torch.inference_mode()
    def probabilities_of(
        self,
        images: Dataset[Tensor],
        batch_size: int,
        num_workers: int,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> NDArray[np.float32]:
        """The same for images that are tensors (3, size, size) already."""
        with evaluating(self):
            read = read_batches(images, batch_size, num_workers, progress, on_damaged)
            batches = [self(self.as_input(batch)).float().softmax(1).cpu() for batch in read]
        rows: NDArray[np.float32] = torch.cat([torch.zeros(0, len(self.classes)), *batches]).numpy()
        return rows

    def classify(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        top: int = 5,
        batch_size: int = 64,
        num_workers: int = 0,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> list[list[Answer]]:
        """What each image shows, the likeliest first; one image gives a list of one.

        Args:
            images: as for ``probabilities``.
            top: answers for each image, at most as many as there are classes.
            batch_size: images at a time.
            num_workers: processes that read images.
            progress: see ``probabilities``.
            on_damaged: see ``probabilities``.

        Example:
            >>> from PIL import Image
            >>> model = ClassificationModel("cifar-resnet20", classes=["cat", "dog"], size=32)
            >>> [[answers]] = [model.classify([Image.new("L", (50, 40))])]
            >>> sorted(answer.label for answer in answers)
            ['cat', 'dog']
        """
        check_top(top)
        rows = self.probabilities(images, batch_size=batch_size, num_workers=num_workers, progress=progress, on_damaged=on_damaged)
        return likeliest(rows, self.classes, top)


class Shown(Dataset[Tensor]):
    """Images as normalised tensors, for classification.

    Args:
        images: whatever shows them.
        preprocessing: of the network.
        crop_pct: see ``ClassificationModel``.
    """

    def __init__(self, images: Sequence[ImageLike], preprocessing: Preprocessing, crop_pct: float) -> None:
        self.images = images
        self.transform = evaluation_transform(preprocessing, crop_pct)

    def __len__(self) -> int:
        """How many."""
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """One image (3, size, size)."""
        image: Tensor = self.transform(as_image(self.images[index], f"image {index}"))
        return image
