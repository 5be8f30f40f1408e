"""The figures of a classifier, against naive loops and torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error, multiclass_confusion_matrix

from rga.classification.metrics import calibration_error, evaluate, top_share
from rga.classification.result import ClassificationResult


def drawn(seed: int, images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 2, (images, classes))
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return probabilities, generator.integers(0, classes, images)


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 9))
def test_figures_are_those_of_torchmetrics(seed: int, images: int, classes: int) -> None:
    probabilities, labels = drawn(seed, images, classes)
    result = evaluate(probabilities, labels, [f"class {number}" for number in range(classes)])
    p, y = torch.from_numpy(probabilities), torch.from_numpy(labels)
    assert result.top1 == pytest.approx(multiclass_accuracy(p, y, classes, average="micro").item())
    assert result.confusion.tolist() == multiclass_confusion_matrix(p, y, classes).tolist()
    assert result.calibration_error == pytest.approx(multiclass_calibration_error(p, y, classes, n_bins=15, norm="l1").item(), abs=1e-6)
    if classes > 5:
        assert result.top5 == pytest.approx(multiclass_accuracy(p, y, classes, average="micro", top_k=5).item())
    else:
        assert result.top5 is None
    assert result.cross_entropy == pytest.approx(torch.nn.functional.nll_loss(p.log(), y).item())
    assert result.images == images


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 20))
def test_calibration_error_is_the_naive_loop(seed: int, answers: int, bins: int) -> None:
    generator = np.random.default_rng(seed)
    confidence, right = generator.uniform(0, 1, answers), generator.uniform(0, 1, answers) < 0.5
    expected = 0.0
    for number in range(bins):
        inside = [n for n in range(answers) if number / bins < confidence[n] <= (number + 1) / bins]
        if inside:
            expected += float(abs(np.mean(right[inside]) - np.mean(confidence[inside]))) * len(inside) / answers
    assert calibration_error(confidence, right, bins) == pytest.approx(expected, abs=1e-9)


def test_answers_that_are_sure_and_right_have_no_error() -> None:
    assert calibration_error(np.ones(4), np.ones(4, dtype=bool)) == 0
    assert calibration_error(np.ones(4), np.zeros(4, dtype=bool)) == 1


def test_of_equal_probabilities_the_first_class_comes_first() -> None:
    even = np.full((4, 4), 0.25)
    result = evaluate(even, np.arange(4), list("abcd"))
    assert result.confusion.tolist() == [[1, 0, 0, 0]] * 4
    assert [top_share(even, np.arange(4), top) for top in (1, 2, 4)] == [0.25, 0.5, 1.0]


def test_recall_precision_and_commonest_mistakes() -> None:
    result = ClassificationResult(("a", "b", "c"), np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]]), None, 0.1, 0.5)
    np.testing.assert_allclose(result.recall, [0.75, 0.5, np.nan])
    np.testing.assert_allclose(result.precision, [0.6, 2 / 3, np.nan])
    assert result.confusions(5) == [("b", "a", 2), ("a", "b", 1)]
    assert result.confusions(1) == [("b", "a", 2)]
    assert str(result) == "top-1 62.50%, calibration error 10.00%, cross-entropy 0.500; 8 images of 3 classes"


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((2, 3)) / 3, np.array([0, 1]), r"expected probabilities \(images, 2\)"),
        (np.ones((0, 2)), np.zeros(0, dtype=int), r"expected probabilities"),
        (np.ones((2, 2)) / 2, np.array([0, 2]), "labels must lie between 0 and 1, got 0 to 2"),
        (
            np.array([[np.nan, 0.5], [0.5, 0.5]]),
            np.array([0, 1]),
            "the probabilities of 1 of 2 images are NaN or infinite: the model has diverged",
        ),
        (np.array([[2.0, 3.0]]), np.array([0]), "must be a distribution"),
        (np.array([[-0.5, 1.5]]), np.array([0]), "must be a distribution"),
    ],
)
def test_wrong_input_is_named(probabilities: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(probabilities, labels, ["a", "b"])


def test_results_check_themselves() -> None:
    with pytest.raises(ValueError, match="of 2 classes counts images"):
        ClassificationResult(("a", "b"), np.zeros((2, 2), dtype=np.int64), None, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"top5 must be within \[0, 1\], got 2"):
        ClassificationResult(("a", "b"), np.eye(2, dtype=np.int64), 2.0, 0.0, 0.0)
