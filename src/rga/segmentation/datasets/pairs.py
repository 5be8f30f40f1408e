"""Images and their masks, put together by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rga.datasets.layout import DataError
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


def by_stem(paths: list[Path], folder: Path) -> dict[str, Path]:
    """Files by their path below a folder without its ending.

    Raises:
        DataError: two files differ in their ending alone.
    """
    found: dict[str, Path] = {}
    for path in paths:
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            raise DataError(f"{found[key]} and {path} differ in their ending alone: keep one of them")
        found[key] = path
    return found
