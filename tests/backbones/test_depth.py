"""Learning rates by depth, and weight decay without norms and biases."""

from typing import Any

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from torch import nn

import rga
from rga.backbones.catalog import create_backbone
from rga.backbones.depth import layers_to_the_end
from rga.backbones.parameter_groups import parameter_groups
from rga.errors import InputError


class Network(nn.Module):
    """A backbone, and what a task puts on it."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(4, 2)


def found(model: nn.Module, groups: list[dict[str, Any]]) -> dict[str, tuple[float, float | None]]:
    """Name of each parameter -> its scale and its weight decay."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: (group["scale"], group.get("weight_decay")) for group in groups for p in group["params"]}


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "efficientnet_lite0"])
def test_layers_learn_at_the_rates_of_timms_layer_decay(name: str) -> None:
    with torch.device("meta"):
        backbone = timm.create_model(name, num_classes=3)
    model = Network(backbone)
    ours = found(model, parameter_groups(model, backbone, 1.0, layer_lr_decay=0.5))
    theirs = {}
    for group in param_groups_layer_decay(backbone, layer_decay=0.5):
        for parameter in group["params"]:
            theirs[id(parameter)] = group["lr_scale"]
    own = [
        (name, theirs[id(p)]) for name, p in backbone.named_parameters() if not name.startswith(("fc.", "head.fc.", "head.", "classifier."))
    ]
    for parameter, scale in own:
        assert ours[f"backbone.{parameter}"][0] == pytest.approx(scale)
    assert ours["head.weight"] == (1.0, None)


def test_the_attention_and_the_classifier_are_no_layers_of_the_backbone() -> None:
    backbone = rga.attach(timm.create_model("test_resnet", num_classes=3), "rga-sc", image_size=(64, 32))
    plain = timm.create_model("test_resnet", num_classes=3)
    names = {id(parameter): name for name, parameter in backbone.named_parameters()}
    ours = {names[key]: depth for key, depth in layers_to_the_end(backbone).items()}
    names = {id(parameter): name for name, parameter in plain.named_parameters()}
    assert ours == {names[key]: depth for key, depth in layers_to_the_end(plain).items()}
    model = Network(backbone)
    groups = found(model, parameter_groups(model, backbone, 0.1, attention_lr_scale=3.0, attention_weight_decay=0.2, layer_lr_decay=0.5))
    for name, (scale, decay) in groups.items():
        if ".attention." in name:
            assert (scale, decay) == (3.0, 0.2)
        elif name.startswith(("head.", "backbone.fc.")):
            assert (scale, decay) == (1.0, None)
        else:
            assert scale == pytest.approx(0.1 * 0.5 ** ours[name.removeprefix("backbone.")])
            assert decay is None


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_norms_and_biases_have_no_weight_decay_where_that_is_wanted(name: str) -> None:
    with torch.device("meta"):
        backbone = timm.create_model(name, num_classes=3)
    model = Network(backbone)
    groups = parameter_groups(model, backbone, 0.1, decay_norms=False)
    ours = {each for each, (_, decay) in found(model, groups).items() if decay == 0.0}
    excepted = {f"backbone.{each}" for each in getattr(backbone, "no_weight_decay", set)()}
    spared, _ = param_groups_weight_decay(model, 0.1, no_weight_decay_list=excepted)
    names = {id(parameter): each for each, parameter in model.named_parameters()}
    assert ours == {names[id(parameter)] for parameter in spared["params"]}
    assert ours >= {"head.bias"}
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_without_these_options_groups_are_those_of_earlier_checkpoints() -> None:
    backbone = timm.create_model("test_resnet", num_classes=0)
    model = Network(backbone)
    groups = parameter_groups(model, backbone, 0.1, layer_lr_decay=1.0, decay_norms=True)
    assert [group.keys() for group in groups] == [{"params", "scale"}] * 2
    assert [len(group["params"]) for group in groups] == [len(list(backbone.parameters())), 2]


def test_a_backbone_that_does_not_say_its_layers_is_refused() -> None:
    with pytest.raises(InputError, match=r"layer_lr_decay needs a backbone that says what its layers are .* CifarResNet does not"):
        layers_to_the_end(create_backbone("cifar-resnet20", num_classes=10))
