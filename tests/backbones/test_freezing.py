"""A backbone that is frozen in the first epochs of a training."""

import pytest
import timm
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import rga
from rga.backbones.freezing import FrozenStart
from rga.errors import InputError


class Network(nn.Module):
    """A backbone with attention and a classifier of its own, and what a task puts on it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = rga.attach(timm.create_model("test_resnet", num_classes=3), "rga-sc", image_size=(64, 32))
        self.backbone.get_submodule("conv1.0").get_parameter("weight").requires_grad_(False)  # whoever built it wants this so
        self.neck = nn.BatchNorm1d(3)


def parts(model: Network) -> dict[str, set[str]]:
    """Names of the parameters: of the backbone itself, and of all else."""
    own = {
        name for name, _ in model.named_parameters() if name.startswith("backbone.") and ".attention." not in name and ".fc." not in name
    }
    return {"own": own, "others": {name for name, _ in model.named_parameters()} - own}


def learning(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_only_what_was_put_on_a_frozen_backbone_learns() -> None:
    model = Network()
    before = learning(model)
    start = FrozenStart(model, model.backbone, 2)
    assert [start.begin_epoch(epoch) for epoch in range(4)] == [True, False, True, False]
    assert learning(model) == before
    assert FrozenStart(model, model.backbone, 2).begin_epoch(1)
    assert learning(model) == parts(model)["others"] != before
    assert "backbone.conv1.0.weight" not in before


def test_its_batch_normalisation_is_in_evaluation_mode_and_that_of_the_attention_is_not() -> None:
    model = Network()
    start = FrozenStart(model, model.backbone, 1)
    for epoch in (0, 1):
        model.train()
        start.begin_epoch(epoch)
        modes = {name: module.training for name, module in model.named_modules() if isinstance(module, _BatchNorm)}
        own = {name for name in modes if name.startswith("backbone.") and ".attention." not in name}
        assert own
        assert own != set(modes)
        assert {name for name, trains in modes.items() if not trains} == (own if epoch == 0 else set())
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    model.train()
    FrozenStart(model, model.backbone, 1).begin_epoch(0)
    optimizer = torch.optim.Adam(model.parameters(), weight_decay=0.1)
    model.neck(model.backbone(torch.randn(4, 3, 64, 32))).square().mean().backward()
    optimizer.step()
    changed = {name for name, value in model.backbone.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(".attention." in name or name.startswith("fc.") for name in changed)


def test_it_learns_all_the_time_without_epochs() -> None:
    model = Network()
    before = learning(model)
    assert not FrozenStart(model, model.backbone, 0).begin_epoch(0)
    assert learning(model) == before


def test_a_training_in_which_nothing_would_learn_is_refused() -> None:
    backbone = timm.create_model("test_resnet", num_classes=0)
    with pytest.raises(InputError, match="nothing learns while the backbone is frozen: freeze_epochs must be 0 here, got 3"):
        FrozenStart(backbone, backbone, 3)
    assert not FrozenStart(backbone, backbone, 0).frozen
