"""What reports and results write for programs, and print for people: every key and every figure."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rga.classification.datasets.check import ClassificationReport
from rga.classification.result import ClassificationResult
from rga.cli.printing import print_calibration, print_evaluation, written
from rga.evaluations import Measured
from rga.ranking.open_set.open_set import evaluate_open_set
from rga.ranking.open_set.threshold import Threshold
from rga.ranking.result import RankingResult
from rga.reid.datasets.check import DataReport
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts
from rga.reid.evaluation import Calibration, ReidEvaluation, ReidOptions
from rga.segmentation.datasets.check import MaskReport, SegmentationReport
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.samples import SplitCounts as MaskCounts
from rga.segmentation.result import SegmentationResult

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
        "unmatched_queries": ("q.jpg",),
        "duplicates": (("a.jpg", "b.jpg"),),
        "single_image_identities": (3, 4),
    }
    return DataReport(**{**values, **changes})


SOUND: dict[str, Any] = {
    "expected": None,
    "damaged": (),
    "overlapping_identities": (),
    "unmatched_queries": (),
    "duplicates": (),
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
            "unmatched_queries": ["q.jpg"],
            "duplicates": [["a.jpg", "b.jpg"]],
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
        "note     1 group of files has the same content: a.jpg = b.jpg",
        "note     2 training identities have a single image: 3, 4",
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
        "found": {"train": (2, 33), "test": (2, 4)},
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
            "found": {"train": {"classes": 2, "images": 33}, "test": {"classes": 2, "images": 4}},
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
        "test            2          4   2 classes, 5 images",
        "PROBLEM  1 split does not hold what it should: test",
        "PROBLEM  1 image cannot be decoded: a.jpg is damaged",
        "PROBLEM  1 group of images is trained on and tested on: a.jpg = b.jpg",
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


def segmentation_report(**changes: Any) -> SegmentationReport:
    values: dict[str, Any] = {
        "name": "scenes",
        "root": ROOT,
        "fingerprint": "0123",
        "classes": Classes(("road", "sky"), ((0, 0, 0), (1, 1, 1)), {0: 0, 1: 1}),
        "found": {"train": MaskCounts(3, 3), "val": MaskCounts(2, 2), "test": MaskCounts(1, 0)},
        "expected": {"train": MaskCounts(3, 3), "val": MaskCounts(4, 2)},
        "leaks": (("a.png", "b.png"),),
        "duplicates": (("c.png", "d.png"),),
        "masks": {
            "train": MaskReport(np.array([30, 0, 10]), ("a.png is damaged",)),
            "val": MaskReport(np.array([4, 4, 0]), ()),
            "test": MaskReport(np.array([0, 0, 0]), ("b.png is damaged",)),
        },
    }
    return SegmentationReport(**{**values, **changes})


def test_the_report_on_segmentation() -> None:
    report = segmentation_report()
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
        "note     1 class has no pixel in any mask of train: sky",
        "not ok",
    ):
        assert line in text, line
    sound: dict[str, Any] = {"expected": None, "leaks": (), "masks": None}
    closed = segmentation_report(**sound)
    assert closed.ok
    assert_holds(closed.to_dict(), {"expected": None, "opened": False, "pixels": None, "untrained": [], "defects": []})
    assert "images and masks were not opened: what they hold is not known" in str(closed)
    assert not segmentation_report(**{**sound, "leaks": (("a", "b"),)}).ok
    assert not segmentation_report(**{**sound, "expected": {"train": MaskCounts(3, 2)}}).ok


def test_the_results_of_segmentation_and_classification() -> None:
    result = SegmentationResult(np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]]), ("road", "sky", "tree"), 4, "windows")
    assert result.to_dict() == {
        "mIoU": pytest.approx((6 / 9 + 3 / 6) / 2),
        "pixel_accuracy": 0.75,
        "mean_accuracy": 0.75,
        "iou": {"road": pytest.approx(6 / 9), "sky": 0.5, "tree": None},
        "images": 4,
        "pixels": 12,
        "method": "windows",
        "confusion_matrix": [[6, 2, 0], [1, 3, 0], [0, 0, 0]],
    }
    assert str(result).splitlines() == [
        "road   66.7%",
        "sky    50.0%",
        "tree       -",
        "mIoU 58.33%, pixel accuracy 75.00%, mean accuracy 75.00%",
        "4 images, 12 pixels, windows",
    ]
    classified = ClassificationResult(("cat", "dog"), np.array([[3, 1], [2, 4]]), None, 0.125, 0.5)
    assert classified.to_dict() == {
        "images": 10,
        "top1": 0.7,
        "top5": None,
        "calibration_error": 0.125,
        "cross_entropy": 0.5,
        "classes": ["cat", "dog"],
        "confusion": [[3, 1], [2, 4]],
    }
    assert classified.confusions(5) == [("dog", "cat", 2), ("cat", "dog", 1)]
    assert classified.confusions(1) == [("dog", "cat", 2)]
    assert classified.recall.tolist() == [0.75, pytest.approx(4 / 6)]
    assert classified.precision.tolist() == [0.6, 0.8]


RANKED = RankingResult(0.5, 0.4, 0.3, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), 8, 2, 9, "cosine", "applied")
DATA = ReidData("people", (Sample(Path("a.jpg"), 1, 1),), (), (), ROOT)


def shown(what: Any, *measured: Any) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    what(console, *measured)
    assert isinstance(console.file, io.StringIO)
    return " ".join(re.sub("[\u2500-\u257f]", " ", console.file.getvalue()).split())  # without the lines of tables


def test_figures_of_re_identification_are_printed_and_written() -> None:
    nothing: Any = ((), (), (), ())
    evaluation = ReidEvaluation(DATA, {"neck": RANKED}, {}, nothing, "neck", ReidOptions())
    text = shown(print_evaluation, Measured("reid", "people", "0123", evaluation))
    for part in (
        "people, fingerprint 0123",
        "feature mAP R1 R5 R10 mINP mAP (trapezoidal)",
        "neck 50.00% 10.00% 50.00% - 30.00% 40.00%",
        "8 queries, 2 without a match left out, 9 gallery images; camera rule applied",
    ):
        assert part in text
    assert "distance" not in text
    other = RankingResult(0.5, 0.4, 0.3, np.array([0.1]), 8, 0, 9, "re-ranked", "applied")
    text = shown(
        print_evaluation, Measured("reid", "people", "0123", ReidEvaluation(DATA, {"neck": other}, {}, nothing, "neck", ReidOptions()))
    )
    assert "8 queries, 9 gallery images" in text
    assert "distance: re-ranked" in text
    assert evaluation.to_dict() == {"results": {"neck": RANKED.to_dict()}}
    assert RANKED.to_dict() == {
        "mAP": 0.5,
        "mAP_trapezoid": 0.4,
        "mINP": 0.3,
        "cmc": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "queries": 8,
        "queries_without_match": 2,
        "gallery": 9,
        "metric": "cosine",
        "camera_rule": "applied",
        "cmc_gallery": "all images",
    }


def test_figures_of_the_other_tasks_are_printed() -> None:
    classified = ClassificationResult(("cat", "dog"), np.array([[3, 1], [2, 1004]]), 0.75, 0.125, 0.5)
    text = shown(print_evaluation, Measured("classification", "animals", "0123", classified))
    assert text.startswith("animals, fingerprint 0123 top-1 99.70%, top-5 75.00%, calibration error 12.50%, cross-entropy 0.500;")
    assert "most frequent confusions class taken for images" in text
    right = ClassificationResult(("cat", "dog"), np.array([[3, 0], [0, 4]]), None, 0.125, 0.5)
    assert "confusions" not in shown(print_evaluation, Measured("classification", "animals", "0123", right))
    many = np.ones((5, 5), np.int64)
    text = shown(print_evaluation, Measured("classification", "animals", "0123", ClassificationResult(tuple("abcde"), many, 1.0, 0.1, 0.5)))
    assert text.split("taken for images ")[1].count("1") == 10  # the most frequent ones
    scenes = SegmentationResult(np.array([[6, 2], [1, 3]]), ("road", "sky"), 4)
    assert "mIoU 58.33%" in shown(print_evaluation, Measured("segmentation", "scenes", "0123", scenes))


def calibration() -> Calibration:
    rng = np.random.default_rng(0)
    query_ids, gallery_ids = np.repeat(np.arange(1, 9), 2), np.repeat(np.arange(1, 9), 3)
    distances = rng.random((16, 24)) * 0.5 + 0.5 * (query_ids[:, None] != gallery_ids)
    result = evaluate_open_set(distances, query_ids, np.ones(16, int), gallery_ids, np.full(24, 2), unknown=(1, 2, 3, 4), metric="cosine")
    threshold = Threshold(0.25, "cosine", "neck", False, 0.1, result.fpir(0.25), result.tpir(0.25), 8, 12, "people", "0123")
    return Calibration(threshold, {"neck": result}, {})


def test_files_are_named() -> None:
    scenes = SegmentationResult(np.array([[6, 2], [1, 3]]), ("road", "sky"), 4)
    text = shown(written, Measured("segmentation", "scenes", "0123", scenes))
    assert text == "the model is in no folder of this machine: name a file with --output to keep the results"
    text = shown(written, Measured("segmentation", "scenes", "0123", scenes, path=Path("a[b].json"), report=Path("r.html")))
    assert text == "written to a[b].json report in r.html"
    measured = Measured("reid", "people", "0123", calibration(), path=Path("c.json"))
    assert shown(written, measured).endswith("threshold 0.2500 by neck is in the results only: the model is in no folder of this machine")
    assert shown(written, replace(measured, kept=Path("config.json"))).endswith("threshold 0.2500 by neck kept in config.json")


def test_a_threshold_is_printed_and_written() -> None:
    found = calibration()
    result, threshold = found.results["neck"], found.threshold
    distance = result.threshold_at(0.1)
    text = shown(print_calibration, Measured("reid", "people", "0123", found))
    fpir, tpir = result.cross_checked(0.1)
    for part in (
        "people, 10.0% false alarms allowed",
        f"neck {distance:.4f} {result.fpir(distance):.2%} {result.tpir(distance):.2%}",
        "8 queries of people in the gallery, 8 of others; 12 gallery images",
        f"tried on the other half: FPIR {fpir:.2%}, TPIR {tpir:.2%} by neck",
        "beware: 10.0% of 8 queries is less than one; the threshold promises less than that",
    ):
        assert part in text, text
    lenient = replace(found, threshold=replace(threshold, false_alarm_rate=0.125))
    assert "beware" not in shown(print_calibration, Measured("reid", "people", "0123", lenient))
    assert found.to_dict() == {"open_set": {"neck": result.to_dict(), "threshold": threshold.to_dict()}}
