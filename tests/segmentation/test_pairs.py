"""Images and masks that belong together by their names."""

from pathlib import Path

import pytest

from rga.datasets.layout import DataError, by_stem
from rga.segmentation.datasets.pairs import paired
from rga.segmentation.datasets.samples import Sample


def test_pairs_are_in_the_order_of_their_names() -> None:
    images = {"b": Path("i/b.jpg"), "a/z": Path("i/a/z.jpg")}
    masks = {"a/z": Path("m/a/z.png"), "b": Path("m/b.png")}
    expected = (Sample(images["a/z"], masks["a/z"]), Sample(images["b"], masks["b"]))
    assert paired(images, masks, Path("m")) == expected
    assert paired(dict(reversed(images.items())), masks, Path("m")) == expected


def test_names_are_told_from_the_folder_without_their_endings(tmp_path: Path) -> None:
    files = [tmp_path / "deep" / "b.c.jpg", tmp_path / "a.png"]
    assert by_stem(files, tmp_path) == {"deep/b.c": files[0], "a": files[1]}
    with pytest.raises(DataError, match="a"):
        by_stem([tmp_path / "a.png", tmp_path / "a.jpg"], tmp_path)


@pytest.mark.parametrize(
    ("images", "masks", "named"),
    [
        ({"a": Path("a.jpg"), "b": Path("b.jpg")}, {"a": Path("a.png")}, "b"),
        ({"a": Path("a.jpg")}, {"a": Path("a.png"), "c": Path("c.png")}, "c"),
    ],
)
def test_one_without_the_other_is_named(images: dict[str, Path], masks: dict[str, Path], named: str) -> None:
    with pytest.raises(DataError, match=rf"\b{named}\b"):
        paired(images, masks, Path("masks"))


def test_of_several_the_first_by_name_is_named_with_how_many_there_are() -> None:
    images = {"c": Path("c.jpg"), "b": Path("b.jpg"), "a": Path("a.jpg")}
    with pytest.raises(DataError, match=r"image b\.jpg has no mask: .*\(2 of 3 lack one\)"):
        paired(images, {"a": Path("a.png")}, Path("masks"))
    with pytest.raises(DataError, match=r"mask b\.jpg has no image \(2 of 3 lack one\)"):
        paired({"a": Path("a.png")}, images, Path("masks"))
