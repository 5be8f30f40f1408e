"""The losses against naive loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.reid.losses import TripletError, batch_hard_triplet, euclidean, smoothed_cross_entropy


def naive_triplet(features: torch.Tensor, labels: list[int], margin: float | None) -> float:
    losses = []
    for i, anchor in enumerate(features):
        positives = [(anchor - other).norm().item() for j, other in enumerate(features) if labels[j] == labels[i] and j != i]
        negatives = [(anchor - other).norm().item() for j, other in enumerate(features) if labels[j] != labels[i]]
        if positives:
            gap = max(positives) - min(negatives)
            losses.append(math.log1p(math.exp(gap)) if margin is None else max(0.0, gap + margin))
    return sum(losses) / len(losses)


@settings(max_examples=60)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=16), margin=st.one_of(st.none(), st.floats(0, 2)), seed=st.integers(0, 100))
def test_batch_hard_equals_the_naive_loop_for_any_counts(labels: list[int], margin: float | None, seed: int) -> None:
    features = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(seed))
    if len(set(labels)) == 1:
        with pytest.raises(TripletError, match="no negatives"):
            batch_hard_triplet(features, torch.tensor(labels), margin)
    elif len(set(labels)) == len(labels):
        with pytest.raises(TripletError, match="no positives"):
            batch_hard_triplet(features, torch.tensor(labels), margin)
    else:
        found = batch_hard_triplet(features, torch.tensor(labels), margin).item()
        assert found == pytest.approx(naive_triplet(features, labels, margin), abs=1e-4)


def test_gradients_are_finite_where_images_coincide() -> None:
    features = torch.zeros(4, 3, requires_grad=True)
    batch_hard_triplet(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_label_smoothing_is_the_references() -> None:
    """(1 - e) one-hot + e / classes, as the paper's code writes it out."""
    logits = torch.randn(5, 7)
    labels = torch.tensor([0, 3, 6, 2, 2])
    target = 0.9 * torch.nn.functional.one_hot(labels, 7) + 0.1 / 7
    expected = (-target * logits.log_softmax(1)).mean(0).sum()
    torch.testing.assert_close(smoothed_cross_entropy(logits, labels), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_have_float32s_digits_under_autocast(dtype: torch.dtype) -> None:
    """In half precision features are as far from themselves as from others, and another positive is the hardest."""
    generator = torch.Generator().manual_seed(0)
    features = 3 + 0.1 * torch.randn(32, 512, generator=generator)
    features.requires_grad_()
    labels = torch.arange(32) // 4
    found: list[list[torch.Tensor]] = []
    for autocast in (False, True):
        with torch.autocast("cpu", dtype=dtype, enabled=autocast):
            distances = euclidean(features)
            losses = [batch_hard_triplet(features=features, labels=labels), smoothed_cross_entropy(features, labels)]
        found.append([distances, *losses, *torch.autograd.grad(sum(losses), features)])  # type: ignore[arg-type]
    for plain, cast in zip(*found, strict=True):
        assert cast.dtype == torch.float32
        torch.testing.assert_close(cast, plain, rtol=0, atol=0)
    assert found[1][0].diagonal().max() < 0.01


def test_losses_of_half_features_are_those_of_the_same_numbers() -> None:
    features, labels = torch.randn(8, 16).bfloat16(), torch.arange(8) // 2
    torch.testing.assert_close(batch_hard_triplet(features, labels), batch_hard_triplet(features.double(), labels).float())
    torch.testing.assert_close(smoothed_cross_entropy(features, labels), smoothed_cross_entropy(features.double(), labels).float())


def test_distances_far_from_the_origin_are_not_drowned_in_rounding() -> None:
    torch.manual_seed(0)
    features = torch.randn(6, 8)
    near, far = euclidean(features), euclidean(features + 1000)  # to itself: the root of the squares' rounding, some 1e-3
    torch.testing.assert_close(far, near, rtol=1e-3, atol=5e-3)
    torch.testing.assert_close(near, torch.cdist(features, features).clamp(min=1e-6), rtol=1e-4, atol=5e-3)
