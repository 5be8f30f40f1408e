"""Losses against loops over pixels."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rga.errors import InputError
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.losses import dice, hard_cross_entropy, lovasz_softmax, mean_over_all, pixel_cross_entropy
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
    monkeypatch.setattr("rga.training.distributed.processes.together", lambda: True)
    monkeypatch.setattr("rga.training.distributed.processes.count", lambda: 4)
    monkeypatch.setattr("rga.training.distributed.processes.mean", lambda numbers: [number + 2 for number in numbers])
    assert mean_over_all(torch.tensor(12.0), torch.tensor(4)).item() == 2.0
    monkeypatch.setattr("rga.training.distributed.processes.mean", lambda _numbers: [0.0])
    assert mean_over_all(torch.tensor(1.0), torch.tensor(0)).item() == 4.0


def naive_dice(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """1 - Dice, class by class and pixel by pixel."""
    probabilities = scores.softmax(1)
    losses = []
    for label in range(scores.shape[1]):
        overlap, predicted, labelled = 0.0, 0.0, 0
        for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in labels.shape)).tolist():
            if labels[b, y, x] != IGNORED:
                share = float(probabilities[b, label, y, x])
                predicted += share
                if labels[b, y, x] == label:
                    overlap, labelled = overlap + share, labelled + 1
        if labelled:
            losses.append(1 - 2 * overlap / (predicted + labelled))
    return sum(losses) / len(losses)


def naive_lovasz(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """The Lovasz extension by its definition: of each class, errors in falling order times the growth of the Jaccard loss."""
    losses = []
    for image, own in zip(scores.softmax(1), labels, strict=True):
        of_classes = []
        for label in range(scores.shape[1]):
            pixels = [(y, x) for y in range(own.shape[0]) for x in range(own.shape[1]) if own[y, x] != IGNORED]
            if not any(own[y, x] == label for y, x in pixels):
                continue
            errors = [(abs(float(own[y, x] == label) - float(image[label, y, x])), (y, x)) for y, x in pixels]
            total, before, wrong = 0.0, 0.0, set()
            for error, pixel in sorted(errors, key=lambda each: -each[0]):
                wrong.add(pixel)
                # the Jaccard loss of a prediction that is wrong in just these pixels
                labelled = {(y, x) for y, x in pixels if own[y, x] == label}
                predicted = {each for each in pixels if (each in labelled) != (each in wrong)}
                jaccard = 1 - len(labelled & predicted) / len(labelled | predicted)
                total, before = total + error * (jaccard - before), jaccard
            of_classes.append(total)
        if of_classes:
            losses.append(sum(of_classes) / len(of_classes))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("loss", "naive"), [(dice, naive_dice), (lovasz_softmax, naive_lovasz)], ids=["dice", "lovasz"])
def test_losses_of_regions_are_those_of_loops(seed: int, loss: Loss, naive: Callable[..., float]) -> None:
    scores, labels = example(seed)
    labels[labels == 1] = 2  # a class that is in no label
    labels[0, 2:] = IGNORED
    assert loss(scores.double(), labels).item() == pytest.approx(naive(scores.double(), labels), rel=1e-9)


def test_dice_is_that_of_segmentation_models_pytorch() -> None:
    theirs = pytest.importorskip("segmentation_models_pytorch").losses.DiceLoss("multiclass", ignore_index=IGNORED)
    for seed in range(3):
        scores, labels = example(seed)
        torch.testing.assert_close(dice(scores, labels), theirs(scores, labels.long()))


def test_lovasz_of_certain_predictions_is_one_minus_their_iou() -> None:
    _, labels = example(0)
    predicted = torch.randint(0, 4, labels.shape)
    scores = 1000.0 * F.one_hot(predicted, 4).movedim(-1, 1)
    losses = []
    for found, own in zip(predicted, labels, strict=True):
        counted = own != IGNORED
        sides = [((found == label) & counted, own == label) for label in own[counted].unique()]
        losses.append(sum(1 - float((a & b).sum() / (a | b).sum()) for a, b in sides) / len(sides))
    assert lovasz_softmax(scores, labels).item() == pytest.approx(sum(losses) / len(losses))


WEIGHTS = torch.tensor([0.5, 0.0, 3.0, 1.0])


@pytest.mark.parametrize("seed", range(3))
def test_pixels_count_by_the_weight_of_their_class_and_by_how_hard_they_are(seed: int) -> None:
    scores, labels = example(seed)
    losses = pixel_losses(scores, labels)
    weights = WEIGHTS[labels[labels != IGNORED]].tolist()
    focal = [(1 - math.exp(-loss)) ** 2 * loss for loss in losses]
    weighed = sum(weight * loss for weight, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert pixel_cross_entropy(scores, labels, WEIGHTS).item() == pytest.approx(weighed, rel=1e-5)
    torch.testing.assert_close(pixel_cross_entropy(scores, labels, WEIGHTS), F.cross_entropy(scores, labels, WEIGHTS, ignore_index=IGNORED))
    assert pixel_cross_entropy(scores, labels, focal_gamma=2.0).item() == pytest.approx(sum(focal) / len(focal), rel=1e-5)
    both = sum(weight * loss for weight, loss in zip(weights, focal, strict=True)) / sum(weights)
    assert pixel_cross_entropy(scores, labels, WEIGHTS, 2.0).item() == pytest.approx(both, rel=1e-5)


@pytest.mark.parametrize("keep", [1, 20, 1000])
def test_hard_pixels_are_hard_by_their_probability_and_count_by_their_weight(keep: int) -> None:
    scores, labels = example(0)
    pairs = sorted(zip(pixel_losses(scores, labels), WEIGHTS[labels[labels != IGNORED]].tolist(), strict=True), reverse=True)
    hard = [pair for pair in pairs if math.exp(-pair[0]) < 0.7]
    chosen = hard if len(hard) >= keep else pairs[:keep]
    expected = sum(loss * weight for loss, weight in chosen) / sum(weight for _, weight in chosen)
    assert hard_cross_entropy(scores, labels, 0.7, keep, WEIGHTS).item() == pytest.approx(expected, rel=1e-5)


FORMS: dict[str, Loss] = {
    "weighted": partial(pixel_cross_entropy, class_weights=WEIGHTS),
    "focal": partial(pixel_cross_entropy, focal_gamma=2.0),
    "hard": partial(hard_cross_entropy, keep=1, class_weights=WEIGHTS),
    "dice": dice,
    "lovasz": lovasz_softmax,
}


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_small_differences(form: str) -> None:
    scores, labels = example(1)
    assert torch.autograd.gradcheck(lambda x: FORMS[form](x, labels), scores.double().requires_grad_())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_computed_in_float32_on_interpolated_scores(form: str) -> None:
    scores, labels = example(0)[0].bfloat16(), torch.randint(0, 4, (2, 10, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = FORMS[form](scores, labels)
    torch.testing.assert_close(found, FORMS[form](scores.double(), labels).float())


@pytest.mark.parametrize("form", FORMS)
def test_where_everything_is_ignored_or_certain_gradients_are_finite(form: str) -> None:
    for labels, scale in ((torch.full((1, 2, 2), IGNORED), 1.0), (torch.zeros(1, 2, 2, dtype=torch.long), 1000.0)):
        scores = (scale * torch.eye(4)[:, :1, None].expand(4, 2, 2)[None]).requires_grad_()
        value = FORMS[form](scores, labels)
        value.backward()
        assert value.item() == pytest.approx(0, abs=1e-6)
        assert scores.grad is not None
        assert scores.grad.isfinite().all()


@pytest.mark.parametrize("form", FORMS)
def test_of_several_processes_every_form_is_that_of_one(form: str, in_processes: InProcesses) -> None:
    value, gradients = part_of_the_loss(FORMS[form])
    found = in_processes(2, partial(part_of_the_loss, FORMS[form]))
    assert sum(part for part, _ in found) / 2 == pytest.approx(value, rel=1e-6)
    for whole, (_, part) in zip(gradients, found, strict=True):
        assert [each / 2 for each in part[0]] == pytest.approx(whole, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"class_weights": torch.ones(3)}, "class_weights must be 4 numbers, one a class, got 3"),
        ({"class_weights": torch.zeros(4)}, "class_weights must be finite, at least 0, and not all 0"),
        ({"class_weights": -torch.ones(4)}, "class_weights must be finite, at least 0, and not all 0"),
        ({"class_weights": torch.full((4,), torch.nan)}, "class_weights must be finite, at least 0, and not all 0"),
        ({"focal_gamma": -1.0}, "focal_gamma must be at least 0, got -1.0"),
    ],
)
def test_weights_and_powers_that_mean_nothing_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pixel_cross_entropy(*example(0), **wrong)
