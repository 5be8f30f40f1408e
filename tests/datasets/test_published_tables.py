"""Tables that were published with the datasets, and which reader and which counts each name stands for."""

from functools import partial
from typing import Any

import pytest

from rga.classification.datasets import catalog as classification
from rga.classification.datasets.cifar import read_cifar10, read_cifar100
from rga.classification.datasets.digits import read_digits
from rga.classification.datasets.imagenet import read_imagenet
from rga.classification.datasets.zips import read_zips
from rga.reid.datasets import catalog as reid
from rga.reid.datasets.cuhk03 import read_cuhk03, read_cuhk03_classic
from rga.reid.datasets.market1501 import read_market1501
from rga.reid.datasets.msmt17 import read_msmt17
from rga.reid.datasets.table import read_table
from rga.segmentation.datasets import ade20k, camvid, cityscapes, pascal_voc
from rga.segmentation.datasets import catalog as segmentation
from rga.segmentation.datasets.camvid import read_camvid
from rga.segmentation.datasets.cityscapes import read_cityscapes, read_generated
from rga.segmentation.datasets.classes import IGNORED

CITYSCAPES = """
7 road 128 64 128|8 sidewalk 244 35 232|11 building 70 70 70|12 wall 102 102 156|13 fence 190 153 153|17 pole 153 153 153
19 traffic_light 250 170 30|20 traffic_sign 220 220 0|21 vegetation 107 142 35|22 terrain 152 251 152|23 sky 70 130 180
24 person 220 20 60|25 rider 255 0 0|26 car 0 0 142|27 truck 0 0 70|28 bus 0 60 100|31 train 0 80 100|32 motorcycle 0 0 230
33 bicycle 119 11 32
"""
"""labelId, name, red, green and blue, in the order of the trainIds (cityscapesScripts, labels.py)."""

CAMVID = """
sky 128 128 128|building 128 0 0|pole 192 192 128|road 128 64 128|pavement 60 40 222|tree 128 128 0|sign 192 128 128|fence 64 64 128
car 64 0 128|pedestrian 64 64 0|bicyclist 0 128 192
"""
"""Name, red, green and blue, in the order of the values (SegNet's tutorial)."""


def rows(table: str) -> list[list[str]]:
    return [row.split() for line in table.strip().splitlines() for row in line.split("|")]


def test_the_classes_of_cityscapes_are_the_published_ones() -> None:
    expected = [(int(label), name.replace("_", " "), tuple(map(int, colour))) for label, name, *colour in rows(CITYSCAPES)]
    assert [(label, *rest) for label, rest in cityscapes.CLASSES.items()] == expected
    classes = cityscapes.chosen_classes(tuple(cityscapes.CLASSES))
    assert classes.names == tuple(name for _, name, _ in expected)
    assert classes.colours == tuple(colour for *_, colour in expected)
    train_ids = {label: train_id for train_id, (label, _, _) in enumerate(expected)}
    assert classes.values == {label: train_ids.get(label, IGNORED) for label in range(34)}
    shown = cityscapes.chosen_classes(cityscapes.GENERATED)
    assert shown.names == ("road", "sidewalk", "building", "pole", "vegetation", "sky", "person", "car")


def test_the_classes_of_camvid_are_the_published_ones() -> None:
    expected = [(name, tuple(map(int, colour))) for name, *colour in rows(CAMVID)]
    assert list(zip(camvid.CLASSES.names, camvid.CLASSES.colours, strict=True)) == expected
    assert camvid.CLASSES.values == {**{index: index for index in range(11)}, 11: IGNORED}


@pytest.mark.parametrize(
    ("catalog", "readers"),
    [
        (
            reid,
            {
                "market1501": (read_market1501, {}),
                "msmt17": (read_msmt17, {}),
                "cuhk03-labeled": (read_cuhk03, {"boxes": "labeled"}),
                "cuhk03-detected": (read_cuhk03, {"boxes": "detected"}),
                "cuhk03-classic-labeled": (read_cuhk03_classic, {"boxes": "labeled"}),
                "cuhk03-classic-detected": (read_cuhk03_classic, {"boxes": "detected"}),
                "csv": (read_table, {}),
            },
        ),
        (
            segmentation,
            {
                "cityscapes": (read_cityscapes, {}),
                "camvid": (read_camvid, {}),
                "pascal-voc": (pascal_voc.read_pascal_voc, {}),
                "ade20k": (ade20k.read_ade20k, {}),
                "streets": (read_generated, {}),
            },
        ),
        (
            classification,
            {
                "digits": (read_digits, {}),
                "cifar10": (read_cifar10, {}),
                "cifar100": (read_cifar100, {}),
                "imagenet": (read_imagenet, {}),
                "zips": (read_zips, {}),
            },
        ),
    ],
    ids=["reid", "segmentation", "classification"],
)
def test_names_stand_for_their_readers(catalog: Any, readers: dict[str, Any]) -> None:
    found = catalog.CATALOG.readers
    for name, expected in readers.items():
        reader = found[name]
        assert ((reader.func, reader.keywords) if isinstance(reader, partial) else (reader, {})) == expected, name
    assert "folder" in found


def test_counts_are_the_published_ones() -> None:
    def of(counts: Any) -> dict[str, tuple[int | None, ...]]:
        return {split: (each.identities, each.images, each.cameras) for split, each in counts.items()}

    assert {name: of(counts) for name, counts in reid.CATALOG.expected.items()} == {
        "market1501": {"train": (751, 12_936, 6), "query": (750, 3_368, 6), "gallery": (750, 15_913, 6)},
        "msmt17": {"train": (1_041, 32_621, 15), "query": (3_060, 11_659, 15), "gallery": (3_060, 82_161, 15)},
        "cuhk03-labeled": {"train": (767, 7_368, 2), "query": (700, 1_400, 2), "gallery": (700, 5_328, 2)},
        "cuhk03-detected": {"train": (767, 7_365, 2), "query": (700, 1_400, 2), "gallery": (700, 5_332, 2)},
        "dukemtmc": {"train": (702, 16_522, 8), "query": (702, 2_228, 8), "gallery": (1_110, 17_661, 8)},
        "veri": {"train": (576, 37_778, None), "query": (200, 1_678, None), "gallery": (200, 11_579, None)},
        "mars": {"train": (625, 8_298, 6), "query": (626, 1_980, 6), "gallery": (621, 9_330, 6)},
        "ilids-vid": {"train": (150, 300, 2), "query": (150, 150, 1), "gallery": (150, 150, 1)},
        "prid2011": {"train": (89, 178, 2), "query": (89, 89, 1), "gallery": (89, 89, 1)},
    }
    assert {
        name: {split: (each.images, each.masks) for split, each in counts.items()} for name, counts in segmentation.CATALOG.expected.items()
    } == {
        "cityscapes": {"train": (2_975, 2_975), "val": (500, 500), "test": (1_525, 0)},
        "camvid": {"train": (367, 367), "val": (101, 101), "test": (233, 233)},
        "pascal-voc": {"train": (1_464, 1_464), "val": (1_449, 1_449), "test": (0, 0)},
        "ade20k": {"train": (20_210, 20_210), "val": (2_000, 2_000), "test": (0, 0)},
    }
    assert {name: dict(counts) for name, counts in classification.CATALOG.expected.items()} == {
        "cifar10": {"train": (10, 50_000), "test": (10, 10_000)},
        "cifar100": {"train": (100, 50_000), "test": (100, 10_000)},
        "imagenet": {"train": (1_000, 1_281_167), "val": (1_000, 50_000)},
    }
