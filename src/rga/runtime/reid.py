"""Features of people from a file of ONNX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.checks import check_at_least
from rga.errors import InputError
from rga.images.inputs import ImageLike, as_images
from rga.ranking.open_set.threshold import Threshold
from rga.runtime.description import Task
from rga.runtime.model import RuntimeModel
from rga.runtime.reading import OnDamaged, Progress, read_batches

Features = NDArray[np.float32]


class RuntimeReid(RuntimeModel):
    """A re-ID network."""

    task: ClassVar[Task] = "reid"

    @property
    def feature(self) -> str:
        """What ``embed`` returns: ``"pooled"`` before the neck, ``"neck"`` after it."""
        return self.description.feature

    @property
    def threshold(self) -> Threshold | None:
        """Up to which distance images are of the same person; None where it was not calibrated."""
        kept = self.description.threshold
        return None if kept is None else Threshold.from_dict(kept)

    def embed(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        batch_size: int = 64,
        num_workers: int = 0,
        flip: bool = False,
        feature: str | None = None,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> Features:
        """Feature vectors of images of persons; compare them by cosine.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths or arrays; see ``rga.images.inputs``.
            batch_size: images at a time.
            num_workers: threads that read images; 0 reads in this one.
            flip: average the features of each image and its mirror image.
            feature: ``"pooled"`` or ``"neck"``; the model's own choice by default.
            progress: called after each batch with the images that are done, and of how many.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which gets no row; None for an
                error at the first of them.

        Returns:
            (n, D), not normalised; one image gives one row.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.
            InputError: the file has no such feature.
        """
        chosen = feature or self.feature
        if chosen not in self.output_names:
            raise InputError(f"{self.session.path} has no feature {chosen!r}: it has {', '.join(self.output_names)}")
        found = self.embed_both(images, batch_size, num_workers, flip, progress, on_damaged, features=(chosen,))
        return np.concatenate(found[chosen])

    def embed_both(
        self,
        images: ImageLike | Iterable[ImageLike],
        batch_size: int,
        num_workers: int,
        flip: bool,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
        *,
        features: Sequence[str] | None = None,
    ) -> dict[str, list[Features]]:
        """Features in batches, all by default; see ``embed``."""
        check_at_least(1, batch_size=batch_size)
        features = tuple(features or self.output_names)
        size = (self.preprocessing.width, self.preprocessing.height)

        in_bytes = self.description.takes == "bytes"

        def prepare(image: Image.Image) -> NDArray[Any]:
            if in_bytes:
                return np.asarray(image)
            return self.preprocessing.as_array(image if image.size == size else image.resize(size, Image.Resampling.BILINEAR))

        found: dict[str, list[Features]] = {name: [] for name in features}
        listed = list(as_images(images))
        for batch in read_batches(listed, prepare, 1 if in_bytes else batch_size, num_workers, progress, on_damaged):
            both = self.run(batch, *features)
            if flip:
                mirrored = np.ascontiguousarray(batch[:, :, ::-1] if in_bytes else batch[..., ::-1])
                both = [(a + b) / np.float32(2) for a, b in zip(both, self.run(mirrored, *features), strict=True)]
            for name, rows in zip(features, both, strict=True):
                found[name].append(rows)
        if found[features[0]]:
            return found
        return {name: [np.zeros((0, self.width(name)), np.float32)] for name in features}

    def width(self, feature: str) -> int:
        """How many numbers a feature has."""
        width: Any = self.session.outputs[self.output_names[feature]][-1]
        return int(width)
