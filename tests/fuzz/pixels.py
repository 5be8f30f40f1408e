"""Images as a viewer shows them, by code of its own: the oracle of the images."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]
"""(H, W, 3)."""

ORIENTATION = 0x0112
"""The tag of EXIF."""


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        modes: of Pillow, that it holds.
        suffixes: that its files have.
        exif: whether it holds an orientation.
    """

    modes: tuple[str, ...]
    suffixes: tuple[str, ...]
    exif: bool = False


FORMATS = {
    "PNG": Format(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), (".png", ".PNG"), exif=True),
    "JPEG": Format(("L", "RGB", "CMYK", "YCbCr"), (".jpg", ".jpeg", ".JPG"), exif=True),
    "TIFF": Format(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "I", "F"), (".tif", ".tiff"), exif=True),
    "BMP": Format(("1", "L", "P", "RGB", "RGBA"), (".bmp",)),
    "WEBP": Format(("RGB", "RGBA"), (".webp",), exif=True),
    "PPM": Format(("1", "L", "RGB", "I;16"), (".ppm", ".pgm", ".pnm")),
    "GIF": Format(("L", "P"), (".gif", ".GIF")),
}
"""Name of Pillow -> what it holds."""

SHADES = {"I;16": 1, "I;16B": 1, "I": 1, "F": 1, "RGBA": 1, "LA": 1, "P": 1}
"""How far apart two ways of rounding to 8 bits may be."""


def make_image(mode: str, size: tuple[int, int], generator: np.random.Generator, *, transparent: bool) -> Image.Image:
    """An image of a mode, of random pixels; ``size`` is (width, height)."""
    shape = size[::-1]
    if mode in ("I;16", "I;16B", "I"):
        values = generator.integers(0, 65536, shape, dtype=np.uint16)
        kinds: dict[str, np.dtype[Any]] = {"I;16": np.dtype("<u2"), "I;16B": np.dtype(">u2"), "I": np.dtype(np.int32)}
        return Image.fromarray(values.astype(kinds[mode]))
    if mode == "F":
        shades = generator.random(shape, dtype=np.float32)
        shades.flat[0] = 1
        return Image.fromarray(shades * 255 if transparent else shades)
    if mode == "1":
        return Image.fromarray(generator.integers(0, 2, shape, dtype=np.uint8) * 255).convert("1")
    if mode == "P":
        image = Image.fromarray(generator.integers(0, 8, shape, dtype=np.uint8))
        image.putpalette(generator.integers(0, 256, 24, dtype=np.uint8).tolist())
        if transparent:
            image.info["transparency"] = int(generator.integers(8))
        return image
    if mode == "LAB":
        pixels = generator.integers(0, 256, (*shape, 3), dtype=np.uint8)
        return Image.frombytes("LAB", size, pixels.tobytes())
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = generator.integers(0, 256, (*shape, bands), dtype=np.uint8)
    return Image.frombytes(mode, size, pixels.tobytes())


def save(image: Image.Image, path: Path, kind: str, orientation: int | None, *, lossless: bool) -> None:
    """Writes an image in a format."""
    options: dict[str, object] = {}
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        options["exif"] = exif
    if kind == "WEBP":
        options["lossless"] = lossless
    if "transparency" in image.info:
        options["transparency"] = image.info["transparency"]
    image.save(path, kind, **options)


def as_viewed(path: Path) -> Pixels | None:
    """The pixels that a viewer shows, on white where the image is transparent; None where Pillow cannot decode the file."""
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.load()
            orientation = orientation_of(image)
            return upright(flat(image), orientation)
    except Exception:
        return None


def orientation_of(image: Image.Image) -> int:
    """As the file says; 1 where it does not, says nonsense, or its metadata are damaged."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises what it likes here, too
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def flat(image: Image.Image) -> Pixels:
    """The stored pixels in 8 bits, without the orientation."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        white = 255 if image.mode == "I" and values.max() <= 255 else 65535  # the type does not tell the scale
        return grey(np.clip(values, 0, white) * (255 / white))
    if image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        white = 1 if values.max() <= 1 else 255
        return grey(np.clip(values, 0, white) * (255 / white))
    if image.mode == "LAB":
        to_rgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return np.array(ImageCms.applyTransform(image, to_rgb))
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        shown = np.asarray(image.convert("RGBA")).astype(np.float64)
        share = shown[..., 3:] / 255
        return rounded(shown[..., :3] * share + 255 * (1 - share))
    return np.array(image.convert("RGB"))


def grey(values: NDArray[np.float64]) -> Pixels:
    """Shades from 0 to 255 (H, W) as colours."""
    return np.repeat(rounded(values)[..., None], 3, 2)


def rounded(values: NDArray[np.float64]) -> Pixels:
    """To the nearest byte."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels as EXIF's orientation asks for, from the table of the standard: where the first row and the first column are shown."""
    if orientation in (5, 6, 7, 8):  # the first row is at a side
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):  # left and right are changed
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):  # top and bottom are changed
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def apart(found: Pixels, wanted: Pixels) -> int:
    """The largest difference; 256 for other shapes."""
    return int(np.abs(found.astype(int) - wanted.astype(int)).max()) if found.shape == wanted.shape else 256


def turned(found: Pixels, wanted: Pixels) -> list[int]:
    """The orientations by which one image becomes the other."""
    return [orientation for orientation in range(2, 9) if apart(upright(found, orientation), wanted) <= 1]
