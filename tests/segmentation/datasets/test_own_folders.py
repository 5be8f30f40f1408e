"""Images and masks under all usual names of folders and splits."""

from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.datasets.splits import name_of
from rga.segmentation.datasets.folder import read_folder
from rga.segmentation.datasets.own_folders import BESIDE_KINDS, KINDS
from segmentation.conftest import WriteImage, WriteMask


@pytest.fixture
def build(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> object:
    """Images and masks in pairs of folders, written as IMAGES=MASKS=COUNT, with a class file."""

    def write(*pairs: str) -> Path:
        for pair in pairs:
            images, masks, count = pair.split("=")
            for number in range(int(count)):
                if images:
                    write_image(tmp_path / images / f"{number}.jpg")
                if masks:
                    write_mask(tmp_path / masks / f"{number}.png", (0, 1))
        (tmp_path / "classes.csv").write_text("value,name\n0,road\n1,car\n")
        return tmp_path

    return write


@pytest.mark.parametrize(
    "pairs",
    [
        "images/train=masks/train=3 images/val=masks/val=2 images/test=masks/test=1",
        "images/training=annotations/training=3 images/validation=annotations/validation=2 images/testing=annotations/testing=1",
        "ADE/images/training=ADE/annotations/training=3 ADE/images/validation=ADE/annotations/validation=2",
        "img/train=ann/train=3 img/val=ann/val=2",
        "img_dir/train=ann_dir/train=3 img_dir/val=ann_dir/val=2",
        "Train/Images=Train/Masks=3 Val/Images=Val/Masks=2 Test/Images=Test/Masks=1",
        "train/imgs=train/labels=3 valid/imgs=valid/labels=2",
        "train_images=train_masks=3 val_images=val_masks=2",
        "JPEGImages/TRAIN=SegmentationClass/Train=3 JPEGImages/Dev=SegmentationClass/eval=2",
    ],
)
def test_splits_are_found_under_any_usual_name(pairs: str, build) -> None:  # type: ignore[no-untyped-def]
    data = read_folder(build(*pairs.split()))
    assert (len(data.train), len(data.val), len(data.test)) == (3, 2, int(pairs.endswith("1")))
    for sample in (*data.train, *data.val, *data.test):
        assert sample.mask is not None
        assert sample.image.stem == sample.mask.stem
        assert sample.image.parent.parent != sample.mask.parent


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("images image Imgs IMG img_dir JPEGImages photos photo pictures frames inputs input images2", "images"),
        ("masks mask annotations annotation anns ann ann_dir annot labels label gt ground_truth targets segmentation", "masks"),
        ("segmentations SegmentationClass SegmentationClassAug SegmentationClassRaw label_dir masks_raw", "masks"),
        ("SegmentationObject image_masks instances objects originals car-labels", None),
    ],
)
def test_names_of_kinds(names: str, kind: str | None) -> None:
    wrong = [name for name in names.split() if name_of(name, KINDS, BESIDE_KINDS) != kind]
    assert not wrong


def test_images_to_predict_need_no_masks(build) -> None:  # type: ignore[no-untyped-def]
    data = read_folder(build("images/train=masks/train=3", "images/test==2"))
    assert [sample.mask for sample in data.test] == [None, None]
    with pytest.raises(DataError, match=r"images.val has no folder of masks that is called alike: there are .*masks.train"):
        read_folder(build("images/val==1"))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("images/train=masks/train=3 images/val=masks/val=2 images/more=masks/more=1", "has train and val, .* other images beside: more"),
        ("images/train=masks/train=3 images/valid=masks/valid=2 images/val=masks/val=1", "has 2 called like val: val and valid"),
        ("images=masks=3 images/val=masks/val=1", r"has val, called like a split of a dataset, and other images beside: 0\.jpg"),
        ("images=masks=3 train/images=train/masks=1", "has images with splits and without: images, train.images; bring all into splits"),
        ("images=masks=3 =labels=3", "has 2 called like masks: labels and masks"),
        ("images/walk_train=masks/walk_train=3 images/walk_test=masks/walk_test=2", "has walk_test and walk_train: call splits"),
        ("images/train=masks=3", "has no folder of masks that is called alike"),
    ],
)
def test_what_is_not_clear_is_refused(pairs: str, message: str, build) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        read_folder(build(*pairs.split()))


def test_folders_called_like_splits_can_be_subjects(build) -> None:  # type: ignore[no-untyped-def]
    root = build("images/test=masks/test=9", "images/walk=masks/walk=9")
    with pytest.raises(DataError, match="has test, called like a split"):
        read_folder(root)
    data = read_folder(root, splits=False)
    assert len(data.train) + len(data.val) == 18
    (root / "labels").mkdir()
    (root / "labels" / "0.txt").touch()  # boxes, not masks
    assert read_folder(root, splits=False) == data


def test_one_image_more_moves_no_other(build) -> None:  # type: ignore[no-untyped-def]
    before = read_folder(build("images=masks=40"), test_fraction=0.2)
    after = read_folder(build("images=masks=60"), test_fraction=0.2)
    assert {*before.train} < {*after.train}
    assert {*before.val} <= {*after.val}
    assert {*before.test} <= {*after.test}
    assert read_folder(build("images=masks=40"), seed=1).val != after.val
