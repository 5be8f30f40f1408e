"""Images and their masks, put together by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rga.datasets.layout import DataError, by_stem
from rga.images.listing import LOSSLESS, image_names
from rga.segmentation.datasets.samples import Sample


def paired(images: Mapping[str, Path], masks: Mapping[str, Path], folder: Path) -> tuple[Sample, ...]:
    """Samples of images and masks that share their keys, in the order of these.

    Args:
        images: key -> image.
        masks: key -> mask.
        folder: where the masks are looked for, for the error.

    Raises:
        DataError: an image has no mask, or a mask no image.
    """
    for key, path in sorted(images.items()):
        if key not in masks:
            lacking = len(images.keys() - masks.keys())
            raise DataError(f"image {path} has no mask: expected one named {key!r} in {folder} ({lacking} of {len(images)} lack one)")
    for key, path in sorted(masks.items()):
        if key not in images:
            lacking = len(masks.keys() - images.keys())
            raise DataError(f"mask {path} has no image ({lacking} of {len(masks)} lack one): add the image, or take the mask away")
    return tuple(Sample(images[key], masks[key]) for key in sorted(images))


def masks_by_stem(folder: Path) -> dict[str, Path]:
    """The masks below a folder, as ``rga.datasets.layout.by_stem`` names them.

    Only files that keep each pixel's value are taken for masks; a JPEG beside them, such as an overlay, is none.

    Raises:
        DataError: there are only JPEG files, or two masks differ in their ending alone.
        MissingFileError: there is no such folder.
    """
    masks = image_names(folder, LOSSLESS)
    lossy = [] if masks else image_names(folder)
    if lossy:
        raise DataError(f"{folder} holds no mask: {lossy[0]} and all others are compressed with loss, which changes values; write PNG")
    return by_stem([folder / name for name in masks], folder)
