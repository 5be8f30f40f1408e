"""Pictures from files, whatever their mode, with one clear error for those that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Picture = Image.Image | str | Path | NDArray[np.uint8]
"""Whatever shows a picture: a PIL image of any mode, a path, or an array of bytes (H, W, 3)."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
"""The endings of files that are taken for pictures."""


class DamagedImageError(ValueError):
    """A picture that cannot be read."""


def read_image(path: Path) -> Image.Image:
    """Reads a picture as RGB: grey, palette and transparent ones are converted, 16-bit grey is scaled.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedImageError: the file is no picture, or a damaged one.
    """
    return decode(path, str(path))


def decode(source: Path | IO[bytes], name: str) -> Image.Image:
    """Reads a picture as RGB, as ``read_image`` does, from a file or from bytes.

    Args:
        source: a path, or what can be read from.
        name: what errors call it.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedImageError: it is no picture, or a damaged one.
    """
    try:
        with Image.open(source) as image:
            return to_rgb(image)
    except FileNotFoundError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise DamagedImageError(f"{name} cannot be read as a picture: {error}; replace the file or take it out of the data") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, on white where it is transparent."""
    if image.mode.startswith("I"):  # 16 or 32 bits a pixel
        image = image.point(lambda value: value / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image.convert("RGB")


def as_image(picture: Picture) -> Image.Image:
    """Anything that shows a picture, as an RGB image."""
    if isinstance(picture, (str, Path)):
        return read_image(Path(picture))
    if isinstance(picture, Image.Image):
        return to_rgb(picture)
    if isinstance(picture, np.ndarray):
        return to_rgb(Image.fromarray(picture))
    raise TypeError(f"a picture is a PIL image, a path or an array of bytes (H, W, 3); got {type(picture).__name__}")


def list_images(folder: Path) -> list[Path]:
    """All pictures below a folder, in the order of their paths.

    Raises:
        FileNotFoundError: the folder is not there, or holds no picture.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise FileNotFoundError(f"no pictures ({', '.join(sorted(SUFFIXES))}) below {folder}")
    return found
