"""Triplet losses against naive loops and against pytorch-metric-learning."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer

from rga.reid.losses import TripletError, batch_hard_triplet, euclidean, smoothed_cross_entropy, weighted_triplet

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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


def naive_weighted(features: torch.Tensor, labels: list[int]) -> float:
    """Equation 14 of AGW, with the anchor left out of its positives."""
    losses = []
    for i, anchor in enumerate(features):
        positives = [(anchor - other).norm().item() for j, other in enumerate(features) if labels[j] == labels[i] and j != i]
        negatives = [(anchor - other).norm().item() for j, other in enumerate(features) if labels[j] != labels[i]]
        if positives:
            of_positives, of_negatives = [math.exp(each) for each in positives], [math.exp(-each) for each in negatives]
            far = sum(weight * each for weight, each in zip(of_positives, positives, strict=True)) / sum(of_positives)
            near = sum(weight * each for weight, each in zip(of_negatives, negatives, strict=True)) / sum(of_negatives)
            losses.append(math.log1p(math.exp(far - near)))
    return sum(losses) / len(losses)


@settings(max_examples=60)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=16), seed=st.integers(0, 100))
def test_weighted_triplets_equal_the_naive_loop_for_any_counts(labels: list[int], seed: int) -> None:
    features = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(seed))
    if len(set(labels)) in (1, len(labels)):
        with pytest.raises(TripletError, match=r"no negatives|no positives"):
            weighted_triplet(features, torch.tensor(labels))
    else:
        found = weighted_triplet(features, torch.tensor(labels)).item()
        assert found == pytest.approx(naive_weighted(features, labels), abs=1e-4)


@pytest.mark.parametrize("margin", [0.3, None])
def test_batch_hard_equals_the_hard_triplets_of_pytorch_metric_learning(margin: float | None) -> None:
    features, labels = torch.randn(12, 5, dtype=torch.float64), torch.arange(12) // 3
    distance = LpDistance(normalize_embeddings=False)
    triplets = BatchHardMiner(distance=distance)(features, labels)
    theirs = TripletMarginLoss(margin or 0.0, smooth_loss=margin is None, distance=distance, reducer=MeanReducer())
    torch.testing.assert_close(batch_hard_triplet(features, labels, margin), theirs(features, labels, triplets))


@pytest.mark.parametrize("loss", [batch_hard_triplet, partial(batch_hard_triplet, margin=None), weighted_triplet])
def test_gradients_are_those_of_small_differences(loss: Loss) -> None:
    features, labels = torch.randn(7, 3, dtype=torch.float64, requires_grad=True), torch.tensor([0, 0, 1, 1, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), features)


@pytest.mark.parametrize("loss", [batch_hard_triplet, partial(batch_hard_triplet, margin=None), weighted_triplet])
def test_gradients_are_finite_where_images_coincide(loss: Loss) -> None:
    features = torch.zeros(4, 3, requires_grad=True)
    loss(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


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
            losses = [
                batch_hard_triplet(features=features, labels=labels),
                weighted_triplet(features, labels),
                smoothed_cross_entropy(features, labels),
            ]
        found.append([distances, *losses, *torch.autograd.grad(sum(losses), features)])  # type: ignore[arg-type]
    for plain, cast in zip(*found, strict=True):
        assert cast.dtype == torch.float32
        torch.testing.assert_close(cast, plain, rtol=0, atol=0)
    assert found[1][0].diagonal().max() < 0.01


def test_losses_of_half_features_are_those_of_the_same_numbers() -> None:
    features, labels = torch.randn(8, 16).bfloat16(), torch.arange(8) // 2
    torch.testing.assert_close(batch_hard_triplet(features, labels), batch_hard_triplet(features.double(), labels).float())
    torch.testing.assert_close(weighted_triplet(features, labels), weighted_triplet(features.double(), labels).float())
    torch.testing.assert_close(smoothed_cross_entropy(features, labels), smoothed_cross_entropy(features.double(), labels).float())


def test_distances_far_from_the_origin_are_not_drowned_in_rounding() -> None:
    torch.manual_seed(0)
    features = torch.randn(6, 8)
    near, far = euclidean(features), euclidean(features + 1000)  # to itself: the root of the squares' rounding, some 1e-3
    torch.testing.assert_close(far, near, rtol=1e-3, atol=5e-3)
    torch.testing.assert_close(near, torch.cdist(features, features).clamp(min=1e-6), rtol=1e-4, atol=5e-3)
