"""RPP's training in stages: what learns in which, the parts that the model has in each, and the same state when it is continued."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.reid.heads.rpp import RPP, Refinement
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import generated
from rga.reid.task import read
from rga.reid.training import ReidTraining
from rga.runs import resume, train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.checkpoint import LAST, load_checkpoint

CPU = torch.device("cpu")


def names_that_learn(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_stages_let_learn_what_they_shall() -> None:
    model = ReidModel("test_resnet", image_size=(64, 32), attention="rga-s", attention_after=["layer4"], head="rpp", parts=(4,), classes=3)
    head = model.head
    assert isinstance(head, RPP)
    everything = names_that_learn(model)
    refinement = Refinement(model, model.backbone, head, after=2, alone=1)
    alone = {"head.part_classifier.weight"}
    images = torch.rand(2, 3, 64, 32)
    stripes = RPP.pool(head, model.eval().maps(images))
    changes = []
    for epoch in range(5):
        model.train()
        for parameter in model.backbone.parameters():
            parameter.requires_grad_(True)  # as the start of every epoch does
        changes.append(refinement.begin_epoch(epoch))
        learning = names_that_learn(model)
        assert learning == (everything - alone if epoch < 2 else alone if epoch == 2 else everything)
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        assert {norm.training for norm in norms} == {epoch != 2}
        same = torch.equal(head.pool(model.eval().maps(images))["1_of_4"], stripes["1_of_4"])
        assert same == (epoch < 2)
    assert changes == [True, False, True, True, False]


@pytest.mark.parametrize("assign", [True, False], ids=["assigned", "to_empty"])
def test_a_head_from_the_meta_device_has_its_stripes(assign: bool) -> None:
    trained, maps = RPP(16, (6, 2), (3,), classes=2).eval(), [torch.rand(2, 16, 6, 2)]
    with torch.device("meta"):
        head = RPP(16, (6, 2), (3,), classes=2).eval()
    if not assign:
        head.to_empty(device="cpu")
    head.load_state_dict(trained.state_dict(), assign=assign)
    torch.testing.assert_close(head(maps).pooled, trained(maps).pooled, rtol=0, atol=0)


def test_heads_without_such_parts_have_no_stages() -> None:
    model = ReidModel("test_resnet", image_size=(64, 32), attention="none", head="pcb", parts=(4,), classes=3)
    before = names_that_learn(model)
    refinement = Refinement(model, model.backbone, model.head, after=1, alone=1)
    assert [refinement.begin_epoch(epoch) for epoch in range(3)] == [False] * 3
    assert names_that_learn(model) == before


def test_parts_that_are_stripes_have_the_means_of_pcb() -> None:
    head = RPP(5, (12, 3), (6,), classes=0)
    maps = torch.randn(2, 5, 12, 3)
    torch.testing.assert_close(torch.stack(list(head.pool([maps]).values()), 2), nn.functional.adaptive_avg_pool2d(maps, (6, 1))[..., 0])
    head.refined.fill_(1)
    nn.init.zeros_(head.part_classifier.weight)  # every position belongs to all parts alike
    for vector in head.pool([maps]).values():
        torch.testing.assert_close(vector, maps.mean((2, 3)))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = PeopleOptions(identities=8, cameras=2, images_per_camera=2, distractors=1, junk=1, height=64, width=32)
    return make_people(tmp_path_factory.mktemp("people") / "people", options)


def recipe(people: Path, **changes: Any) -> ReidRecipe:
    """One step an epoch: one of PCB, one of the classifier of parts, two of all."""
    values: dict[str, Any] = {
        "data": DataSpec("market1501", people),
        "backbone": "test_resnet",
        "attention": "none",
        "image_size": (64, 32),
        "head": "rpp",
        "parts": (4,),
        "triplet_weight": 0.0,
        "refine_after": 1,
        "refine_alone": 1,
        "ids_per_batch": 4,
        "images_per_id": 2,
        "epochs": 4,
        "evaluate_every": 0,
        "num_workers": 0,
        "threads": 1,
        "warmup_epochs": 0,
    }
    return generated().override(**{**values, **changes})


def test_stages_come_when_the_fields_say(people: Path) -> None:
    chosen = recipe(people, refine_after=1, refine_alone=2)
    task = ReidTraining(chosen, read(chosen))
    assert isinstance(task.model.head, RPP)
    found = []
    for epoch in range(4):
        task.model.train()
        task.begin_epoch(epoch)
        found.append((int(task.model.head.refined), len(names_that_learn(task.model)) == 1))
    assert found == [(0, False), (1, True), (1, True), (1, False)]


@pytest.mark.slow
def test_a_training_in_stages_goes_on_to_the_bit(people: Path, tmp_path: Path) -> None:
    stages = {"refine_after": 1, "refine_alone": 1}
    train(recipe(people, **stages), output=tmp_path / "whole")
    states = []
    train(recipe(people, max_steps=1, **stages), output=tmp_path / "parts")
    for steps in (2, 3, 0):
        states.append(load_checkpoint(tmp_path / "parts" / LAST, CPU).model)
        resume(tmp_path / "parts", changes={"max_steps": steps})
    first, second, third = states
    last = load_checkpoint(tmp_path / "parts" / LAST, CPU).model
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert moved == {"head.part_classifier.weight", "head.refined"}  # not even statistics
    assert not torch.equal(second["backbone.layer4.0.conv1.weight"], third["backbone.layer4.0.conv1.weight"])
    whole = load_checkpoint(tmp_path / "whole" / LAST, CPU).model
    assert last.keys() == whole.keys()
    assert all(torch.equal(value, whole[name]) for name, value in last.items())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"refine_after": 3}, "head rpp refines its parts after 3 epochs .refine_after. and 1 more .refine_alone., and there are 4"),
        ({"refine_alone": -1}, "refine_alone"),
        ({"triplet_weight": 1.0}, "head rpp learns by its classifiers alone.*triplet_weight"),
        ({"center_weight": 0.5}, "head rpp learns by its classifiers alone.*center_weight"),
        ({"identity_weight": 0.0, "head": "mgn", "parts": (), "triplet_weight": 1.0}, "identity_weight must be above 0"),
        ({"head": "global"}, "parts are of the heads pcb, rpp, mgn and hpm, and head is global"),
        ({"pooling": "gem"}, "head rpp pools its parts itself: leave pooling gem out"),
    ],
)
def test_recipes_that_cannot_be_are_named(people: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe(people, **wrong)
