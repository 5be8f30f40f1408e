"""Cross-entropy over identities and scores with margins, against loops and against pytorch-metric-learning."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss
from torch import Tensor
from torch.nn import functional as F

from rga.errors import InputError
from rga.reid.losses import arcface_scores, circle_scores, cosface_scores, smoothed_cross_entropy

Scores = Callable[..., Tensor]
LABELS = torch.tensor([0, 3, 6, 2, 2])
ALL = [arcface_scores, cosface_scores, circle_scores]


def random_cosines() -> Tensor:
    return torch.rand(5, 7, dtype=torch.float64) * 2 - 1


def naive(kind: Scores, cosine: float, own: bool, scale: float, margin: float) -> float:
    """One score, by the equations of the papers."""
    if kind is arcface_scores:
        angle = math.acos(cosine) + margin
        beyond = cosine - margin * math.sin(margin)
        return scale * ((math.cos(angle) if angle <= math.pi else beyond) if own else cosine)
    if kind is cosface_scores:
        return scale * (cosine - margin if own else cosine)
    if own:
        return scale * max(0.0, 1 + margin - cosine) * (cosine - (1 - margin))
    return scale * max(0.0, cosine + margin) * (cosine - margin)


def test_label_smoothing_is_the_references() -> None:
    """(1 - e) one-hot + e / classes, as the paper's code writes it out."""
    logits = torch.randn(5, 7)
    target = 0.9 * F.one_hot(LABELS, 7) + 0.1 / 7
    expected = (-target * logits.log_softmax(1)).mean(0).sum()
    torch.testing.assert_close(smoothed_cross_entropy(logits, LABELS), expected)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("margin", [0.0, 0.3, 0.9])
def test_scores_are_those_of_the_equations(kind: Scores, margin: float) -> None:
    cosines = random_cosines()
    cosines[0, 0] = -0.95  # ArcFace: beyond pi with a margin of .9
    found = kind(cosines, LABELS, 5.0, margin)
    expected = [
        [naive(kind, float(cosine), column == label, 5.0, margin) for column, cosine in enumerate(row)]
        for row, label in zip(cosines, LABELS.tolist(), strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(arcface_scores, ArcFaceLoss(7, 4, margin=math.degrees(0.5), scale=30)), (cosface_scores, CosFaceLoss(7, 4, margin=0.5, scale=30))],
    ids=["arcface", "cosface"],
)
def test_loss_and_gradients_are_those_of_pytorch_metric_learning(ours: Scores, theirs: Any) -> None:
    found = []
    for own in (True, False):
        torch.manual_seed(2)
        features = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
        weight = theirs.W.detach().double().requires_grad_()
        if own:
            cosines = F.normalize(features) @ F.normalize(weight, dim=0)
            loss = smoothed_cross_entropy(ours(cosines, LABELS, 30.0, 0.5), LABELS, 0.0)
        else:
            theirs.W = torch.nn.Parameter(weight.detach())
            loss = theirs(features, LABELS)
            weight = theirs.W
        found.append((loss, *torch.autograd.grad(loss, (features, weight))))
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other)


def test_circle_scores_make_the_loss_of_the_paper_with_one_positive() -> None:
    """Equation 6 with the classes' directions as the other halves of pairs: log(1 + sum exp(negatives) * exp(-positive))."""
    cosines = random_cosines()
    losses = []
    for row, label in zip(cosines, LABELS.tolist(), strict=True):
        positive = -naive(circle_scores, float(row[label]), own=True, scale=8.0, margin=0.25)
        negatives = [naive(circle_scores, float(cosine), False, 8.0, 0.25) for column, cosine in enumerate(row) if column != label]
        losses.append(math.log1p(sum(map(math.exp, negatives)) * math.exp(positive)))
    found = smoothed_cross_entropy(circle_scores(cosines, LABELS, 8.0, 0.25), LABELS, 0.0)
    assert found.item() == pytest.approx(sum(losses) / len(losses))


@pytest.mark.parametrize("kind", [arcface_scores, cosface_scores])
def test_gradients_are_those_of_small_differences(kind: Scores) -> None:
    cosines = (0.9 * random_cosines()).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: kind(x, LABELS, 4.0, 0.3), cosines)


def test_the_weights_of_circle_scores_have_no_gradients() -> None:
    cosines = random_cosines().requires_grad_()
    (gradient,) = torch.autograd.grad(circle_scores(cosines, LABELS, 4.0, 0.3).sum(), cosines)
    own = F.one_hot(LABELS, 7).bool()
    expected = torch.where(own, (1.3 - cosines).clamp(min=0), (cosines + 0.3).clamp(min=0))
    torch.testing.assert_close(gradient, 4 * expected.detach())


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("cosine", [1.0, -1.0, 1 + 1e-6])
def test_gradients_are_finite_where_a_feature_has_the_direction_of_its_identity(kind: Scores, cosine: float) -> None:
    cosines = torch.full((2, 3), cosine, requires_grad=True)
    smoothed_cross_entropy(kind(cosines, torch.tensor([0, 0])), torch.tensor([0, 0])).backward()  # one identity in the batch
    assert cosines.grad is not None
    assert cosines.grad.isfinite().all()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_scores_are_computed_in_float32(kind: Scores, dtype: torch.dtype) -> None:
    cosines = random_cosines().to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        found = kind(cosines, LABELS)
    torch.testing.assert_close(found, kind(cosines.float(), LABELS), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cosines": torch.ones(5)}, "expected a tensor"),
        ({"labels": torch.tensor([0, 3, 7, 2, 2])}, "labels must lie between 0 and 6, got 7"),
        ({"labels": torch.tensor([0, 3])}, "expected labels of the shape"),
        ({"scale": 0.0}, "scale must be above 0, got 0.0"),
        ({"margin": -0.1}, "margin must lie between 0 and (inf|3.1416), got -0.1"),
    ],
)
def test_what_does_not_fit_is_said(kind: Scores, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind(**{"cosines": random_cosines(), "labels": LABELS, **wrong})


def test_an_angle_is_at_most_pi() -> None:
    with pytest.raises(InputError, match=r"margin must lie between 0 and 3.1416, got 3.2"):
        arcface_scores(random_cosines(), LABELS, margin=3.2)
