"""What reports on datasets write for programs, and print for people: every key and every figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.classification.datasets.check import ClassificationReport
from rga.reid.datasets.check import DataReport
from rga.reid.datasets.samples import SplitCounts
from rga.segmentation.datasets.check import MaskReport, SegmentationReport
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.learnable import Examination
from rga.segmentation.datasets.samples import SplitCounts as MaskCounts

ROOT = Path("images")


def assert_holds(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """All keys with their values; there may be more."""
    assert {name: found.get(name, "missing") for name in expected} == expected


def reid_report(**changes: Any) -> DataReport:
    values: dict[str, Any] = {
        "name": "people",
        "root": ROOT,
        "fingerprint": "0123",
        "has_cameras": True,
        "found": {"train": SplitCounts(3, 9, 2), "query": SplitCounts(2, 4, 1), "gallery": SplitCounts(2, 5, 0)},
        "expected": {"train": SplitCounts(3, 9, 2), "query": SplitCounts(2, 4, 2), "gallery": SplitCounts(2, 5)},
        "opened": True,
        "damaged": (("a.jpg", "truncated"),),
        "overlapping_identities": (7,),
        "trained_queries": ("t.jpg",),
        "unmatched_queries": ("q.jpg",),
        "duplicates": (("a.jpg", "b.jpg"), ("c.jpg", "d.jpg"), ("e.jpg", "f.jpg")),
        "leaked": (("c.jpg", "d.jpg"),),
        "contradictory": (("e.jpg", "f.jpg"),),
        "notes": ("20 cameras in 30 images",),
        "single_image_identities": (3, 4),
    }
    return DataReport(**{**values, **changes})


SOUND: dict[str, Any] = {
    "expected": None,
    "damaged": (),
    "overlapping_identities": (),
    "trained_queries": (),
    "unmatched_queries": (),
    "duplicates": (),
    "leaked": (),
    "contradictory": (),
    "notes": (),
    "single_image_identities": (),
}


def test_the_report_on_re_identification() -> None:
    report = reid_report()
    assert_holds(
        report.to_dict(),
        {
            "name": "people",
            "root": "images",
            "fingerprint": "0123",
            "ok": False,
            "has_cameras": True,
            "found": {
                "train": {"identities": 3, "images": 9, "cameras": 2},
                "query": {"identities": 2, "images": 4, "cameras": 1},
                "gallery": {"identities": 2, "images": 5, "cameras": 0},
            },
            "expected": {
                "train": {"identities": 3, "images": 9, "cameras": 2},
                "query": {"identities": 2, "images": 4, "cameras": 2},
                "gallery": {"identities": 2, "images": 5, "cameras": None},
            },
            "wrong_counts": ["query"],
            "opened": True,
            "damaged": [{"path": "a.jpg", "reason": "truncated"}],
            "overlapping_identities": [7],
            "trained_queries": ["t.jpg"],
            "unmatched_queries": ["q.jpg"],
            "duplicates": [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"], ["e.jpg", "f.jpg"]],
            "leaked": [["c.jpg", "d.jpg"]],
            "contradictory": [["e.jpg", "f.jpg"]],
            "notes": ["20 cameras in 30 images"],
            "single_image_identities": [3, 4],
        },
    )
    assert reid_report(**SOUND).to_dict()["expected"] is None
    text = str(report)
    for line in (
        "query             2         4        1   2 identities, 4 images, 2 cameras",
        "gallery           2         5     none   as expected",
        "PROBLEM  1 split does not hold what it should: query",
        "PROBLEM  1 image cannot be decoded: a.jpg (truncated)",
        "PROBLEM  1 identity is trained on and tested on: 7",
        "note     1 of 4 queries has nothing to find by another camera and does not count: q.jpg",
        "PROBLEM  1 image is trained on and tested on, in files of the same content: c.jpg = d.jpg",
        "PROBLEM  1 image has several identities or cameras, in files of the same content: e.jpg = f.jpg",
        "note     3 groups of files have the same content: a.jpg = b.jpg, c.jpg = d.jpg, e.jpg = f.jpg",
        "note     2 training identities have a single image: 3, 4",
        "note     20 cameras in 30 images",
        "not ok",
    ):
        assert line in text.splitlines()
    assert "not opened" not in text


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({}, True),
        ({"damaged": (("a.jpg", "truncated"),)}, False),
        ({"overlapping_identities": (7,)}, False),
        ({"trained_queries": ("a",)}, False),
        ({"leaked": (("a", "b"),)}, False),
        ({"contradictory": (("a", "b"),)}, False),
        ({"notes": ("the cameras are not known",)}, True),
        ({"expected": {"train": SplitCounts(3, 8)}}, False),
        ({"expected": {"train": SplitCounts(4, 9)}}, False),
        ({"expected": {"train": SplitCounts(3, 9, 1)}}, False),
        ({"expected": {"train": SplitCounts(3, 9)}}, True),
        ({"unmatched_queries": ("a", "b", "c")}, True),
        ({"unmatched_queries": ("a", "b", "c", "d")}, False),
        ({"duplicates": (("a", "b"),), "single_image_identities": (1,)}, True),
        ({"found": {"train": SplitCounts(3, 9), "query": SplitCounts(0, 0), "gallery": SplitCounts(0, 0)}}, True),
    ],
)
def test_what_makes_re_identification_data_unfit(changes: dict[str, Any], ok: bool) -> None:
    report = reid_report(**{**SOUND, **changes})
    assert report.ok is ok
    assert str(report).splitlines()[-1] == ("ok" if ok else "not ok")
    assert ("PROBLEM" in str(report)) is not ok


def classification_report(**changes: Any) -> ClassificationReport:
    values: dict[str, Any] = {
        "name": "animals",
        "root": ROOT,
        "fingerprint": "0123",
        "found": {"train": (2, 33), "val": (0, 0), "test": (2, 4)},
        "expected": {"train": (2, 33), "test": (2, 5)},
        "smallest": {"train": ("cat", 3), "test": ("cat", 2)},
        "largest": {"train": ("dog", 30), "test": ("dog", 2)},
        "opened": False,
        "damaged": ("a.jpg is damaged",),
        "leaked": (("a.jpg", "b.jpg"),),
        "doubled": (("c.jpg", "d.jpg"),),
    }
    return ClassificationReport(**{**values, **changes})


def test_the_report_on_classification() -> None:
    report = classification_report()
    assert_holds(
        report.to_dict(),
        {
            "name": "animals",
            "root": "images",
            "fingerprint": "0123",
            "ok": False,
            "found": {
                "train": {"classes": 2, "images": 33},
                "val": {"classes": 0, "images": 0},
                "test": {"classes": 2, "images": 4},
            },
            "expected": {"train": {"classes": 2, "images": 33}, "test": {"classes": 2, "images": 5}},
            "smallest": {"train": ["cat", 3], "test": ["cat", 2]},
            "largest": {"train": ["dog", 30], "test": ["dog", 2]},
            "opened": False,
            "damaged": ["a.jpg is damaged"],
            "leaked": [["a.jpg", "b.jpg"]],
            "doubled": [["c.jpg", "d.jpg"]],
        },
    )
    text = str(report).splitlines()
    for line in (
        "train           2         33   as expected",
        "val             0          0",
        "test            2          4   2 classes, 5 images",
        "PROBLEM  1 split does not hold what it should: test",
        "PROBLEM  1 image cannot be decoded: a.jpg is damaged",
        "PROBLEM  1 group of images is in more than one split: a.jpg = b.jpg",
        "note     1 group of images has the same content: c.jpg = d.jpg",
        "note     classes to train on are uneven: 3 images of cat, 30 of dog",
        "note     images were not opened, damaged ones are not known",
        "not ok",
    ):
        assert line in text
    sound: dict[str, Any] = {"expected": None, "damaged": (), "leaked": (), "doubled": ()}
    assert classification_report(**sound).ok
    assert classification_report(**sound).to_dict()["expected"] is None
    for name, value in (("expected", {"train": (2, 3)}), ("damaged", ("a",)), ("leaked", (("a", "b"),))):
        assert not classification_report(**{**sound, name: value}).ok
    assert classification_report(**{**sound, "doubled": (("a", "b"),)}).ok
    even = classification_report(**{**sound, "largest": {"train": ("dog", 29)}, "opened": True})
    assert str(even).splitlines()[-2:] == ["", "ok"]


SCENES = Classes(("road", "sky"), ((0, 0, 0), (1, 1, 1)), {0: 0, 1: 1})


def examination(*pixels: int, **changes: Any) -> Examination:
    """Of three masks, by the pixels of road, of sky, and of neither."""
    values: dict[str, Any] = {"masks": 3, "of": 3, "blank": 0, "unnamed": 0, "suspects": 0, "defects": ()}
    return Examination(SCENES, np.array(pixels), **{**values, **changes})


def segmentation_report(**changes: Any) -> SegmentationReport:
    values: dict[str, Any] = {
        "name": "scenes",
        "root": ROOT,
        "fingerprint": "0123",
        "classes": SCENES,
        "found": {"train": MaskCounts(3, 3), "val": MaskCounts(2, 2), "test": MaskCounts(1, 0)},
        "expected": {"train": MaskCounts(3, 3), "val": MaskCounts(4, 2)},
        "leaks": (("a.png", "b.png"),),
        "duplicates": (("c.png", "d.png"),),
        "masks": {
            "train": MaskReport(np.array([30, 0, 10]), ("a.png is damaged",)),
            "val": MaskReport(np.array([4, 4, 0]), ()),
            "test": MaskReport(np.array([0, 0, 0]), ("b.png is damaged",)),
        },
        "examined": examination(30, 0, 10, blank=1),
        "shown": {"val": (), "test": ("road",)},
    }
    return SegmentationReport(**{**values, **changes})


def test_the_report_on_segmentation() -> None:
    report = segmentation_report()
    refusal = (
        "the masks of train hold 'road' and no pixel of 'sky': nothing can be learnt; compare the values in the masks with those of the "
        "class file (rga data classes FOLDER)"
    )
    assert_holds(
        report.to_dict(),
        {
            "name": "scenes",
            "root": "images",
            "fingerprint": "0123",
            "ok": False,
            "classes": ["road", "sky"],
            "found": {"train": {"images": 3, "masks": 3}, "val": {"images": 2, "masks": 2}, "test": {"images": 1, "masks": 0}},
            "expected": {"train": {"images": 3, "masks": 3}, "val": {"images": 4, "masks": 2}},
            "wrong_counts": ["val"],
            "opened": True,
            "pixels": {"train": {"road": 30, "sky": 0, "(ignored)": 10}, "val": {"road": 4, "sky": 4, "(ignored)": 0}},
            "untrained": ["sky"],
            "unlearnable": refusal,
            "blind": ["val"],
            "remarks": [
                "1 class has no pixel in any mask of train: sky",
                "every pixel is ignored in 1 of 3 masks of train",
            ],
            "defects": ["a.png is damaged", "b.png is damaged"],
            "leaks": [["a.png", "b.png"]],
            "duplicates": [["c.png", "d.png"]],
        },
    )
    text = str(report).splitlines()
    for line in (
        "train            3         3   as expected",
        "val              2         2   4 images, 2 masks",
        "class         train       val   of the pixels",
        "road        75.000%   50.000%",
        "sky          0.000%   50.000%",
        "(ignored)   25.000%    0.000%",
        "PROBLEM  1 split does not hold what it should: val",
        "PROBLEM  2 images or masks cannot be used: a.png is damaged, b.png is damaged",
        "PROBLEM  1 image is in more than one split: a.png = b.png",
        "note     1 group of images has the same content: c.png = d.png",
        f"PROBLEM  {refusal}",
        "PROBLEM  1 split has no pixel that counts: all are ignored: val",
        "note     1 class has no pixel in any mask of train: sky",
        "note     every pixel is ignored in 1 of 3 masks of train",
        "note     the masks of test show 'road' alone: figures measured there say nothing about the other classes",
        "not ok",
    ):
        assert line in text, line
    sound: dict[str, Any] = {
        "expected": None,
        "leaks": (),
        "masks": None,
        "examined": examination(30, 20, 10),
        "shown": {"val": ("road",), "test": SCENES.names},
    }
    closed = segmentation_report(**sound)
    assert closed.ok
    nothing: dict[str, Any] = {"untrained": [], "unlearnable": "", "blind": [], "remarks": [], "defects": []}
    assert_holds(closed.to_dict(), {"expected": None, "opened": False, "pixels": None, **nothing})
    assert "note     images were not opened, and 3 masks of train were: --open-images opens all" in str(closed).splitlines()
    assert not segmentation_report(**{**sound, "leaks": (("a", "b"),)}).ok
    assert not segmentation_report(**{**sound, "expected": {"train": MaskCounts(3, 2)}}).ok
    assert not segmentation_report(**{**sound, "shown": {"val": ()}}).ok
    defect = segmentation_report(**{**sound, "examined": examination(30, 20, 10, defects=("a.png is no mask",))})
    assert (defect.ok, defect.defects) == (False, ("a.png is no mask",))
    assert not segmentation_report(**{**sound, "examined": examination(30, 0, 10)}).ok
    some = segmentation_report(**{**sound, "examined": examination(30, 0, 10, of=9)})
    assert (some.ok, some.untrained) == (True, ("sky",))  # the masks that were not read may show it
