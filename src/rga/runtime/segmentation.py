"""Label maps of images from a file of ONNX: whole or by windows, at several scales, as ``rga.segmentation.sliding`` does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.images.inputs import ImageLike, as_image, as_images
from rga.runtime.description import Task
from rga.runtime.interpolation import on_pixels, resized, softmax
from rga.runtime.model import RuntimeModel
from rga.runtime.reading import OnDamaged
from rga.segmentation.cells import Size, padded_size
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.inference import Inference, scaled, windows
from rga.segmentation.result import Segmentation

Maps = NDArray[np.float32]


class RuntimeSegmentation(RuntimeModel):
    """A segmentation network."""

    task: ClassVar[Task] = "segmentation"

    @cached_property
    def classes(self) -> Classes:
        """What is told apart."""
        return Classes.from_dict(self.description.classes)

    @property
    def fixed_size(self) -> Size | None:
        """The one size of images that the graph takes; None if it takes any."""
        return None if self.description.any_size else self.preprocessing.size

    def segment(
        self, images: ImageLike | Iterable[ImageLike], *, inference: Inference | None = None, on_damaged: OnDamaged | None = None
    ) -> list[Segmentation]:
        """What the model sees in images.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths or arrays; see ``rga.images.inputs``.
            inference: whole or in windows, at which scales; by default one scale, in windows where the graph takes one size alone.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which is left out; None for an
                error at the first of them.

        Returns:
            For each image its labels and their confidence, at the image's size; one image gives a list of one.

        Raises:
            InputError: the windows have not the size that the graph takes.
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.
        """
        chosen = self.chosen(inference or Inference())
        found = []
        for index, image in enumerate(as_images(images)):
            try:
                pixels = self.preprocessing.as_array(as_image(image, f"image {index}"))
            except DamagedImageError as error:
                if on_damaged is None:
                    raise
                on_damaged(index, error)
                continue
            probabilities = self.probabilities(pixels, chosen)
            labels = probabilities.argmax(0)
            confidence = np.take_along_axis(probabilities, labels[None], 0)[0]
            found.append(Segmentation(labels.astype(np.uint8), confidence.astype(np.float32, copy=False)))
        return found

    def chosen(self, inference: Inference) -> Inference:
        """The inference with windows, where the graph takes images of one size alone and none were chosen.

        Raises:
            InputError: others were chosen.
        """
        if self.fixed_size is None:
            return inference
        if inference.window not in (None, self.fixed_size):
            raise InputError(f"{self.session.path} takes windows of {self.fixed_size} alone, got {inference.window}")
        return replace(inference, window=self.fixed_size)

    def probabilities(self, image: Maps, inference: Inference) -> Maps:
        """The probabilities of the classes (classes, H, W) for each pixel of a normalised image (3, H, W).

        Raises:
            InputError: the graph's scores are not finite.
        """
        size: Size = (image.shape[1], image.shape[2])
        total: Maps | None = None
        views = list(product(inference.scales, (False, True) if inference.flip else (False,)))
        for scale, flip in views:
            shown = resized(image, scaled(size, scale * self.description.resolution))
            found = self.on_size(shown[:, :, ::-1] if flip else shown, inference)
            found = resized(np.ascontiguousarray(found[:, :, ::-1] if flip else found), size)
            total = found if total is None else total + found
        assert total is not None
        if not np.isfinite(total).all():
            raise InputError("the network's scores are not finite: its weights are those of a training that diverged, or damaged")
        return total / np.float32(len(views))

    def on_size(self, image: Maps, inference: Inference) -> Maps:
        """The probabilities (classes, H, W) for an image (3, H, W), whole or in windows."""
        size: Size = (image.shape[1], image.shape[2])
        if inference.window is None:
            return self.of_padded(image, padded_size(size, self.description.multiple))
        height, width = inference.window
        shown = inference.window if self.fixed_size else padded_size(inference.window, self.description.multiple)
        total: Maps | None = None
        times = np.zeros(size, np.float32)
        for top, left in windows(size, inference.window, inference.overlap):
            found = self.of_padded(image[:, top : top + height, left : left + width], shown)
            rows, columns = found.shape[1:]
            if (rows, columns) == size:
                return found
            if total is None:
                total = np.zeros((len(found), *size), np.float32)
            total[:, top : top + rows, left : left + columns] += found
            times[top : top + rows, left : left + columns] += 1
        assert total is not None
        return total / times

    def of_padded(self, image: Maps, shown: Size) -> Maps:
        """The probabilities (classes, H, W) for an image (3, H, W) that is shown to the network padded with the mean, which is 0."""
        size: Size = (image.shape[1], image.shape[2])
        padded = np.zeros((1, 3, *shown), np.float32)
        padded[0, :, : size[0], : size[1]] = image
        return softmax(on_pixels(self.run(padded, "scores")[0][0], size, shown), 0)
