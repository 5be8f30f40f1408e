"""The catalogue of classification data, and the digits."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from classification.conftest import MakeFolders
from rga.classification.datasets.catalog import CATALOG, EXPECTED, READERS


def test_unknown_names_and_options_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown dataset 'cifar': did you mean cifar10\?"):
        CATALOG.load("cifar", tmp_path)
    with pytest.raises(ValueError, match="unknown dataset 'svhn': choose one of digits, cifar10, cifar100, imagenet, folder"):
        CATALOG.load("svhn", tmp_path)
    with pytest.raises(ValueError, match="'folder' has no option 'share': it takes test_folder, test_share, val_share, seed, splits"):
        CATALOG.load("folder", tmp_path, share=0.1)
    assert set(EXPECTED) < set(READERS)
    assert EXPECTED["cifar100"] == {"train": (100, 50_000), "test": (100, 10_000)}
    assert EXPECTED["imagenet"] == {"train": (1000, 1_281_167), "val": (1000, 50_000)}


def test_folders_called_like_splits_can_be_classes(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path, {"bus": 2, "train": 2})
    with pytest.raises(ValueError, match=r"has train, called like a split of a dataset, .*: bus.*add the option splits=no"):
        CATALOG.read(f"folder:{tmp_path}")
    assert CATALOG.read(f"folder:{tmp_path}?splits=no").classes == ("bus", "train")


def test_digits_are_scikit_learns() -> None:
    data, raw = CATALOG.load("digits"), load_digits()
    shown = [np.asarray(split.images[n])[..., 0] for split in (data.train, data.test) for n in range(len(split))]
    assert len(shown) == 1797
    assert sorted(map(bytes, shown)) == sorted(bytes(np.rint(image * 255 / 16).astype(np.uint8)) for image in raw.images)
    assert (data.counts["train"] + data.counts["test"]).tolist() == np.bincount(raw.target).tolist()
    labels_by_pixels = {
        np.rint(image * 255 / 16).astype(np.uint8).tobytes(): int(label) for image, label in zip(raw.images, raw.target, strict=True)
    }
    assert [labels_by_pixels[bytes(each)] for each in shown] == [*data.train.labels, *data.test.labels]
