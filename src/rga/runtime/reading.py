"""Images for a graph, in batches: read and prepared by threads, without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.checks import check_at_least, check_workers
from rga.images.images import DamagedImageError
from rga.images.inputs import ImageLike, as_image

Prepare = Callable[[Image.Image], NDArray[np.float32]]
Progress = Callable[[int, int], None]
OnDamaged = Callable[[int, DamagedImageError], None]

ONE_AT_A_TIME = Lock()
"""Held while an image of Pillow is read: it may be there several times, and reads from one file."""


def read_batches(
    images: Sequence[ImageLike],
    prepare: Prepare,
    size: int,
    threads: int,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Batches of prepared images, (B, ...) each.

    Args:
        images: in their order.
        prepare: an image -> what the network takes of it.
        size: images in a batch; the last one may be smaller, as one with damaged images is.
        threads: that read images; 0 reads in this one.
        progress: called after each batch with the images that are done, and of how many.
        on_damaged: called with the index and the error of each file that is no image or a damaged one, which is left out; None for an
            error at the first of them.

    Raises:
        DamagedImageError: a file cannot be read; it is named.
        NotAnImageError: something is no image.
    """
    check_at_least(1, batch_size=size)
    check_workers(threads)
    read = partial(one, images, prepare, damaged_are_values=on_damaged is not None)
    with ThreadPoolExecutor(threads) if threads else nullcontext() as pool:
        for start in range(0, len(images), size):
            indices = range(start, min(start + size, len(images)))
            found = list((pool.map if pool is not None else map)(read, indices))
            for index, each in zip(indices, found, strict=True):
                if isinstance(each, DamagedImageError):
                    assert on_damaged is not None
                    on_damaged(index, each)
            whole = [each for each in found if not isinstance(each, DamagedImageError)]
            if whole:
                yield np.stack(whole)
            if progress is not None:
                progress(indices[-1] + 1, len(images))


def one(images: Sequence[ImageLike], prepare: Prepare, index: int, *, damaged_are_values: bool) -> NDArray[np.float32] | DamagedImageError:
    """A prepared image; or the error of a damaged one, which is raised where it is no value."""
    image = images[index]
    try:
        with ONE_AT_A_TIME if isinstance(image, Image.Image) else nullcontext():
            shown = as_image(image, f"image {index}")
        return prepare(shown)
    except DamagedImageError as error:
        if not damaged_are_values:
            raise
        return error
