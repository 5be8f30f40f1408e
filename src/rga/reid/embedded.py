"""A dataset's query and gallery as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.errors import InputError
from rga.reid.datasets.check import check_findable
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.model import Feature, ReidModel
from rga.reid.video.frames import TestFrames
from rga.training.distributed import processes
from rga.training.input.reading import Progress

Integers = npt.NDArray[np.int64]
Features = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """Features and labels of a query and a gallery.

    Attributes:
        query: (queries, D).
        query_ids: (queries,).
        query_cameras: (queries,), or None where cameras are not known.
        gallery: (gallery, D).
        gallery_ids: (gallery,).
        gallery_cameras: (gallery,) or None.
    """

    query: Features
    query_ids: Integers
    query_cameras: Integers | None
    gallery: Features
    gallery_ids: Integers
    gallery_cameras: Integers | None

    @property
    def labels(self) -> tuple[Integers, Integers | None, Integers, Integers | None]:
        """In the order in which ``rga.reid.evaluate_distances`` takes them."""
        return self.query_ids, self.query_cameras, self.gallery_ids, self.gallery_cameras

    @classmethod
    def of(cls, query: Features, gallery: Features, data: ReidData) -> Embedded:
        """Features of a dataset's query and gallery, whatever computed them, with the dataset's labels."""
        return cls(query, *labels(data.query, data.has_cameras), gallery, *labels(data.gallery, data.has_cameras))


def embed_data(
    model: ReidModel,
    data: ReidData,
    *,
    batch_size: int = 128,
    num_workers: int = 0,
    flip: bool = False,
    frames: TestFrames = "spread",
    progress: Progress | None = None,
) -> dict[Feature, Embedded]:
    """Embeds a dataset's query and gallery, by the feature before and after the neck; several processes embed a part each, and have all.

    Args:
        model: to embed with.
        data: of images or of tracklets.
        batch_size: images, or frames, at a time.
        num_workers: processes that read images.
        flip: average the features of each image and its mirror image.
        frames: which frames of tracklets are seen.
        progress: called after each batch.

    Raises:
        InputError: the data have no query and gallery, no query has anything to find, or frames are chosen of images.
    """
    if not data.query:
        raise InputError(f"dataset {data.name!r} has no query and gallery to evaluate on")
    check_findable(data)
    samples = processes.share([*data.query, *data.gallery])
    both = embed_samples(model, samples, batch_size, num_workers, flip=flip, frames=frames, progress=progress)
    found = {}
    for feature, batches in both.items():
        query, gallery = np.split(processes.gather_rows(torch.cat(batches)).numpy(), [len(data.query)])
        found[feature] = Embedded.of(query, gallery, data)
    return found


def embed_samples(
    model: ReidModel,
    samples: Sequence[Sample],
    batch_size: int,
    num_workers: int,
    *,
    flip: bool = False,
    frames: TestFrames = "spread",
    progress: Progress | None = None,
) -> dict[Feature, list[Tensor]]:
    """Features of images, or of tracklets, before and after the neck, in batches on the CPU.

    Raises:
        InputError: frames are chosen of images.
    """
    if any(sample.is_tracklet for sample in samples):
        return model.embed_both_of_tracklets([each.files for each in samples], frames, batch_size, num_workers, flip, progress)
    if frames != "spread":
        raise InputError(f"frames={frames} is an option of tracklets, and the data are images: leave it out")
    return model.embed_both([sample.path for sample in samples], batch_size, num_workers, flip, progress)


def labels(samples: tuple[Sample, ...], has_cameras: bool) -> tuple[Integers, Integers | None]:
    """Identities and cameras of samples."""
    cameras = np.array([sample.camera for sample in samples]) if has_cameras else None
    return np.array([sample.identity for sample in samples]), cameras
