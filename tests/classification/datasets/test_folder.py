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
    assert [data.val.images.name(n) for n in range(3)] == ["val/cat/0000.png", "val/dog/0000.png", "val/dog/0001.png"]
    shown = np.asarray(data.val.images[1])
    np.testing.assert_array_equal(shown, np.asarray(Image.open(tmp_path / "val/dog/0000.png")))
    assert data.val.images.contents(1) == (tmp_path / "val/dog/0000.png").read_bytes()


def test_the_folder_to_test_on_can_be_named(tmp_path: Path, make_folders: MakeFolders) -> None:
    for name, count in (("train", 3), ("val", 2), ("test", 1)):
        make_folders(tmp_path / name, {"dog": count, "cat": count})
    data = read_folder(tmp_path)
    assert (len(data.train), len(data.val), len(data.test), data.chooses) == (6, 4, 2, "val")
    data = read_folder(tmp_path, test_folder="val")
    assert (len(data.train), len(data.val), len(data.test), data.chooses) == (6, 0, 4, "test")
    with pytest.raises(FileNotFoundError, match=r"no folder .*/holiday"):
        read_folder(tmp_path, test_folder="holiday")


@pytest.mark.parametrize("names", ["Train Val", "training validation", "images/training images/validation", "TRAIN2017 dev TESTING"])
def test_splits_have_any_of_their_usual_names(tmp_path: Path, make_folders: MakeFolders, names: str) -> None:
    for name, count in zip(names.split(), (3, 2, 1), strict=False):
        make_folders(tmp_path / name, {"dog": count, "cat": count})
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert (len(data.train), len(data.val), len(data.test)) == (6, 4, 2 if "TESTING" in names else 0)
    assert data.train.images.name(0) == f"{names.split(maxsplit=1)[0]}/cat/0000.png"


def test_splits_are_never_taken_for_classes(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "mixed", {"cat": 4, "dog": 4, "test": 3})
    with pytest.raises(DataError, match=r"has test, called like a split .* other images beside: cat, dog.*add the option splits=no"):
        read_folder(tmp_path / "mixed")
    assert read_folder(tmp_path / "mixed", splits=False).classes == ("cat", "dog", "test")
    make_folders(tmp_path / "intel" / "seg_train", {"cat": 2, "dog": 2})
    make_folders(tmp_path / "intel" / "seg_test", {"cat": 2, "dog": 2})
    with pytest.raises(DataError, match="has seg_test and seg_train: call splits train, val, test and nothing else"):
        read_folder(tmp_path / "intel")
    make_folders(tmp_path / "loose", {"train": 2, "val": 2})
    with pytest.raises(
        FileNotFoundError, match="train has no folders in it, though 2 images: sort them into folders named like their classes"
    ):
        read_folder(tmp_path / "loose")
    make_folders(tmp_path / "vehicles", {"freight_train": 3, "bus": 3})
    assert read_folder(tmp_path / "vehicles").classes == ("bus", "freight_train")


def test_one_split_alone_is_enough(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "only-test" / "test", {"dog": 2, "cat": 1})
    data = read_folder(tmp_path / "only-test")
    assert (len(data.train), len(data.test)) == (0, 3)
    make_folders(tmp_path / "only-train" / "train", {"dog": 2, "cat": 1})
    data = read_folder(tmp_path / "only-train")
    assert (len(data.train), len(data.test)) == (3, 0)


def test_folders_without_splits_are_split_by_class(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path, {"cat": 60, "dog": 5, "owl": 2})
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog", "owl")
    assert data.counts["test"][0] == pytest.approx(12, abs=6)
    assert data.counts["test"][2] == data.counts["train"][2] == 1
    assert (data.counts["train"] + data.counts["test"]).tolist() == [60, 5, 2]
    assert data.fingerprint == read_folder(tmp_path).fingerprint
    assert data.fingerprint != read_folder(tmp_path, seed=1).fingerprint
    assert read_folder(tmp_path, test_share=0.5).counts["test"][0] == pytest.approx(30, abs=8)
    with pytest.raises(DataError, match="class 'owl': 2 images, 2 cannot be split into train, test, val: add images of it"):
        read_folder(tmp_path, val_share=0.2)
    with pytest.raises(ValueError, match="test_share must lie between 0 and 1"):
        read_folder(tmp_path, test_share=0.0)
    alone = read_folder(tmp_path, test_share=0.0, val_share=0.2)
    assert (len(alone.test), alone.chooses) == (0, "val")


def test_one_image_more_moves_no_other(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path, {"cat": 40, "dog": 40})

    def parts() -> dict[str, str]:
        data = read_folder(tmp_path, val_share=0.3)
        splits = {"train": data.train, "val": data.val, "test": data.test}
        return {part.images.name(n): split for split, part in splits.items() for n in range(len(part))}

    before = parts()
    assert set(before.values()) == {"train", "val", "test"}
    for name in ("0000a", "0020a", "zzz"):
        (tmp_path / "cat" / f"{name}.png").write_bytes((tmp_path / "cat" / "0000.png").read_bytes())
    after = parts()
    assert {name: after[name] for name in before} == before


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
    with pytest.raises(DataError, match="class 'dog': 1 image, 1 cannot be split into train, test: add images of it"):
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


@pytest.mark.parametrize("names", [("Train", "Validation"), ("training", "VAL")])
def test_imagenets_splits_have_any_of_their_usual_names_and_unsorted_test_images_are_not_read(
    tmp_path: Path, make_folders: MakeFolders, names: tuple[str, str]
) -> None:
    for name in names:
        make_folders(tmp_path / name, {"n02123045": 2, "n01440764": 1})
    make_folders(tmp_path, {"test": 2})
    data = read_imagenet(tmp_path)
    assert (len(data.train), len(data.val), len(data.test)) == (3, 3, 0)
