"""PASCAL VOC 2012 and SBD's list, in tiny folders of the real format."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.datasets.layout import DataError
from rga.segmentation.datasets.catalog import CATALOG
from rga.segmentation.datasets.masks import read_mask, read_sample
from rga.segmentation.datasets.pascal_voc import CLASSES, palette_colour, read_pascal_voc
from segmentation.conftest import SIZE, WriteImage, WriteMask

LISTS = {"train": ["2007_000032", "2007_000039"], "val": ["2007_000033"], "trainval": ["2007_000032", "2007_000033", "2007_000039"]}


def write_indices(path: Path, values: tuple[int, ...]) -> None:
    """A mask as VOC has it: indices of a palette with VOC's colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.broadcast_to(np.resize(np.array(values, np.uint8), SIZE[1]), SIZE).copy())
    image.putpalette([channel for index in range(256) for channel in palette_colour(index)])
    image.save(path)


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage) -> Path:
    home = tmp_path / "VOCdevkit" / "VOC2012"
    for name in LISTS["trainval"]:
        write_image(home / f"JPEGImages/{name}.jpg")
        write_indices(home / f"SegmentationClass/{name}.png", (0, 15, 20, 255))
    for split, names in LISTS.items():
        path = home / f"ImageSets/Segmentation/{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    return tmp_path


def test_palettes_are_read_as_indices_and_the_border_is_ignored(root: Path) -> None:
    for folder in (root, root / "VOCdevkit", root / "VOCdevkit/VOC2012"):
        data = read_pascal_voc(folder)
        assert [len(data.train), len(data.val), len(data.test)] == [2, 1, 0]
    assert [sample.image.stem for sample in data.train] == LISTS["train"]
    assert (len(data.classes), data.classes.names[15], data.classes.names[20]) == (21, "person", "tvmonitor")
    assert read_sample(data.val[0], data.classes)[1][0].tolist() == [0, 15, 20, 255] * 2


def test_masks_in_the_palettes_colours_are_the_same(root: Path, tmp_path: Path) -> None:
    mask = root / "VOCdevkit/VOC2012/SegmentationClass/2007_000032.png"
    Image.open(mask).convert("RGB").save(tmp_path / "coloured.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "coloured.png", CLASSES), read_mask(mask, CLASSES))


@pytest.mark.parametrize("name", ["train_aug.txt", "trainaug.txt"])
def test_the_list_of_sbd_adds_images_to_train_on(root: Path, write_image: WriteImage, write_mask: WriteMask, name: str) -> None:
    home = root / "VOCdevkit/VOC2012"
    write_image(home / "JPEGImages/2008_000002.jpg")
    for each in (*LISTS["train"], "2008_000002"):
        write_mask(home / f"SegmentationClassAug/{each}.png", (0, 15, 255))
    (home / "ImageSets/Segmentation" / name).write_text("2007_000032\n2007_000039\n2008_000002\n")
    data = CATALOG.read(f"pascal-voc:{root}?augmented=true")
    assert [sample.image.stem for sample in data.train] == [*LISTS["train"], "2008_000002"]
    assert {sample.mask.parent.name for sample in data.train if sample.mask} == {"SegmentationClassAug"}
    assert data.val[0].mask == home / "SegmentationClass/2007_000033.png"
    assert len(read_pascal_voc(root).train) == 2
    (home / "ImageSets/Segmentation/val.txt").write_text("2008_000002\n")
    write_indices(home / "SegmentationClass/2008_000002.png", (0, 15))
    with pytest.raises(DataError, match=rf"{name} and val.txt share 1 images, such as 2008_000002"):
        read_pascal_voc(root, augmented=True)


def test_images_of_the_test_split_have_no_masks(root: Path) -> None:
    (root / "VOCdevkit/VOC2012/ImageSets/Segmentation/test.txt").write_text("2007_000033\n")
    (sample,) = read_pascal_voc(root).test
    assert sample.mask is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no image: expected an ID"),
        ("2007_000032\n\n2007_000032\n", r"lists 2007_000032 twice: 1 lines are there again"),
        ("/JPEGImages/2007_000032.jpg /SegmentationClass/2007_000032.png\n", "train.txt, line 1: .* is no ID such as 2007_000032"),
        ("2007_000032\n2007_000099\n", r"name 2 files that are not there, such as .*JPEGImages/2007_000099\.jpg"),
    ],
)
def test_lists_are_checked(root: Path, text: str, message: str) -> None:
    (root / "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_pascal_voc(root)


def test_missing_parts_are_named(root: Path) -> None:
    home = root / "VOCdevkit/VOC2012"
    with pytest.raises(FileNotFoundError, match=r"SegmentationClassAug in it\. PASCAL VOC 2012"):
        read_pascal_voc(home, augmented=True)
    (home / "ImageSets/Segmentation/val.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"no list .*val\.txt"):
        read_pascal_voc(home)
    (home / "SegmentationClass").rename(home / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"lacks .*SegmentationClass"):
        read_pascal_voc(home)
