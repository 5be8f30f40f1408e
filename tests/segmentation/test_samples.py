"""What a segmentation dataset is: counts, fingerprint, refusals."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.segmentation.datasets.cityscapes import read_cityscapes
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.datasets.samples import Sample, SplitCounts, describe_counts


def test_counts(cityscapes: Path) -> None:
    data = read_cityscapes(cityscapes)
    assert data.counts == {"train": SplitCounts(2, 2), "val": SplitCounts(1, 1), "test": SplitCounts(1, 0)}
    assert describe_counts(data.counts) == ["  train: 2 images", "  val: 1 images", "  test: 1 images, 0 with a mask"]


def test_the_fingerprint_is_that_of_the_content(cityscapes: Path, tmp_path: Path) -> None:
    data = read_cityscapes(cityscapes)
    copy = tmp_path / "copy"
    shutil.copytree(cityscapes, copy)
    assert read_cityscapes(copy).fingerprint == data.fingerprint
    assert replace(data, classes=replace(data.classes, values={**data.classes.values, 33: IGNORED, 5: 18})).fingerprint != data.fingerprint
    mask = read_cityscapes(copy).train[0].mask
    assert mask is not None
    mask.write_bytes(mask.read_bytes() + b"more")
    assert read_cityscapes(copy).fingerprint != data.fingerprint
    copied = read_cityscapes(copy)
    mask.unlink()
    with pytest.raises(MissingFileError, match="is not there, or a link to nothing: restore it, or take it out of the data"):
        _ = copied.fingerprint


def test_masks_are_needed_where_they_are_used(cityscapes: Path) -> None:
    data = read_cityscapes(cityscapes)
    assert data.labelled("val") == data.val
    with pytest.raises(ValueError, match=r"the masks of test of dataset 'cityscapes' are not there \(.*bonn"):
        data.labelled("test")
    with pytest.raises(ValueError, match=r"has no images in val: it has train \(2\), test \(1\)"):
        replace(data, val=()).labelled("val")
    with pytest.raises(DataError, match="is to be trained on and has no mask"):
        replace(data, train=(Sample(data.train[0].image, None),))
    with pytest.raises(DataError, match="has no image in any split"):
        replace(data, train=(), val=(), test=())
