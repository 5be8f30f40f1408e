"""Losses against loops over pixels."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.losses import hard_cross_entropy, mean_over_all, pixel_cross_entropy
from rga.training.distributed import processes

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
InProcesses = Callable[[int, Callable[[], Any]], list[Any]]


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


@pytest.mark.parametrize("loss", [pixel_cross_entropy, partial(hard_cross_entropy, threshold=0.7, keep=20)])
def test_scores_in_half_precision_are_widened_before_they_are_interpolated(loss: Loss) -> None:
    scores = example(0)[0].bfloat16()
    labels = torch.randint(0, 4, (2, 10, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(scores, labels)
    torch.testing.assert_close(found, loss(scores.double(), labels).float())


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


def part_of_the_loss(loss: Loss) -> tuple[float, list[list[float]]]:
    """The loss of a process's half of a batch, and its gradients."""
    scores, labels = example(4)
    labels[0, :3] = IGNORED  # one half has fewer pixels that count
    own = scores[processes.rank() :: processes.count()].clone().requires_grad_()
    value = loss(own, labels[processes.rank() :: processes.count()])
    value.backward()
    assert own.grad is not None
    return value.item(), own.grad.flatten(1).tolist()


@pytest.mark.parametrize("loss", [pixel_cross_entropy, partial(hard_cross_entropy, keep=1)], ids=["pixels", "hard"])
def test_of_several_processes_all_pixels_have_one_weight(loss: Loss, in_processes: InProcesses) -> None:
    value, gradients = part_of_the_loss(loss)
    found = in_processes(2, partial(part_of_the_loss, loss))
    assert sum(part for part, _ in found) / 2 == pytest.approx(value, rel=1e-6)
    for whole, (_, part) in zip(gradients, found, strict=True):  # the loop takes the mean of the processes' gradients
        assert [each / 2 for each in part[0]] == pytest.approx(whole, rel=1e-5, abs=1e-9)


def keep_hard(labels: torch.Tensor) -> float:
    """The loss of four easy pixels a process, the hardest of which are kept."""
    scores = torch.zeros(1, 2, 1, 4)
    scores[0, 0] = torch.tensor([3.0, 4.0, 5.0, 6.0]) + processes.rank()
    return hard_cross_entropy(scores, labels, keep=4).item()


def test_each_process_keeps_its_share_of_hard_pixels(in_processes: InProcesses) -> None:
    losses = [[math.log1p(math.exp(-score - rank)) for score in (3.0, 4.0)] for rank in (0, 1)]
    found = in_processes(2, partial(keep_hard, torch.zeros(1, 1, 4, dtype=torch.long)))
    assert found == pytest.approx([sum(part) / 2 for part in losses], rel=1e-5)
    everything = partial(keep_hard, torch.full((1, 1, 4), IGNORED))
    assert in_processes(2, everything) == [0, 0]


def test_scores_in_double_precision_keep_it() -> None:
    scores = torch.randn(1, 3, 2, 2, dtype=torch.float64)
    labels = torch.zeros(1, 5, 7, dtype=torch.long)
    assert pixel_cross_entropy(scores, labels).dtype == torch.float64
    assert hard_cross_entropy(scores, labels, keep=5).dtype == torch.float64


def test_several_processes_share_the_mean_over_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients are averaged over the processes: each divides its sum by the mean of their counts."""
    monkeypatch.setattr("rga.segmentation.losses.processes.together", lambda: True)
    monkeypatch.setattr("rga.segmentation.losses.processes.count", lambda: 4)
    monkeypatch.setattr("rga.segmentation.losses.processes.mean", lambda numbers: [number + 2 for number in numbers])
    assert mean_over_all(torch.tensor(12.0), torch.tensor(4)).item() == 2.0
    monkeypatch.setattr("rga.segmentation.losses.processes.mean", lambda _numbers: [0.0])
    assert mean_over_all(torch.tensor(1.0), torch.tensor(0)).item() == 4.0
