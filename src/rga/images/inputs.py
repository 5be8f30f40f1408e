"""What callers hold in their hands: one image or many, as paths, PIL images, arrays or tensors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.arrays import check_dense, is_tensor, read_array
from rga.errors import FolderError, InputError
from rga.images.conversion import eight_bits, to_rgb
from rga.images.images import DamagedImageError, read_image, reason

if TYPE_CHECKING:
    from torch import Tensor

ImageLike: TypeAlias = "Image.Image | str | Path | NDArray[Any] | Tensor"
"""Whatever shows an image: a path, a PIL image of any mode, or an array or tensor of bytes, truth values, 16-bit numbers or floats up to 1
or to 255. Arrays are (H, W) or (H, W, channels), tensors also (channels, H, W)."""

CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with alpha."""

EXPECTED = "an image is a PIL image, a path or an array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a tensor with the channels first"


class NotAnImageError(InputError, TypeError):
    """Something that shows no image."""


def as_images(images: ImageLike | Iterable[ImageLike]) -> Iterator[ImageLike]:
    """The images, one after the other; one image counts as a list of one.

    Args:
        images: one image, or an iterable of images: a list, a generator, an array (N, H, W, channels), a tensor (N, channels, H, W).

    Raises:
        NotAnImageError: it is neither.
    """
    if isinstance(images, (str, os.PathLike, Image.Image)):
        return iter([images])
    if is_tensor(images):
        check_dense(images, "images")
    if is_array(images) and images.ndim in (2, 3, 4) and images.dtype != object:
        return iter([images] if images.ndim < 4 else images)
    if isinstance(images, (bytes, bytearray, memoryview)):
        raise NotAnImageError("got bytes: open them with PIL.Image.open(io.BytesIO(...))")
    if isinstance(images, (set, frozenset)):
        raise NotAnImageError("got a set, which has no order, so that answers could not be told apart: pass a list, as sorted(images)")
    if hasattr(images, "read"):
        raise NotAnImageError("got an open file: pass its path, or open it with PIL.Image.open(...)")
    if not isinstance(images, Iterable) or isinstance(images, dict) or (is_array(images) and images.ndim != 1):
        raise NotAnImageError(f"{described(images)} is neither an image nor a list of images: {EXPECTED}")
    return iter(images)


def as_image(image: ImageLike, name: str = "image") -> Image.Image:
    """Anything that shows an image, as an RGB image; see ``rga.images.conversion`` for how.

    Args:
        image: one image.
        name: what errors call it, where it is no file.

    Raises:
        NotAnImageError: it shows no image.
        InputError: its numbers are on no known scale, or it has no pixel.
        MissingFileError: there is no such file.
        DamagedImageError: the file is no image, or a damaged one.
    """
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        if path.is_dir():
            raise FolderError(f"{path} is a folder: pass its images, as sorted(Path({str(path)!r}).glob('*.jpg'))")
        return read_image(path)
    if isinstance(image, Image.Image):
        return shown(image, name)
    if is_tensor(image):
        return from_array(read_array(image, name), name, channels_first=True)
    if isinstance(image, np.ndarray):
        return from_array(read_array(image, name), name, channels_first=False)
    raise NotAnImageError(f"{name} is {described(image)}: {EXPECTED}")


def shown(image: Image.Image, name: str) -> Image.Image:
    """A PIL image as RGB; it may read from a file that is open."""
    if not (image.width and image.height):
        raise InputError(f"{name} has no pixel: its size is {image.width}x{image.height}")
    try:
        return to_rgb(image)
    except InputError as error:
        raise InputError(f"{name} cannot be shown: {error}") from error
    except (OSError, SyntaxError) as error:  # the file is cut short
        called = getattr(image, "filename", "") or name
        raise DamagedImageError(f"{called} cannot be read as an image: {reason(error)}") from error


def from_array(values: NDArray[Any], name: str, *, channels_first: bool) -> Image.Image:
    """An array as RGB.

    Args:
        values: (H, W), (H, W, channels) or (channels, H, W).
        name: what errors call it.
        channels_first: the channels are at the beginning, if they can be there.
    """
    shape = tuple(values.shape)
    if values.ndim == 3:
        first, last = (values.shape[end] in CHANNELS for end in (0, 2))
        if first and (channels_first or (values.shape[0] == 1 and not last)):
            values, last = np.moveaxis(values, 0, 2), True
        if not last:
            hint = "in arrays the channels come last: np.moveaxis(array, 0, -1)" if first else "many grey images are (N, H, W, 1)"
            kind = "a tensor" if channels_first else "an array"
            raise NotAnImageError(f"{name} is {kind} of the shape {shape}: {EXPECTED}; {hint}")
        values = values[..., 0] if values.shape[2] == 1 else values
    elif values.ndim != 2:
        raise NotAnImageError(f"{name} is {described(values)}: {EXPECTED}")
    if not values.size:
        raise InputError(f"{name} has no pixel: its shape is {shape}")
    try:
        pixels = eight_bits(values)
    except InputError as error:
        raise InputError(f"{name} cannot be shown: {error}") from error
    return to_rgb(Image.fromarray(np.ascontiguousarray(pixels)))


def is_array(thing: object) -> TypeGuard[NDArray[Any] | Tensor]:
    """Whether something is an array of numpy or a tensor."""
    return isinstance(thing, np.ndarray) or is_tensor(thing)


def described(thing: object) -> str:
    """What something is, for errors."""
    if is_array(thing):
        return f"{'a tensor' if is_tensor(thing) else 'an array'} of the shape {tuple(thing.shape)} and the type {thing.dtype}"
    return f"of the type {type(thing).__name__}"
