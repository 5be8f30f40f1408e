"""Masks of objects agree with pycocotools, in all three forms."""

from typing import Any

import numpy as np
import pytest

from rga.detection.datasets.masks import coco_masks, decompressed, encode, read_segmentation
from rga.errors import MissingPackageError
from rga.synthetic.streets.coco import run_lengths

rle: Any = pytest.importorskip("pycocotools.mask")


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_as_numbers_and_as_text_are_those_of_pycocotools(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = (int(generator.integers(1, 40)), int(generator.integers(1, 40)))
    mask = generator.random(size) < generator.choice([0.0, 0.03, 0.5, 0.97, 1.0])
    text = encode(mask)["counts"].decode()
    counts = run_lengths(mask)
    assert decompressed(text) == counts
    for value in (text, counts):
        read = read_segmentation({"size": list(size), "counts": value}, size)
        assert read is not None
        np.testing.assert_array_equal(read.mask(), mask)
        assert read.encoded() == encode(mask)


def test_long_runs_have_numbers_of_several_groups() -> None:
    mask = np.zeros((300, 400), np.bool_)
    mask[250:, 399] = True
    text = encode(mask)["counts"].decode()
    assert decompressed(text) == [399 * 300 + 250, 50]


def test_polygons_are_drawn_as_by_pycocotools() -> None:
    polygons = [[1.2, 1.0, 6.8, 1.5, 4.0, 5.5], [8, 8, 11, 8, 11, 11, 8, 11]]
    read = read_segmentation(polygons, (12, 14))
    assert read is not None
    expected = rle.decode(rle.merge(rle.frPyObjects(polygons, 12, 14)))
    np.testing.assert_array_equal(read.mask(), expected.astype(np.bool_))
    assert read.encoded() == rle.merge(rle.frPyObjects(polygons, 12, 14))
    assert read_segmentation([], (12, 14)) is None
    assert read_segmentation(None, (12, 14)) is None


def test_without_pycocotools_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(MissingPackageError, match=r"pycocotools, which is not installed: pip install 'rga\[detection\]'"):
        coco_masks()
