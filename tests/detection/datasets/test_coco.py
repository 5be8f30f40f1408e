"""Datasets in COCO's format: where their files may lie, and what is wrong with them."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.conftest import WriteCoco, content
from rga.datasets.layout import DataError
from rga.detection.datasets.catalog import CATALOG, EXPECTED
from rga.detection.datasets.coco import read_coco
from rga.detection.datasets.samples import DetectionData, Sample
from rga.detection.datasets.targets import read_checked, read_target
from rga.errors import InputError


def others(names: str) -> dict[str, object]:
    """The same content with other files."""
    values = copy.deepcopy(content())
    for image, name in zip(values["images"], names, strict=True):
        image["file_name"] = f"{name}.png"
    return values


@pytest.mark.parametrize(
    ("train", "val", "images"),
    [
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json", ("train2017", "val2017")),
        ("annotations/instances_train.json", "annotations/instances_val.json", ("images/train", "images/val")),
        ("annotations/train.json", "annotations/Validation.json", ("train", "images/Validation")),
        ("annotations/instances_train.json", "annotations/instances_val.json", ("images", "images")),
    ],
)
def test_usual_layouts_are_found(write_coco: WriteCoco, tmp_path: Path, train: str, val: str, images: tuple[str, str]) -> None:
    write_coco(where=train, images=images[0])
    write_coco(others("cd"), where=val, images=images[1])
    if "instances" in train:
        (tmp_path / "annotations/captions_train2017.json").write_text("{}")
        (tmp_path / "annotations/person_keypoints_val2017.json").write_text("{}")
    data = CATALOG.read(f"coco:{tmp_path}")
    assert [[sample.image.name for sample in data.split(split)] for split in ("train", "val", "test")] == [
        ["a.png", "b.png"],
        ["c.png", "d.png"],
        [],
    ]
    assert (data.name, data.classes.names) == (tmp_path.name, ("cat", "brush"))
    assert (data.counts["train"].images, data.counts["train"].objects) == (2, 2)


def test_one_file_is_split_by_a_hash_of_its_names(write_coco: WriteCoco, tmp_path: Path) -> None:
    path = write_coco(where="mine.json", images="photos")
    with pytest.raises(FileNotFoundError, match=r"2 of the 2 images of .*mine\.json are not there, such as"):
        read_coco(path)
    data = read_coco(path, images="photos", val_fraction=0.5)
    assert sorted(len(each) for each in (data.train, data.val)) == [1, 1]
    assert CATALOG.read(f"coco:{path}?images=photos&val_fraction=0.5").fingerprint == data.fingerprint
    with pytest.raises(InputError, match="val_fraction must lie between 0 and 1"):
        read_coco(path, images="photos", val_fraction=1.0)
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        read_coco(path, images="nowhere")


def test_coco_2017_has_its_published_counts(write_coco: WriteCoco, tmp_path: Path) -> None:
    assert (EXPECTED["coco2017"]["train"].images, EXPECTED["coco2017"]["val"].objects) == (118_287, 36_335)
    write_coco(where="annotations/instances_train2017.json", images="train2017")
    report = CATALOG.check(f"coco2017:{tmp_path}")
    assert not report.ok
    assert "2 splits do not hold what they should: train, val" in str(report)
    assert CATALOG.check(f"coco:{tmp_path}").ok


def test_what_is_missing_or_does_not_fit_is_named(write_coco: WriteCoco, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lacks annotations: .* COCO is at cocodataset\.org"):
        read_coco(tmp_path)
    write_coco()
    (tmp_path / "images/train/b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 2 images of .* are not there, such as .*b\.png"):
        read_coco(tmp_path)
    write_coco()
    write_coco(where="annotations/instances_val.json", images="images/val")
    assert len(read_coco(tmp_path).val) == 2  # of the same names, in another folder
    values = others("cd")
    values["categories"] = [{"id": 2, "name": "dog"}, {"id": 90, "name": "brush"}]
    write_coco(values, where="annotations/instances_val.json", images="images/val")
    with pytest.raises(DataError, match="differ in category 2: cat and dog"):
        read_coco(tmp_path)
    for path in (tmp_path / "annotations").iterdir():
        path.rename(path.with_name(f"my_{path.name}"))
    with pytest.raises(FileNotFoundError, match="no file of annotations of train, val or test: it has my_instances"):
        read_coco(tmp_path)


def test_an_image_in_two_splits_is_refused(write_coco: WriteCoco, tmp_path: Path) -> None:
    write_coco(images="images")
    write_coco(others("bc"), where="annotations/instances_val.json", images="images")
    with pytest.raises(DataError, match=r"1 images are in train and in val, such as .*b\.png"):
        read_coco(tmp_path)
    (tmp_path / "annotations/instances_val.json").rename(tmp_path / "annotations/instances_test.json")
    with pytest.raises(DataError, match=r"1 images are in train and in test, such as .*b\.png"):
        read_coco(tmp_path)
    (tmp_path / "images/a.png").unlink()
    (tmp_path / "images/a.png").symlink_to("d.png")
    write_coco(others("dx"), where="annotations/instances_test.json", images="images")
    with pytest.raises(DataError, match=r"1 images are in train and in test, such as .*a\.png"):
        read_coco(tmp_path)
    write_coco(others("ez"), where="annotations/instances_val.json", images="images")
    write_coco(others("ew"), where="annotations/instances_test.json", images="images")
    with pytest.raises(DataError, match=r"1 images are in val and in test, such as .*e\.png"):
        read_coco(tmp_path)


def test_the_fingerprint_sees_annotations(write_coco: WriteCoco, tmp_path: Path) -> None:
    path = write_coco()
    before = read_coco(tmp_path).fingerprint
    values = json.loads(path.read_text())
    values["annotations"][0]["segmentation"][0][0] = 2
    path.write_text(json.dumps(values))
    assert read_coco(tmp_path).fingerprint != before


def test_targets_are_what_can_be_learnt(write_coco: WriteCoco, tmp_path: Path) -> None:
    values = content()
    objects = values["annotations"]
    objects[0]["bbox"] = [-1, 1, 5, 3]
    objects += [{**objects[0], "id": 10, "bbox": [3, 3, 0, 2]}, {**objects[0], "id": 11, "segmentation": []}]
    objects += [{**objects[0], "id": 12, "segmentation": [[2.1, 2.1, 2.2, 2.1, 2.2, 2.2]]}]  # between the centres of pixels
    write_coco(values)
    data = read_coco(tmp_path)
    target = read_target(data.train[0])
    assert target.boxes.tolist() == [[0, 1, 4, 4], [0, 0, 2, 6]]
    assert target.labels.tolist() == [1, 0]
    assert target.masks.shape == (2, 6, 8)
    assert read_target(data.train[1]).boxes.shape == (0, 4)
    report = CATALOG.check(f"coco:{tmp_path}", open_images=True)
    assert "1 of 5 objects in train are not trained on: they have a box without width or height in its image" in str(report)
    assert "1 of 5 objects in train are not trained on: they have no mask" in str(report)
    assert "1 image of train has no object: images/train/b.png" in str(report)
    assert any("the masks of 1 objects have no pixel" in defect for defect in report.to_dict()["defects"])


def test_images_are_compared_with_the_size_of_their_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(path, exif=exif)
    with pytest.raises(DataError, match="is 6x8 as a viewer shows it, its annotations are of 8x6; its EXIF orientation turns it"):
        read_checked(Sample(path, (6, 8), ()))
    assert read_checked(Sample(path, (8, 6), ())).mode == "RGB"
    Image.new("RGBA", (9, 6), (1, 2, 3, 255)).save(tmp_path / "b.png")
    assert read_checked(Sample(tmp_path / "b.png", (6, 9), ())).getpixel((0, 0)) == (1, 2, 3)
    with pytest.raises(DataError, match="is 9x6 as a viewer shows it, its annotations are of 8x6: boxes would lie elsewhere"):
        read_checked(Sample(tmp_path / "b.png", (6, 8), ()))


def test_splits_are_labelled_or_not(write_coco: WriteCoco, tmp_path: Path) -> None:
    write_coco()
    data = read_coco(tmp_path)
    with pytest.raises(InputError, match=r"has no images in val: it has train \(2\)"):
        data.labelled("val")
    bare = tuple(Sample(each.image, each.size, None) for each in data.train)
    with pytest.raises(InputError, match=r"the objects in val .* are not given: detect them"):
        DetectionData("x", data.classes, (), bare, (), tmp_path).labelled("val")
    with pytest.raises(DataError, match="is to be trained on, and its objects are not given"):
        DetectionData("x", data.classes, bare, (), (), tmp_path)
    with pytest.raises(InputError, match="have no object: nothing can be measured"):
        DetectionData("x", data.classes, (), data.train[1:], (), tmp_path).labelled("val")
