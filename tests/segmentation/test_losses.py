"""Losses against loops over pixels."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from rga.segmentation.classes import IGNORED
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def example(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(2, 4, 5, 6, generator=generator)
    labels = torch.randint(0, 5, (2, 5, 6), generator=generator)
    labels[labels == 4] = IGNORED
    return scores, labels


def pixel_losses(scores: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """The cross-entropy of each pixel that counts."""
    found = []
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in labels.shape)).tolist():
        if labels[b, y, x] != IGNORED:
            exponentials = [math.exp(float(score)) for score in scores[b, :, y, x]]
            found.append(-math.log(exponentials[int(labels[b, y, x])] / sum(exponentials)))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_ignored_pixels_do_not_count(seed: int) -> None:
    scores, labels = example(seed)
    losses = pixel_losses(scores, labels)
    assert pixel_cross_entropy(scores, labels).item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("keep", [1, 20, 1000])
def test_hard_pixels_alone_count_but_never_fewer_than_asked_for(seed: int, keep: int) -> None:
    scores, labels = example(seed)
    losses = sorted(pixel_losses(scores, labels), reverse=True)
    hard = [loss for loss in losses if math.exp(-loss) < 0.7]
    chosen = hard if len(hard) >= keep else losses[:keep]
    assert hard_cross_entropy(scores, labels, 0.7, keep).item() == pytest.approx(sum(chosen) / len(chosen), rel=1e-5)


def test_scores_of_another_resolution_are_interpolated_to_the_labels() -> None:
    scores, _ = example(0)
    larger = torch.randint(0, 4, (2, 10, 12))
    expected = F.cross_entropy(F.interpolate(scores, size=(10, 12), mode="bilinear"), larger)
    torch.testing.assert_close(pixel_cross_entropy(scores, larger), expected)


@pytest.mark.parametrize("loss", [pixel_cross_entropy, hard_cross_entropy])
def test_a_batch_without_a_pixel_that_counts_changes_nothing(loss: Loss) -> None:
    scores = torch.randn(1, 3, 2, 2, requires_grad=True)
    value = loss(scores, torch.full((1, 2, 2), IGNORED))
    assert value.item() == 0
    value.backward()
    assert scores.grad is not None
    assert scores.grad.abs().sum() == 0
