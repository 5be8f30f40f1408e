"""Classes of images from a file of ONNX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.classification.answers import Answer, check_top, likeliest
from rga.images.inputs import ImageLike, as_images
from rga.runtime.description import Task
from rga.runtime.interpolation import middle, softmax
from rga.runtime.model import RuntimeModel
from rga.runtime.reading import OnDamaged, Progress, read_batches


class RuntimeClassification(RuntimeModel):
    """An image classification network."""

    task: ClassVar[Task] = "classification"

    @property
    def classes(self) -> tuple[str, ...]:
        """What is told apart."""
        return tuple(self.description.classes["names"])

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
            images: one image or many, of any sizes: PIL images of any mode, paths or arrays; see ``rga.images.inputs``.
            batch_size: images at a time.
            num_workers: threads that read images; 0 reads in this one.
            progress: called after each batch with the images that are done, and of how many.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which gets no row; None for an
                error at the first of them.

        Returns:
            (n, classes), each row sums to 1; one image gives one row.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.
        """
        size, crop_pct = self.preprocessing.height, self.description.crop_pct

        def prepare(image: Image.Image) -> NDArray[np.float32]:
            return self.preprocessing.as_array(middle(image, size, crop_pct))

        read = read_batches(list(as_images(images)), prepare, batch_size, num_workers, progress, on_damaged)
        found = [softmax(self.run(batch, "scores")[0], 1) for batch in read]
        return np.concatenate([np.zeros((0, len(self.classes)), np.float32), *found])

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
            images: as for ``probabilities``, like all that follow but ``top``.
            top: answers for each image, at most as many as there are classes.
            batch_size: images at a time.
            num_workers: threads that read images.
            progress: see ``probabilities``.
            on_damaged: see ``probabilities``.
        """
        check_top(top)
        rows = self.probabilities(images, batch_size=batch_size, num_workers=num_workers, progress=progress, on_damaged=on_damaged)
        return likeliest(rows, self.classes, top)
