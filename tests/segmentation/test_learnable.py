"""Masks from which nothing can be learnt are refused before a training, and told by the check."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.datasets.spec import DataSpec
from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.folder import read_folder
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.training import SegmentationTraining, check_masks
from segmentation.conftest import WriteImage, WriteMask

TINY = SegmentationRecipe().override(
    data=DataSpec("folder"), backbone="resnet10t", weights="none", crop_size=(32, 32), batch_size=1, largest_grid=4, num_workers=0
)

TWO = "value,name\n0,background\n1,car\n"


@pytest.fixture
def build(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask):  # type: ignore[no-untyped-def]
    """Data with a class file whose masks hold some values each: to train on, to choose by and to test on."""

    def write(table: str, train: list[tuple[int, ...]], **others: list[tuple[int, ...]]) -> SegmentationData:
        for split, masks in {"train": train, **others}.items():
            for number, values in enumerate(masks):
                write_image(tmp_path / "images" / split / f"{number}.png")
                write_mask(tmp_path / "masks" / split / f"{number}.png", values)
        (tmp_path / "classes.csv").write_text(table)
        return read_folder(tmp_path)

    return write


@pytest.mark.parametrize(
    ("table", "masks", "message"),
    [
        (TWO, [(0, 255)] * 3, r"hold 'background' and no pixel of 'car': nothing can be learnt. Pixels with the value 255 are ignored, as"),
        (
            TWO,
            [(255,)] * 3,
            r"every pixel of all 3 masks of train is ignored: nothing can be learnt. Pixels with the value 255 are ignored",
        ),
        (
            TWO,
            [(0,)] * 3,
            r"hold 'background' and no pixel of 'car': nothing can be learnt; compare the values .* \(rga data classes FOLDER\)",
        ),
        (TWO + "255,ignored\n", [(1, 255)] * 3, r"hold 'car' and no pixel of 'background': nothing can be learnt; compare the values"),
        (
            "value,name\n0,ignored\n1,car\n",
            [(0, 1)] * 3,
            "'car' is the only class: to tell classes apart takes two or more; name what is around",
        ),
        ("value,name\n0,ignored\n1,a\n2,b\n3,c\n", [(0, 2)] * 3, r"hold 'b' and no pixel of 'a', 'c': nothing can be learnt"),
    ],
)
def test_masks_from_which_nothing_can_be_learnt(table: str, masks: list[tuple[int, ...]], message: str, build) -> None:  # type: ignore[no-untyped-def]
    data = build(table, masks, val=[(0, 1)])
    with pytest.raises(DataError, match=message):
        SegmentationTraining(TINY, data)
    for whole in (False, True):
        report = check_data(data, open_images=whole)
        assert not report.ok
        assert re.search(f"PROBLEM  .*{message}", str(report))
        assert report.to_dict()["unlearnable"]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([(0, 1, 255), (0, 255)], "1 of 2 masks of train hold one value and 255, which is ignored, as the class file does not name it"),
        ([(0, 1), (255,)], "every pixel is ignored in 1 of 2 masks of train"),
    ],
)
def test_what_looks_wrong_is_told_before_training(masks: list[tuple[int, ...]], message: str, build) -> None:  # type: ignore[no-untyped-def]
    data = build(TWO, masks, val=[(0, 1)])
    assert f"  beware: {message}" in SegmentationTraining(TINY, data).describe_data()
    report = check_data(data)
    assert report.ok
    assert f"note     {message}" in str(report)


def test_a_class_without_a_pixel_is_told_and_the_others_are_learnt(build) -> None:  # type: ignore[no-untyped-def]
    data = build(f"{TWO}2,bus\n", [(0, 1)] * 3, val=[(2,)])
    message = "1 class has no pixel in any mask of train: bus"
    assert message in check_masks(data, {"val": data.val})
    assert check_data(data).untrained == ("bus",)
    assert f"note     {message}" in str(check_data(data))
    told = check_masks(build(f"{TWO}2,bus\n", [(0, 1, 255, 255)] * 3), {})
    assert "50.0% of the pixels of train have the value 255 and are ignored, as the class file does not name it" in told[1]
    sound = build(TWO, [(0, 1)] * 3, val=[(0, 1)])
    assert check_masks(sound, {"val": sound.val}) == ()
    assert "no pixel" not in str(check_data(sound))


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_of_which_nothing_can_be_measured_is_refused_before_training(split: str, build) -> None:  # type: ignore[no-untyped-def]
    data = build(TWO, [(0, 1)], **{"val": [(0, 1)], split: [(255,)] * 2})
    with pytest.raises(
        DataError,
        match=f"every pixel of all masks of {split} is ignored: nothing can be measured",
    ):
        SegmentationTraining(TINY, data)
    report = check_data(data)
    assert report.blind == (split,)
    assert f"PROBLEM  1 split has no pixel that counts: all are ignored: {split}" in str(report)


def test_a_split_to_measure_on_that_shows_one_class_is_told(build) -> None:  # type: ignore[no-untyped-def]
    data = build(TWO, [(0, 1)], val=[(0, 255)] * 2, test=[(0,), (1,)])
    message = "the masks of val show 'background' alone: figures measured there say nothing about the other classes"
    assert check_masks(data, {"val": data.val, "test": data.test}) == (message,)
    report = check_data(data)
    assert report.ok
    assert [line for line in str(report).splitlines() if "alone" in line] == [f"note     {message}"]


def test_a_mask_with_an_unknown_value_is_told_at_once(build) -> None:  # type: ignore[no-untyped-def]
    data = build(TWO, [(0, 1), (0, 9)], val=[(0, 1)])
    with pytest.raises(DataError, match=r"mask .*1\.png: 24 pixels have values that stand for no class \(9\); known values are 0, 1, 255"):
        SegmentationTraining(TINY, data)
    assert not check_data(data).ok


def test_few_masks_are_read_where_every_class_is_seen(build, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("rga.segmentation.datasets.learnable.SOME", 3)
    monkeypatch.setattr("rga.segmentation.datasets.learnable.MOST", 7)
    data = build(TWO, [(0, 1)] * 9, val=[(0, 1)])
    assert check_data(data).examined.masks == 3
    assert check_data(data, open_images=True).examined.masks == 9
    rare = replace(data, classes=read_table(data.root, f"{TWO}2,bus\n"))
    report = check_data(rare)
    assert report.ok
    assert "1 class has no pixel in 7 of 9 masks of train, which were looked at: bus" in str(report)


def read_table(root: Path, table: str):  # type: ignore[no-untyped-def]
    """The classes of a table."""
    (root / "classes.csv").write_text(table)
    return read_folder(root).classes


def test_classes_that_are_called_like_pixels_that_do_not_count_are_told(build) -> None:  # type: ignore[no-untyped-def]
    data = build("value,name\n0,Void\n1,road\n2,car\n", [(0, 1, 2)] * 3, val=[(0, 1, 2)])
    said = "'Void' is a class as all others are, which is learnt and measured: call it 'ignored' if its pixels do not count"
    assert check_masks(data, {}) == (said,)
    assert f"note     {said}" in str(check_data(data))
