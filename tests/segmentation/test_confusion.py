"""The confusion matrix and its figures: against a loop, and against torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchmetrics.classification import MulticlassJaccardIndex

from rga.segmentation.confusion import class_accuracy, class_iou, confusion_matrix
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.result import Segmentation, SegmentationResult


def drawn(seed: int, classes: int, used: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Random truth and prediction, of ``used`` classes alone, with ignored pixels."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, used, (7, 9)).astype(np.uint8)
    predicted = np.where(generator.random((7, 9)) < 0.5, truth, generator.integers(0, classes, (7, 9))).astype(np.uint8)
    truth[generator.random((7, 9)) < 0.2] = IGNORED
    return truth, predicted


cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6)).map(lambda case: (case[0], max(case[1:]), min(case[1:])))


@given(cases)
def test_the_matrix_is_a_loops(case: tuple[int, int, int]) -> None:
    truth, predicted = drawn(*case)
    expected = np.zeros((case[1], case[1]), np.int64)
    for true, found in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if true != IGNORED:
            expected[true, found] += 1
    assert (confusion_matrix(truth, predicted, case[1]) == expected).all()


@given(cases)
def test_iou_is_that_of_sets_of_pixels(case: tuple[int, int, int]) -> None:
    truth, predicted = drawn(*case)
    counted = truth != IGNORED
    for index, iou in enumerate(class_iou(confusion_matrix(truth, predicted, case[1]))):
        true, found = (truth == index) & counted, (predicted == index) & counted
        union = (true | found).sum()
        assert np.isnan(iou) if union == 0 else iou == pytest.approx((true & found).sum() / union)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4), st.integers(2, 6), st.integers(2, 6))
def test_miou_is_torchmetrics_pooled_over_images(seeds: list[int], first: int, second: int) -> None:
    classes, used = max(first, second), min(first, second)
    metric = MulticlassJaccardIndex(classes, average="macro", ignore_index=IGNORED)
    matrix = np.zeros((classes, classes), np.int64)
    for seed in seeds:
        truth, predicted = drawn(seed, classes, used)
        matrix += confusion_matrix(truth, predicted, classes)
        metric.update(torch.from_numpy(predicted).long(), torch.from_numpy(truth).long())
    result = SegmentationResult(matrix, tuple(map(str, range(classes))), len(seeds))
    assert result.mIoU == pytest.approx(metric.compute().item(), abs=1e-6)


def test_accuracies() -> None:
    matrix = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    assert class_accuracy(matrix)[:2].tolist() == [0.75, 0.5]
    result = SegmentationResult(matrix, ("a", "b", "c"), 2)
    assert (result.pixel_accuracy, result.mean_accuracy) == (0.625, 0.625)
    assert result.mIoU == pytest.approx((3 / 6 + 2 / 5) / 2)
    assert "c       -\n" in str(result)
    assert "mIoU 45.00%, pixel accuracy 62.50%" in str(result)
    assert result.to_dict()["iou"] == {"a": 0.5, "b": 0.4, "c": None}
    assert "beware" not in str(result)
    alone = SegmentationResult(np.diag([9, 0]), ("road", "car"), 1)
    assert alone.mIoU == 1
    assert "beware: the masks show 'road' alone: these figures say nothing about the other classes" in str(alone)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"prediction's shape \(3,\) is not that of the mask, \(2,\)"):
        confusion_matrix(np.zeros(2, int), np.zeros(3, int), 2)
    with pytest.raises(ValueError, match="the mask has indices from 0 to 2: there are 2 classes"):
        confusion_matrix(np.array([0, 2]), np.array([0, 0]), 2)
    with pytest.raises(ValueError, match="the prediction has indices from 0 to 255"):
        confusion_matrix(np.array([0, 1]), np.array([0, 255]), 2)
    with pytest.raises(ValueError, match="no pixel counts"):
        SegmentationResult(np.zeros((2, 2), np.int64), ("a", "b"), 1)
    with pytest.raises(ValueError, match=r"of 2 classes is square and counts, got the shape \(3, 3\)"):
        SegmentationResult(np.ones((3, 3), np.int64), ("a", "b"), 1)
    with pytest.raises(ValueError, match="labels and confidence are maps of one size"):
        Segmentation(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.float32))
