"""Images as bytes: the same by whatever decodes them, and one clear error for what is damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rga.images import decoding
from rga.images.decoding import read_pixels
from rga.images.images import DamagedImageError, read_image


def photo(height: int = 66, width: int = 35) -> Image.Image:
    """Smooth colours with edges and noise."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([4 * rows, 7 * columns, 3 * (rows + columns)], -1) % 256 + generator.integers(0, 9, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("a.jpg", "RGB", {"quality": 90}),
        ("a.jpg", "RGB", {"quality": 60, "subsampling": 0}),
        ("a.jpeg", "RGB", {"quality": 75, "progressive": True}),
        ("a.JPG", "L", {}),
        ("a.jpg", "CMYK", {}),
        ("a.png", "RGB", {}),
        ("a.png", "RGBA", {}),
        ("a.png", "P", {}),
        ("a.bmp", "RGB", {}),
    ],
)
@pytest.mark.parametrize("fast", [True, False])
def test_bytes_are_pillows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: str, options: dict[str, Any], fast: bool
) -> None:
    if fast:
        pytest.importorskip("simplejpeg")
    else:
        monkeypatch.setattr(decoding, "simplejpeg", lambda: None)
    path = tmp_path / name
    photo().convert(mode).save(path, **options)
    pixels = read_pixels(path)
    assert (pixels.shape, pixels.dtype) == ((66, 35, 3), torch.uint8)
    assert np.array_equal(pixels.numpy(), np.array(read_image(path)))


def test_simplejpeg_decodes_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("simplejpeg")
    photo().save(tmp_path / "a.jpg")
    monkeypatch.setattr(decoding, "read_image", None)
    assert read_pixels(tmp_path / "a.jpg").shape == (66, 35, 3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused_by_name(tmp_path: Path, share: float) -> None:
    path = tmp_path / "half.jpg"
    photo(300, 200).save(path, quality=95)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(share * len(contents))])
    with pytest.raises(DamagedImageError, match=r"half\.jpg cannot be read as an image"):
        read_pixels(path)


def test_what_is_not_there_and_what_is_no_image_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        read_pixels(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(DamagedImageError, match=r"text\.jpg cannot be read as an image"):
        read_pixels(tmp_path / "text.jpg")
