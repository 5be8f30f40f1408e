"""Images from files, whatever their mode, with one clear error for those that cannot be read.

A file is read first and decoded then, so that two things are told apart: contents that are no image, which another image may stand in for,
and a disk, a share or a permission that fails, which says nothing about the image and must stop whoever reads.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from PIL import Image, UnidentifiedImageError

from rga.errors import InputError
from rga.images.conversion import to_rgb

Result = TypeVar("Result")


ADVICE = "; replace the file or take it out of the data"
"""How the error for a damaged image ends."""


class DamagedImageError(InputError):
    """An image that cannot be read."""


def read_image(path: Path) -> Image.Image:
    """Reads an image of any kind as RGB, as ``rga.images.conversion`` shows it.

    Raises:
        MissingFileError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: the file is no image, or a damaged one.
    """
    return decode(path, str(path))


def decode(source: Path | IO[bytes], name: str) -> Image.Image:
    """Reads an image as RGB, as ``read_image`` does, from a file or from bytes.

    Args:
        source: a path, or what can be read from.
        name: what errors call it.

    Raises:
        MissingFileError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: it is no image, or a damaged one.
    """
    return decoded(read_contents(source, name), f"{name} cannot be read as an image", to_rgb)


def read_contents(source: Path | IO[bytes], name: str) -> bytes:
    """The bytes of a file.

    Args:
        source: a path, or what can be read from.
        name: what errors call it.

    Raises:
        MissingFileError: there is no such file.
        OSError: it cannot be read from where it lies; it is named.
    """
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        raise unreadable(error, name) from error


def unreadable(error: OSError, name: str) -> OSError:
    """The error of a disk, a share or a permission, with the name of the file: what reading an open file raises has none."""
    return error if error.filename is not None or error.errno is None else OSError(error.errno, error.strerror, name)


def decoded(
    contents: bytes,
    complaint: str,
    use: Callable[[Image.Image], Result],
    *,
    formats: tuple[str, ...] | None = None,
    most_pixels: int | None = None,
) -> Result:
    """What a function makes of an image, which it decodes to its last line.

    Args:
        contents: of the file.
        complaint: how the error begins where they are no image.
        use: gets the image, which is closed afterwards.
        formats: that it may have, as Pillow calls them; None for all.
        most_pixels: that it may have, which is seen before anything is decoded; None for Pillow's own limit.

    Raises:
        DamagedImageError: they are no image, or a damaged one.
    """
    try:
        with Image.open(io.BytesIO(contents), formats=formats) as image:
            check_pixels(image, most_pixels)
            image.load()
            return use(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise what they like on broken input, and there is no disk here that could fail
        raise DamagedImageError(f"{complaint}: {reason(error)}{ADVICE}") from error


def check_pixels(image: Image.Image, most: int | None) -> None:
    """Refuses an image with too many pixels.

    Raises:
        DecompressionBombError: it has.
    """
    if most is not None and image.width * image.height > most:
        raise Image.DecompressionBombError(f"{image.width}x{image.height}, at most {most:,} pixels are read")


def reason(error: BaseException | None) -> str:
    """Why an image cannot be decoded, from what Pillow raised: which names no file, as it is given bytes."""
    if isinstance(error, Image.DecompressionBombError):
        return f"it is too large, cut it into smaller images ({error})"
    return "its format is not known" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
