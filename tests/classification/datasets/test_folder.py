"""Images in folders of classes, and ImageNet's layout."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classification.conftest import MakeFolders
from rga.classification.datasets.folder import read_folder
from rga.classification.datasets.imagenet import read_imagenet
from rga.datasets.layout import DataError


def test_splits_are_read_with_one_numbering(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "train", {"dog": 3, "cat": 2})
    make_folders(tmp_path / "val", {"cat": 1, "dog": 2})
    make_folders(tmp_path / "train" / ".cache", {"thumbs": 1})
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 0, 1, 1, 1]
    assert [data.test.images.name(n) for n in range(3)] == ["val/cat/0000.png", "val/dog/0000.png", "val/dog/0001.png"]
    shown = np.asarray(data.test.images[1])
    np.testing.assert_array_equal(shown, np.asarray(Image.open(tmp_path / "val/dog/0000.png")))
    assert data.test.images.contents(1) == (tmp_path / "val/dog/0000.png").read_bytes()


def test_the_folder_to_test_on_can_be_named(tmp_path: Path, make_folders: MakeFolders) -> None:
    for name, count in (("train", 3), ("val", 2), ("test", 1)):
        make_folders(tmp_path / name, {"dog": count, "cat": count})
    assert len(read_folder(tmp_path).test) == 4
    assert len(read_folder(tmp_path, test_folder="test").test) == 2
    with pytest.raises(FileNotFoundError, match=r"no folder .*/holiday"):
        read_folder(tmp_path, test_folder="holiday")


def test_one_split_alone_is_enough(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "only-test" / "test", {"dog": 2, "cat": 1})
    data = read_folder(tmp_path / "only-test")
    assert (len(data.train), len(data.test)) == (0, 3)
    make_folders(tmp_path / "only-train" / "train", {"dog": 2, "cat": 1})
    data = read_folder(tmp_path / "only-train")
    assert (len(data.train), len(data.test)) == (3, 0)


def test_folders_without_splits_are_split_by_class(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path, {"cat": 10, "dog": 5, "test": 2})  # a class may be called test
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog", "test")
    assert data.counts["train"].tolist() == [8, 4, 1]
    assert data.counts["test"].tolist() == [2, 1, 1]
    assert data.fingerprint == read_folder(tmp_path).fingerprint
    assert data.fingerprint != read_folder(tmp_path, seed=1).fingerprint
    assert read_folder(tmp_path, test_share=0.5).counts["test"].tolist() == [5, 2, 1]


def test_wrong_folders_are_named(tmp_path: Path, make_folders: MakeFolders) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere\. Expected ROOT/train/CLASS"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"has no folders in it\. Expected"):
        read_folder(tmp_path)
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"the folders in .*empty \(cat, ...\) hold no images"):
        read_folder(tmp_path / "empty")
    make_folders(tmp_path / "one", {"cat": 3})
    with pytest.raises(DataError, match=r"has 1 class \(cat\)"):
        read_folder(tmp_path / "one")
    make_folders(tmp_path / "few", {"cat": 3, "dog": 1})
    with pytest.raises(DataError, match="class 1 has a single image"):
        read_folder(tmp_path / "few")
    make_folders(tmp_path / "missing" / "train", {"cat": 2, "dog": 2, "owl": 1})
    make_folders(tmp_path / "missing" / "valid", {"cat": 2, "cow": 1, "owl": 1})
    with pytest.raises(DataError, match=r"1 of 4 classes have no image to train on \('cow'\)"):
        read_folder(tmp_path / "missing")
    (tmp_path / "hollow" / "train" / "dog").mkdir(parents=True)
    make_folders(tmp_path / "hollow" / "train", {"cat": 1, "owl": 1})
    with pytest.raises(DataError, match=r"1 of 3 classes have no image to train on \('dog'\)"):
        read_folder(tmp_path / "hollow")


@pytest.mark.parametrize("inside", ["", "ILSVRC/Data/CLS-LOC"])
def test_imagenets_classes_have_the_published_order_and_names(tmp_path: Path, make_folders: MakeFolders, inside: str) -> None:
    for split in ("train", "val"):
        make_folders(tmp_path / inside / split, {"n02123045": 2, "n01440764": 1})
    data = read_imagenet(tmp_path)
    assert data.name == "imagenet"
    assert data.classes == ("n01440764 tench, Tinca tinca", "n02123045 tabby, tabby cat")
    assert data.train.labels.tolist() == [0, 1, 1]


def test_validation_alone_is_enough_to_evaluate(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "val", {"n02123045": 2, "n01440764": 1})
    assert len(read_imagenet(tmp_path).train) == 0


def test_what_is_not_imagenet_is_named(tmp_path: Path, make_folders: MakeFolders) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere\. ImageNet-1k is given to researchers"):
        read_imagenet(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="has no folder val"):
        read_imagenet(tmp_path)
    (tmp_path / "val").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(DataError, match="has no folders, as the archive of the validation images leaves it: sort them"):
        read_imagenet(tmp_path)
    make_folders(tmp_path / "val", {"n01440764": 1, "cat": 1})
    with pytest.raises(DataError, match="cat is no class of ImageNet-1k: folders are named by WordNet number"):
        read_imagenet(tmp_path)
