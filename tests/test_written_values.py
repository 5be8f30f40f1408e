"""What results write for programs, and print for people: every key and every figure."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.classification.result import ClassificationResult
from rga.cli.printing import print_calibration, print_evaluation, written
from rga.evaluations import Measured
from rga.ranking.open_set.open_set import evaluate_open_set
from rga.ranking.open_set.threshold import Threshold
from rga.ranking.result import RankingResult
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.evaluation import Calibration, ReidEvaluation, ReidOptions
from rga.segmentation.result import SegmentationResult
from rga.terminal import PlainConsole

ROOT = Path("images")


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
    classified = ClassificationResult(("cat", "dog"), np.array([[3, 1], [2, 4]]), None, 0.125, 0.5, "val")
    assert classified.to_dict() == {
        "split": "val",
        "images": 10,
        "top1": 0.7,
        "top5": None,
        "calibration_error": 0.125,
        "cross_entropy": 0.5,
        "classes": ["cat", "dog"],
        "confusion": [[3, 1], [2, 4]],
    }
    assert str(classified) == "top-1 70.00%, calibration error 12.50%, cross-entropy 0.500; 10 images of 2 classes in val"
    unnamed = replace(classified, split="")
    assert unnamed.to_dict() == {**classified.to_dict(), "split": ""}
    assert str(unnamed).endswith("10 images of 2 classes")
    assert classified.confusions(5) == [("dog", "cat", 2), ("cat", "dog", 1)]
    assert classified.confusions(1) == [("dog", "cat", 2)]
    assert classified.recall.tolist() == [0.75, pytest.approx(4 / 6)]
    assert classified.precision.tolist() == [0.6, 0.8]


RANKED = RankingResult(0.5, 0.4, 0.3, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), 8, 2, 9, "cosine", "applied")
DATA = ReidData("people", (Sample(Path("a.jpg"), 1, 1),), (), (), ROOT)


def shown(what: Any, *measured: Any) -> str:
    console = PlainConsole()
    console.file, console.width, console.record = io.StringIO(), 120, True
    what(console, *measured)
    return " ".join(re.sub("[\u2500-\u257f]", " ", console.export_text()).split())  # without the lines of tables


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
        "queries_in_gallery": 0,
    }
    itself = replace(RANKED, queries_in_gallery=3)
    assert itself.to_dict() == {**RANKED.to_dict(), "queries_in_gallery": 3}
    text = shown(
        print_evaluation, Measured("reid", "people", "0123", ReidEvaluation(DATA, {"neck": itself}, {}, nothing, "neck", ReidOptions()))
    )
    assert "camera rule applied, 3 queries are in the gallery and do not find themselves" in text


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
    assert text == "the results are not kept: the model has no folder for them; name a file with --output"
    text = shown(written, Measured("segmentation", "scenes", "0123", scenes, path=Path("a[b].json"), report=Path("r.html")))
    assert text == "written to a[b].json report in r.html"
    measured = Measured("reid", "people", "0123", calibration(), path=Path("c.json"))
    assert shown(written, measured).endswith("threshold 0.2500 by neck is in the results only: the model has no folder to keep it in")
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
