"""Images from files: damage is what cannot be decoded; a disk, a share or a permission that fails is something else."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

from rga.classification.image_sources import ZipImages
from rga.images.decoding import read_pixels
from rga.images.defects import find_damaged
from rga.images.images import DamagedImageError, decode, read_image
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.masks import read_mask
from rga.training.input.loader import SampleLoader
from rga.training.input.plan import ShuffledBatches
from rga.training.recipe import LoaderRecipe

CLASSES = Classes(("a", "b"), ((0, 0, 0), (1, 1, 1)), {0: 0, 1: 1})
READERS: list[Callable[[Path], Any]] = [
    read_image,
    read_pixels,
    lambda path: read_mask(path, CLASSES),
    lambda path: find_damaged([path]),
]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def failing(patch: pytest.MonkeyPatch, number: int) -> None:
    """Lets every read of an open file fail, as a disk does: the error has no file name."""

    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise OSError(number, os.strerror(number))

    def opened(*_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(Failing())

    patch.setattr(Path, "open", opened)
    patch.setattr(io, "open", opened)
    patch.setattr("builtins.open", opened)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EACCES])
def test_a_disk_that_fails_is_no_damaged_image(
    image: Path, read: Callable[[Path], Any], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, number)
        with pytest.raises(OSError, match=r"a\.png") as caught:
            read(image)
    assert caught.value.errno == number
    assert not isinstance(caught.value, DamagedImageError)


@pytest.mark.parametrize("read", READERS[:3])
@pytest.mark.parametrize("spoil", [lambda whole: whole[: len(whole) // 2], lambda whole: whole[:0], lambda whole: b"no image" + whole])
def test_contents_that_cannot_be_decoded_are_damage(image: Path, read: Callable[[Path], Any], spoil: Callable[[bytes], bytes]) -> None:
    image.write_bytes(spoil(image.read_bytes()))
    with pytest.raises(DamagedImageError, match=r"a\.png cannot be read.*replace the file or take it out of the data") as caught:
        read(image)
    assert "BytesIO" not in str(caught.value)
    ((path, reason),) = find_damaged([image])
    assert path == image
    assert "BytesIO" not in reason


@pytest.mark.parametrize("error", [IndexError("x"), KeyError("x"), ZeroDivisionError("x"), SyntaxError("x"), OSError("decoder error -2")])
def test_whatever_a_decoder_raises_is_damage(image: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_image: Image.Image) -> None:
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(DamagedImageError, match=r"a\.png cannot be read as an image"):
        read_image(image)


def test_an_image_that_is_too_large_is_told_from_a_damaged_one(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DamagedImageError, match="it is too large, cut it into smaller images"):
        read_image(image)


def test_a_file_that_is_gone_is_neither(tmp_path: Path) -> None:
    for read in READERS[:3]:
        with pytest.raises(FileNotFoundError, match=r"none\.png"):
            read(tmp_path / "none.png")
    ((_, reason),) = find_damaged([tmp_path / "none.png"])
    assert "none.png" in reason


class Images(Dataset[Any]):
    """Of which the third lies on a broken disk."""

    def __init__(self, broken: Exception) -> None:
        self.broken = broken

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if index == 2:
            raise self.broken
        return index


def test_a_disk_that_fails_stops_a_training_that_passes_over_damaged_images() -> None:
    def drawn(broken: Exception, workers: int = 0) -> list[Any]:
        recipe = LoaderRecipe(skip_damaged=True, num_workers=workers)
        return list(SampleLoader(Images(broken), ShuffledBatches(4, 2, 0), recipe, DamagedImageError).batches(0))

    assert len(drawn(DamagedImageError("a.jpg cannot be read"))) == 2
    for workers in (0, 1):
        with pytest.raises(OSError, match=r"Input/output error: 'a\.jpg'") as caught:
            drawn(OSError(errno.EIO, "Input/output error", "a.jpg"), workers)
        assert caught.value.errno == errno.EIO


def test_what_a_zip_cannot_be_read_from_is_no_damage_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Archive:
        def read(self, _name: str) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    images = ZipImages(tmp_path / "a.zip", ["b.png"])
    monkeypatch.setattr(ZipImages, "zip", Archive())
    with pytest.raises(OSError, match=r"Input/output error: 'a\.zip:b\.png'") as caught:
        images[0]
    assert not isinstance(caught.value, DamagedImageError)

    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error: 'c'"):
        decode(Broken(), "c")
