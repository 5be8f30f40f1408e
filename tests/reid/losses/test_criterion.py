"""The loss of a recipe: its parts, and what two processes make of the halves of a batch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rga.reid.heads.outputs import Learnt
from rga.reid.losses import TripletError
from rga.reid.losses.criterion import ReidCriterion
from rga.reid.recipe import ReidLossRecipe
from rga.training.criterion import CriterionSteps
from rga.training.distributed import processes

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]

LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3])
"""Half of them: two identities; the other half: three images of one, and one that is alone of its identity."""
FORMS: dict[str, ReidLossRecipe] = {
    "hard triplets": ReidLossRecipe(),
    "soft triplets": ReidLossRecipe(margin=None),
    "weighted triplets": ReidLossRecipe(triplet_mining="weighted", margin=None),
    "circle": ReidLossRecipe(triplet_weight=0.0, circle_weight=0.5, circle_scale=8.0),
    "arcface": ReidLossRecipe(identity_loss="arcface", triplet_weight=0.0),
    "cosface": ReidLossRecipe(identity_loss="cosface", triplet_weight=0.0),
    "circle of classes": ReidLossRecipe(identity_loss="circle", triplet_weight=0.0),
    "centres": ReidLossRecipe(identity_weight=0.0, center_weight=0.25),
}


def numbers() -> tuple[Tensor, Tensor]:
    """Features, and logits that might be cosines."""
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(8, 5, generator=generator)
    return features, torch.rand(8, 4, generator=generator) * 2 - 1


def said(features: Tensor, logits: Tensor) -> Learnt:
    """What the global head says."""
    return Learnt({"global": features}, {"global": logits})


def step(form: str) -> dict[str, Any]:
    """Loss and gradients of this process's share of a batch, and the centres after a step."""
    mine = list(processes.share(range(8)))
    features, logits = (each[mine].requires_grad_() for each in numbers())
    criterion = ReidCriterion(FORMS[form], classes=4, dimensions={"global": 5}, seed=0)
    steps = CriterionSteps(criterion, FORMS[form].center_step)
    loss = torch.stack(list(criterion(said(features, logits), LABELS[mine]).values())).sum()
    loss.backward()
    steps.step(torch.amp.GradScaler("cpu", enabled=False))
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in (features, logits)]
    return {
        "loss": loss.item(),
        "gradients": [gradient.tolist() for gradient in gradients],
        "centers": [parameter.tolist() for parameter in criterion.parameters()],
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_two_processes_have_loss_gradients_and_centres_of_one(form: str, in_processes: InProcesses) -> None:
    whole = step(form)
    first, second = in_processes(2, partial(step, form))
    assert (first["loss"] + second["loss"]) / 2 == pytest.approx(whole["loss"], rel=1e-5)
    for ours, theirs, expected in zip(first["gradients"], second["gradients"], whole["gradients"], strict=True):
        found = torch.tensor(ours + theirs) / 2  # the loop takes the mean of the processes' gradients
        torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-6)
    assert first["centers"] == second["centers"]
    torch.testing.assert_close(torch.tensor(first["centers"]), torch.tensor(whole["centers"]))


def test_centres_move_as_in_bag_of_tricks() -> None:
    """There the gradient of the centres is divided by the weight of the loss, and the learning rate is .5: by half of the gradient."""
    criterion = ReidCriterion(FORMS["centres"], classes=4, dimensions={"global": 5}, seed=0)
    before = torch.tensor(step("centres")["centers"][0])
    (start,) = (parameter.detach() for parameter in criterion.parameters())
    features, _ = numbers()
    for label in range(4):
        own = features[label == LABELS]
        torch.testing.assert_close(before[label], start[label] - 0.5 * 2 * (start[label] - own).sum(0) / 8)


@pytest.mark.parametrize("form", ["hard triplets", "weighted triplets", "circle"])
def test_a_batch_of_one_identity_has_no_pairs_and_one_with_others_elsewhere_has(form: str) -> None:
    features, logits = numbers()
    criterion = ReidCriterion(FORMS[form], classes=4, dimensions={"global": 5}, seed=0)
    with pytest.raises(TripletError, match="a batch of 3 images of one identity has no negatives"):
        criterion(said(features[4:7], logits[4:7]), LABELS[4:7])
    assert criterion(said(features[3:7], logits[3:7]), LABELS[3:7]).keys() >= {"triplet" if form != "circle" else "circle"}


@pytest.mark.parametrize("form", ["arcface", "cosface", "circle of classes", "centres"])
def test_what_compares_no_images_takes_a_batch_of_one_identity(form: str) -> None:
    recipe = FORMS[form]
    if form == "centres":
        recipe = ReidLossRecipe(triplet_weight=0.0, center_weight=0.25)
    features, logits = numbers()
    parts = ReidCriterion(recipe, classes=4, dimensions={"global": 5}, seed=0)(said(features[4:7], logits[4:7]), LABELS[4:7])
    assert all(part.isfinite() for part in parts.values())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_part_is_computed_in_float32(form: str, dtype: torch.dtype) -> None:
    features, logits = (each.to(dtype) for each in numbers())
    criterion = ReidCriterion(FORMS[form], classes=4, dimensions={"global": 5}, seed=0)
    expected = criterion(said(features.float(), logits.float()), LABELS)
    with torch.autocast("cpu", dtype=dtype):
        found = criterion(said(features, logits), LABELS)
    for name, part in expected.items():
        torch.testing.assert_close(found[name], part, rtol=0, atol=0)


def test_of_several_features_and_logits_the_losses_are_added_up() -> None:
    features, logits = numbers()
    recipe = ReidLossRecipe(identity_weight=0.5, triplet_weight=0.25, circle_weight=2.0, center_weight=0.125)
    together = ReidCriterion(recipe, classes=4, dimensions={"whole": 5, "upper": 2}, seed=0)
    found = together(Learnt({"whole": features, "upper": features[:, :2]}, {"a": logits, "b": -logits, "c": 2 * logits}), LABELS)
    of_whole = ReidCriterion(recipe, classes=4, dimensions={"global": 5}, seed=0)
    of_half = ReidCriterion(recipe, classes=4, dimensions={"global": 2}, seed=0)
    one, two = of_whole(said(features, logits), LABELS), of_half(said(features[:, :2], -logits), LABELS)
    three = of_half(said(features[:, :2], 2 * logits), LABELS)
    assert found.keys() == one.keys() == {"identity", "triplet", "circle", "center"}
    torch.testing.assert_close(found["identity"], one["identity"] + two["identity"] + three["identity"])
    for name in ("triplet", "circle", "center"):
        torch.testing.assert_close(found[name], one[name] + two[name])
    assert [tuple(each.shape) for each in together.parameters()] == [(4, 5), (4, 2)]
