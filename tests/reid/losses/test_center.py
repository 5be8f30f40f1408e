"""Centre loss against the equations of the paper and of "Bag of Tricks"."""

import pytest
import torch

from rga.errors import InputError
from rga.reid.losses import CenterLoss

LABELS = torch.tensor([0, 2, 2, 1, 2, 2])


def loss_of(classes: int = 4, dimensions: int = 3, seed: int = 0) -> CenterLoss:
    return CenterLoss(classes, dimensions, seed).double()


def test_it_is_the_mean_squared_distance_from_the_identitys_centre() -> None:
    loss, features = loss_of(), torch.randn(6, 3, dtype=torch.float64)
    expected = [(feature - loss.centers[label]).square().sum().item() for feature, label in zip(features, LABELS, strict=True)]
    assert loss(features, LABELS).item() == pytest.approx(sum(expected) / 6)


def test_it_is_that_of_bag_of_tricks() -> None:
    """Their code writes the distances to all centres out, and masks those of the others."""
    loss, features = loss_of(), torch.randn(6, 3, dtype=torch.float64)
    distances = features.square().sum(1)[:, None] + loss.centers.square().sum(1)[None, :] - 2 * features @ loss.centers.T
    own = LABELS[:, None] == torch.arange(4)[None, :]
    expected = (distances * own).clamp(min=1e-12, max=1e12).sum() / 6
    torch.testing.assert_close(loss(features, LABELS), expected)


def test_gradients_are_those_of_small_differences_and_of_the_paper() -> None:
    loss, features = loss_of(), torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, centers: torch.func.functional_call(loss, {"centers": centers}, (x, LABELS)), (features, loss.centers)
    )
    pull, of_centers = torch.autograd.grad(loss(features, LABELS), (features, loss.centers))
    torch.testing.assert_close(pull, (2 * (features - loss.centers[LABELS]) / 6).detach())  # equation 3, of twice the mean
    for label in range(4):
        own = features[label == LABELS]
        torch.testing.assert_close(of_centers[label], (2 * (loss.centers[label] - own).sum(0) / 6).detach())  # equation 4, likewise


def test_of_one_identity_and_of_images_that_coincide_it_is_what_it_is() -> None:
    loss = loss_of()
    features = loss.centers[1].detach().expand(6, 3).clone().requires_grad_()
    value = loss(features, torch.ones(6, dtype=torch.long))
    value.backward()
    assert value.item() == 0
    assert features.grad is not None
    assert not features.grad.any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_is_computed_in_float32_and_its_centres_stay_in_it(dtype: torch.dtype) -> None:
    loss = CenterLoss(4, 64, seed=0)
    features = 100 * torch.randn(6, 64)
    expected = loss(features.to(dtype).float(), LABELS)
    with torch.autocast("cpu", dtype=dtype):
        found = loss(features.to(dtype), LABELS)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert loss.to(dtype).centers.dtype == torch.float32


def test_centres_follow_from_their_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = (loss_of(seed=seed).centers for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_without_a_centre_are_named() -> None:
    with pytest.raises(InputError, match=r"labels must lie between 0 and 3, got 4"):
        loss_of()(torch.randn(1, 3, dtype=torch.float64), torch.tensor([4]))
