"""Files of annotations in COCO's format: what is read, and what is refused with which words."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detection.conftest import WriteCoco, content
from rga.datasets.layout import DataError
from rga.detection.datasets.annotations import read_annotations


def test_what_is_in_a_file(write_coco: WriteCoco) -> None:
    file = read_annotations(write_coco())
    assert (file.categories.names, file.categories.ids) == (("cat", "brush"), (2, 90))
    assert [(image.name, image.size, len(image.objects or ())) for image in file.images] == [("a.png", (6, 8), 3), ("b.png", (6, 8), 0)]
    first, second, crowd = file.images[0].objects or ()
    assert (first.category, first.box, first.area, first.crowd) == (1, (1.0, 1.0, 4.0, 3.0), 12.0, False)
    assert (second.category, crowd.category, crowd.crowd) == (0, 0, True)
    masks = [each.segmentation.mask() for each in (first, second, crowd) if each.segmentation]
    for mask, (rows, columns) in zip(
        masks, ((slice(1, 4), slice(1, 5)), (slice(None), slice(0, 2)), (slice(None), slice(6, 8))), strict=True
    ):
        expected = np.zeros((6, 8), np.bool_)
        expected[rows, columns] = True
        np.testing.assert_array_equal(mask, expected)
    assert crowd.area == 12  # not in the file: counted


def test_a_file_without_annotations_tells_nothing_of_objects(write_coco: WriteCoco) -> None:
    values = content()
    del values["annotations"]
    assert [image.objects for image in read_annotations(write_coco(values)).images] == [None, None]


def test_boxes_at_the_border_and_without_width_are_kept_as_they_are(write_coco: WriteCoco) -> None:
    values = content()
    values["annotations"][0]["bbox"] = [6.5, -0.5, 3, 2]
    values["annotations"][1]["bbox"] = [2, 2, 0, 3]
    values["annotations"][1]["segmentation"] = [[1, 1, 2, 2]]  # a line: no polygon has three points
    first, second, _ = read_annotations(write_coco(values)).images[0].objects or ()
    assert (first.box, second.box, second.segmentation) == ((6.5, -0.5, 3.0, 2.0), (2.0, 2.0, 0.0, 3.0), None)


OBJECT = ("annotations", 0)


@pytest.mark.parametrize(
    ("where", "change", "message"),
    [
        ((), [], "expected an object with images"),
        (("images",), None, "no list 'images'"),
        (("categories",), [], "one category at least"),
        (("categories", 0, "id"), 2, "category 2 is there twice"),
        (("categories", 0, "id"), "2", "category 0 has the id '2': expected a whole number"),
        (("categories", 0, "name"), "cat", "every category needs a name of its own, got 'cat'"),
        (("categories", 0, "name"), " ", "category 90 has no name"),
        (("images", 0, "id"), 3, "image 3 is there twice"),
        (("images", 0, "file_name"), "b.png", r"'b\.png' is there twice"),
        (("images", 0, "width"), 0, r"image 7 \(a.png\) has the size 0x6"),
        (("images", 0, "height"), 6.5, r"height 6\.5: expected a whole number"),
        (("images", 0), "a.png", "image 0 is str: expected an object"),
        (("annotations",), {}, "annotations are no list"),
        ((*OBJECT, "id"), 2, "annotation 2 is there twice"),
        ((*OBJECT, "image_id"), 4, "annotation 1 is of image 4, which is not among its 2 images"),
        ((*OBJECT, "category_id"), 3, "annotation 1 is of category 3: there are 2, 90"),
        ((*OBJECT, "bbox"), [1, 1, 4], r"annotation 1 of a\.png: its bbox is \[1, 1, 4\]"),
        ((*OBJECT, "bbox"), [1, 1, -4, 3], "has the width -4"),
        ((*OBJECT, "bbox"), [9, 1, 4, 3], "lies outside of its image of 8x6"),
        ((*OBJECT, "bbox"), [1, 1, float("nan"), 3], "expected left, top, width and height"),
        ((*OBJECT, "iscrowd"), 2, "iscrowd is 2: expected 0 or 1"),
        ((*OBJECT, "area"), -1, "its area is -1"),
        ((*OBJECT, "segmentation"), "T10", "the segmentation is a str"),
        ((*OBJECT, "segmentation"), [[1, 1, 5, 1, 5]], "a polygon is a list of x and y in turn"),
        ((*OBJECT, "segmentation"), [[1, 1, 500000, 1, 5, 4]], "far outside of its image of 8x6"),
        ((*OBJECT, "segmentation"), {"size": [8, 6], "counts": [48]}, r"of the size \[8, 6\], their image is \[6, 8\]"),
        ((*OBJECT, "segmentation"), {"size": [6, 8], "counts": [40]}, "cover 40 pixels, their image has 48"),
        ((*OBJECT, "segmentation"), {"size": [6, 8], "counts": [50, -2]}, "whole numbers from 0 on"),
        ((*OBJECT, "segmentation"), {"size": [6, 8], "counts": "T"}, "the text is cut off"),
        ((*OBJECT, "segmentation"), {"size": [6, 8], "counts": "T1 <0"}, "the character ' ', which does not belong there"),
        ((*OBJECT, "segmentation"), {"size": [6, 8], "counts": "O"}, "a run of -1 pixels"),
    ],
)
def test_what_cannot_be_is_refused_with_the_file_named(write_coco: WriteCoco, where: tuple[Any, ...], change: Any, message: str) -> None:
    values: Any = copy.deepcopy(content())
    path = write_coco()
    if where:
        inner = values
        for key in where[:-1]:
            inner = inner[key]
        inner[where[-1]] = change
    else:
        values = change
    path.write_text(json.dumps(values))
    with pytest.raises(DataError, match=message) as caught:
        read_annotations(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(DataError, match=r"cut\.json is no JSON"):
        read_annotations(tmp_path / "cut.json")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match="nested too deeply"):
        read_annotations(tmp_path / "deep.json")
    with pytest.raises(FileNotFoundError, match="expected annotations in COCO's format"):
        read_annotations(tmp_path / "none.json")
