"""Your own images and masks."""

import shutil
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.segmentation.datasets.class_file import read_classes
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.datasets.folder import read_folder
from rga.segmentation.datasets.masks import read_sample
from segmentation.conftest import WriteImage, WriteMask

CLASS_FILE = "value,name,colour\n0,ignored,\n1,road,#804080\n2,car,\n3,car,#00008e\n"


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> Path:
    folder = tmp_path / "mine"
    for number in range(10):
        write_image(folder / "images" / f"walk{number % 2}" / f"{number}.jpg")
        write_mask(folder / "masks" / f"walk{number % 2}" / f"{number}.png", (0, 1, 2, 3))
    (folder / "classes.csv").write_text(CLASS_FILE)
    return folder


def test_images_without_splits_are_split_by_the_seed(root: Path) -> None:
    data = read_folder(root)
    assert (data.name, len(data.train) + len(data.val), len(data.test)) == ("mine", 10, 0)
    assert 1 <= len(data.val) <= 4
    assert set(data.train).isdisjoint(data.val)
    assert read_folder(root) == data
    assert {read_folder(root, seed=seed).val for seed in range(8)} != {data.val}
    assert set(read_folder(root, val_fraction=0.7).val) > set(data.val)
    assert all(read_folder(root, val_fraction=0.4, test_fraction=0.3).split(split) for split in ("train", "val", "test"))
    _, labels = read_sample(data.train[0], data.classes)
    assert labels[0].tolist() == [IGNORED, 0, 1, 1] * 2


def test_splits_are_taken_as_they_are(root: Path, write_image: WriteImage, write_mask: WriteMask) -> None:
    for folder in ("images", "masks"):
        shutil.rmtree(root / folder)
    for split, number in (("train", 3), ("val", 2)):
        for index in range(number):
            write_image(root / "images" / split / f"{index}.png")
            write_mask(root / "masks" / split / f"{index}.png", (1,))
    data = read_folder(root)
    assert (len(data.train), len(data.val), len(data.test)) == (3, 2, 0)
    for folder in ("images", "masks"):
        shutil.rmtree(root / folder / "train")
    assert (len(read_folder(root).train), len(read_folder(root).val)) == (0, 2)  # to test on alone
    write_image(root / "images" / "train" / "0.png")
    write_image(root / "images" / "holiday" / "0.png")
    with pytest.raises(DataError, match="has train and val, called like splits of a dataset, and other images beside: holiday"):
        read_folder(root)


def test_the_class_file(root: Path) -> None:
    classes = read_classes(root / "classes.csv")
    assert classes.names == ("road", "car")
    assert classes.colours == ((0x80, 0x40, 0x80), (0, 0, 0x8E))
    assert classes.values == {0: IGNORED, 1: 0, 2: 1, 3: 1, 255: IGNORED}
    (root / "classes.csv").write_text(CLASS_FILE.replace("ignored", "Ignored") + "4,IGNORED,\n")
    assert read_classes(root / "classes.csv").values == {**classes.values, 4: IGNORED}
    (root / "classes.csv").write_text("\ufeffname, value\nroad,255\ncar,1\n", encoding="utf-8")
    assert read_classes(root / "classes.csv").values == {255: 0, 1: 1}
    assert len(set(read_classes(root / "classes.csv").colours)) == 2
    (root / "classes.csv").write_bytes("value;name\n0;stra\u00dfe\n1;m\u00fcll\n".encode("utf-16"))
    assert read_classes(root / "classes.csv").names == ("stra\u00dfe", "m\u00fcll")
    (root / "classes.csv").write_bytes("value,name\n0,stra\u00dfe\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"classes\.csv"):
        read_classes(root / "classes.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column value, name in the header ''. Expected value, name"),
        ("value,name\n1,road,#804080\n", "line 2: not as many fields as the header has"),
        ("id,name\n0,road\n", "line 1: no column value in the header 'id,name'. Expected value, name"),
        ("value,name\nx,road\n", "line 2: the value 'x' is no whole number from 0 to 65535 and no colour"),
        ("value,name\n65536,road\n", "line 2: the value '65536' is no whole number"),
        ("value,name\n1,road\n1,car\n", "line 3: the value 1 is there twice"),
        ("value,name\n1,\n", "line 2: the value 1 has no name; call it 'ignored'"),
        ("value,name,colour\n1,road,red\n", "line 2: the colour 'red' is not written as #rrggbb"),
        ("value,name\n0,ignored\n", "names no class; rga data classes FOLDER proposes"),
        ("value,name,colour,name\n0,road,,car\n", "the column name is there twice"),
        ("value,name,color\n0,road,#804080\n", "no column colour, but color: call it colour"),
        ("value,name\n0,road\n#804080,car\n", "has numbers and colours in the column value: write one of both"),
        ("value,name\n#804080,road\n#804080,car\n", "line 3: the value #804080 is there twice"),
        ("value,name\n#80408,road\n", "line 2: the colour '#80408' is not written as #rrggbb"),
        (
            "value,name,colour\n0,ignored,#000000\n1,road,#804080\n2,road,#000000\n",
            "line 4: the colour #000000 is that of another class, too",
        ),
        ("value,name\n1,road\n2,Road\n", "line 3: the names 'road' and 'Road' differ in case alone: write one class in one way"),
        ("value,name\n0,Ignored\n", "names no class; rga data classes FOLDER proposes"),
        ("value,name\n-1,road\n", "line 2: the value '-1' is no whole number"),
        ("value,name\n99999999999999999999999,road\n", "is no whole number from 0 to 65535"),
    ],
)
def test_wrong_class_files_are_named(root: Path, text: str, message: str) -> None:
    (root / "classes.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_folder(root)


def test_missing_pairs_and_doubled_names(root: Path, write_image: WriteImage) -> None:
    extra = write_image(root / "images" / "walk0" / "99.jpg")
    with pytest.raises(DataError, match=rf"image {extra} has no mask: expected one named 'walk0/99' in .*masks \(1 of 11 lack one\)"):
        read_folder(root)
    extra.unlink()
    write_image(root / "images" / "walk0" / "0.png")
    with pytest.raises(DataError, match="differ in their ending alone"):
        read_folder(root)


def test_too_few_images_and_wrong_options(root: Path) -> None:
    with pytest.raises(ValueError, match="val_fraction must lie between 0 and 1"):
        read_folder(root, val_fraction=1.0)
    for kind in ("images", "masks"):
        for path in sorted((root / kind).rglob("*.*"))[1:]:
            path.unlink()
    with pytest.raises(DataError, match="has 1 image: a split into train and val needs two or more"):
        read_folder(root)
    (root / "classes.csv").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"lacks classes\.csv: expected images, masks, classes\.csv in it\. The images are your own"
    ):
        read_folder(root)
