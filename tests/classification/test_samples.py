"""What a dataset must be, its fingerprint, and splits."""

import hashlib
import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.classification.datasets.samples import NOTHING, ClassificationData, LabeledImages, hold_out, shares
from rga.classification.image_sources import ImageSubset, PixelImages
from rga.datasets.layout import DataError
from rga.datasets.splits import PURPOSES


def test_one_class_is_no_data(data: ClassificationData) -> None:
    only = data.train.choose(np.flatnonzero(data.train.labels == 0))
    with pytest.raises(DataError, match=r"'colours' at .* has 1 class \(red\): to tell classes apart takes two or more"):
        ClassificationData("colours", ("red",), only, NOTHING, data.root)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_class_that_is_missing_from_a_split_is_named(data: ClassificationData, split: str) -> None:
    data = replace(data, val=data.train)
    rest = data.split(split).choose(np.flatnonzero(data.split(split).labels != 1))
    with pytest.raises(DataError, match=rf"1 of 3 classes have no image {PURPOSES[split]} \('green'\); add images of each"):
        ClassificationData(**{**vars_of(data), split: rest})


def vars_of(data: ClassificationData) -> dict[str, Any]:
    """The fields of a dataset."""
    return {field.name: getattr(data, field.name) for field in fields(data)}


def test_no_images_and_labels_without_class_are_named(data: ClassificationData) -> None:
    with pytest.raises(DataError, match="has no image in any split"):
        replace(data, train=NOTHING, test=NOTHING)
    with pytest.raises(ValueError, match="has a label 2 in its split train, and 2 classes from 0"):
        replace(data, classes=("red", "green"))
    with pytest.raises(ValueError, match="21 images need as many labels"):
        LabeledImages(data.train.images, data.train.labels[:4])


def test_the_fingerprint_tells_images_labels_and_splits(data: ClassificationData) -> None:
    assert data.fingerprint == replace(data, root=Path("elsewhere")).fingerprint
    assert isinstance(data.train.images, PixelImages)
    pixels = data.train.images.pixels.copy()
    pixels[0, 0, 0, 0] ^= 1
    labels = data.train.labels.copy()
    labels[0] = 1
    others = [
        replace(data, train=LabeledImages(PixelImages(pixels, "train"), data.train.labels)),
        replace(data, train=LabeledImages(data.train.images, labels)),
        replace(data, train=data.test, test=data.train),
        replace(data, train=data.train.choose(np.arange(20))),
        replace(data, classes=("red", "green", "cyan")),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 6


@given(st.lists(st.integers(2, 9), min_size=1, max_size=5), st.floats(0.05, 0.95), st.integers(0, 99))
def test_shares_hold_some_of_every_class_in_both_parts(counts: list[int], share: float, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    first, second = shares(labels, share, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        assert (labels[second] == label).sum() == min(count - 1, max(1, round(share * count)))
        assert (labels[first] == label).any()
    assert np.array_equal(second, shares(labels, share, seed)[1])


def test_shares_that_cannot_be_made_are_named() -> None:
    with pytest.raises(DataError, match="class 1 has a single image"):
        shares(np.array([0, 0, 1]), 0.5, 0)
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        shares(np.array([0, 0]), 1.0, 0)


def test_held_out_images_are_training_images(data: ClassificationData) -> None:
    held = hold_out(data, 0.4, seed=1)
    assert all(counts.all() for counts in (held.counts["train"], held.counts["test"]))
    names = [[split.images.name(n) for n in range(len(split))] for split in (held.train, held.test)]
    assert sorted(names[0] + names[1]) == [f"train/{n:05}" for n in range(21)]
    assert held.name == "colours-held-out"
    index = int(held.test.images.name(2).split("/")[1])
    assert held.test.labels[2] == data.train.labels[index]
    assert held.test.images[2].tobytes() == data.train.images[index].tobytes() == held.test.images.contents(2)
    assert held.test.images.mark(2) == data.train.images.mark(index)


def test_chosen_images_can_be_sent(data: ClassificationData) -> None:
    sent = pickle.loads(pickle.dumps(ImageSubset(data.train.images, np.array([4, 2]))))
    assert sent[1].tobytes() == data.train.images[2].tobytes()


def test_images_in_memory_have_names_and_marks() -> None:
    pixels = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    images = PixelImages(pixels, "train")
    assert (len(images), images.name(1), images[1].size, images[1].mode) == (2, "train/00001", (4, 3), "RGB")
    assert images.contents(1) == pixels[1].tobytes()
    assert images.mark(1) == hashlib.sha256(pixels[1].tobytes()).hexdigest()[:16]
