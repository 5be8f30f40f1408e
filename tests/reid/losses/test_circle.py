"""Circle loss with labels of pairs, against a loop over the paper's equation and against pytorch-metric-learning."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import CircleLoss
from torch import Tensor

from rga.errors import InputError
from rga.reid.losses import TripletError, circle


def naive(features: Tensor, labels: list[int], scale: float, margin: float) -> float:
    """Equation 6 of the paper, pair by pair."""
    losses = []
    for i, anchor in enumerate(features):
        positives, negatives = 0.0, 0.0
        for j, other in enumerate(features):
            cosine = torch.dot(anchor, other).item() / (anchor.norm() * other.norm()).item()
            if labels[i] == labels[j] and i != j:
                positives += math.exp(-scale * max(0.0, 1 + margin - cosine) * (cosine - (1 - margin)))
            elif labels[i] != labels[j]:
                negatives += math.exp(scale * max(0.0, cosine + margin) * (cosine - margin))
        if positives and negatives:
            losses.append(math.log1p(positives * negatives))
    return sum(losses) / len(losses)


@settings(max_examples=60)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=12), seed=st.integers(0, 100), margin=st.floats(0, 0.5))
def test_it_equals_the_naive_loop_for_any_counts(labels: list[int], seed: int, margin: float) -> None:
    features = torch.randn(len(labels), 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    if len(set(labels)) in (1, len(labels)):
        with pytest.raises(TripletError, match=r"no negatives|no positives"):
            circle(features, torch.tensor(labels), 16.0, margin)
    else:
        found = circle(features, torch.tensor(labels), 16.0, margin).item()
        assert found == pytest.approx(naive(features, labels, 16.0, margin), rel=1e-9)


def test_loss_and_gradients_are_those_of_pytorch_metric_learning() -> None:
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 0, 3])  # two that are alone of their identity
    features = torch.randn(8, 5, dtype=torch.float64, requires_grad=True)
    found = [loss(features, labels) for loss in (lambda x, y: circle(x, y, 32.0, 0.25), CircleLoss(m=0.25, gamma=32))]
    torch.testing.assert_close(found[0], found[1])
    ours, theirs = (torch.autograd.grad(loss, features)[0] for loss in found)
    torch.testing.assert_close(ours, theirs)


def test_gradients_without_those_of_the_weights_are_those_of_small_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the weights held where they are, the loss is a function whose differences can be taken."""
    features = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1, 2, 0])
    (found,) = torch.autograd.grad(circle(features, labels, 4.0, 0.25), features)
    directions = torch.nn.functional.normalize(features.detach())
    kept = directions @ directions.T
    monkeypatch.setattr(Tensor, "detach", lambda _self: kept)
    for row, column in ((0, 0), (3, 2), (5, 1)):
        step = torch.zeros_like(features)
        step[row, column] = 1e-6
        with torch.no_grad():
            slope = (circle(features + step, labels, 4.0, 0.25) - circle(features - step, labels, 4.0, 0.25)) / 2e-6
        assert found[row, column].item() == pytest.approx(slope.item(), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("features", [torch.ones(4, 3), torch.zeros(4, 3)], ids=["the same", "nothing"])
def test_loss_and_gradients_are_finite_where_images_coincide(features: Tensor) -> None:
    features.requires_grad_()
    loss = circle(features, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert features.grad is not None
    assert loss.isfinite()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_is_computed_in_float32(dtype: torch.dtype) -> None:
    features, labels = torch.randn(8, 64), torch.arange(8) // 2
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(circle(features, labels), circle(features, labels), rtol=0, atol=0)
        found = circle(features, labels)
        of_half = circle(features.to(dtype), labels)
    torch.testing.assert_close(found, circle(features, labels), rtol=0, atol=0)
    torch.testing.assert_close(of_half, circle(features.to(dtype).double(), labels).float(), rtol=1e-4, atol=1e-4)


def test_numbers_out_of_their_range_are_named() -> None:
    features, labels = torch.randn(4, 3), torch.tensor([0, 0, 1, 1])
    with pytest.raises(InputError, match=r"scale must be above 0, got 0.0"):
        circle(features, labels, 0.0)
    with pytest.raises(InputError, match=r"margin must be a number, got 'wide'"):
        circle(features, labels, 1.0, "wide")  # type: ignore[arg-type]
