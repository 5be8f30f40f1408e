"""Branches of a ResNet: the same maps as three whole networks, weights that begin alike, and pretrained weights in all of them."""

import copy
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from rga.attachment import attach, attached
from rga.backbones.branches import add_branches, begin_alike, branch_maps
from rga.backbones.depth import layers_to_the_end
from rga.backbones.freezing import FrozenStart
from rga.backbones.last_stride import keep_last_resolution
from rga.backbones.own_parameters import own_parameters
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.errors import InputError

SIZE = (64, 32)


def resnet(stride: int = 2, attention: str = "none") -> nn.Module:
    network: nn.Module = timm.create_model("test_resnet", num_classes=0).eval()
    if stride == 1:
        keep_last_resolution(network, SIZE)
    return attach(network, attention, image_size=SIZE)


@pytest.mark.parametrize("attention", ["none", "rga-s"])
def test_branches_compute_what_whole_networks_do(attention: str) -> None:
    network, wide = resnet(2, attention), resnet(1, attention)
    alone = copy.deepcopy(network)
    whole = copy.deepcopy(wide)
    add_branches(network, [wide])
    images = torch.rand(2, 3, *SIZE)
    first, second = branch_maps(network, images)
    torch.testing.assert_close(first, alone.forward_features(images))  # type: ignore[operator]
    torch.testing.assert_close(network(images), alone(images))  # itself it stays the first branch
    of_network = {name: value for name, value in alone.state_dict().items() if "layer4.attention" not in name}
    whole.load_state_dict(of_network, strict=False)  # attention for another grid keeps what it has
    torch.testing.assert_close(second, whole.forward_features(images))  # type: ignore[operator]
    assert (first.shape[2:], second.shape[2:]) == ((2, 1), (4, 2))


def test_branches_have_weights_of_their_own() -> None:
    network = resnet(1)
    add_branches(network, [resnet(1), resnet(1)])
    images = torch.rand(2, 3, *SIZE)
    first, second, third = branch_maps(network, images)
    torch.testing.assert_close(first, second)
    for parameter in network.get_submodule("branches.1.layer4").parameters():
        nn.init.constant_(parameter, 0.5)
    after = branch_maps(network, images)
    assert [torch.equal(a, b) for a, b in zip((first, second, third), after, strict=True)] == [True, True, False]
    begin_alike(network)
    torch.testing.assert_close(branch_maps(network, images)[2], first)


def test_weights_of_a_plain_network_are_put_into_all_branches(tmp_path: Path) -> None:
    plain = resnet()
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    network = resnet(1, "rga-s")
    add_branches(network, [resnet(1, "rga-s")])
    load_backbone_weights(network, "test_resnet", str(tmp_path / "plain.safetensors"), "rga-s")
    state, own = network.state_dict(), plain.state_dict()
    for name in ("layer3.1.conv1.weight", "layer4.0.bn1.running_var") if "layer3.1.conv1.weight" in own else ("layer4.0.conv1.weight",):
        torch.testing.assert_close(state[name], own[name])
        torch.testing.assert_close(state[f"branches.0.{name}"], own[name])
    nn.init.ones_(network.get_submodule("branches.0.layer4.0.conv1").weight)  # type: ignore[arg-type]
    save_file(network.state_dict(), tmp_path / "branched.safetensors")
    again = resnet(1, "rga-s")
    add_branches(again, [resnet(1, "rga-s")])
    load_backbone_weights(again, "test_resnet", str(tmp_path / "branched.safetensors"), "rga-s")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in again.state_dict().items())  # branches of their own


def test_branches_are_the_backbones_own() -> None:
    network = resnet(1, "rga-s")
    add_branches(network, [resnet(1, "rga-s")])
    own = {id(parameter) for parameter in own_parameters(network)}
    kernel = network.get_submodule("branches.0.layer4.0.conv1").weight
    assert id(kernel) in own
    assert "branches.0.layer4" in attached(network)
    depths = layers_to_the_end(network)
    assert depths[id(kernel)] == depths[id(network.get_submodule("layer4.0.conv1").weight)]
    start = FrozenStart(nn.ModuleDict({"backbone": network, "head": nn.Linear(1, 1)}), network, epochs=1)
    network.train()
    start.begin_epoch(0)
    assert not kernel.requires_grad
    assert not network.get_submodule("branches.0.layer4.0.bn1").training


def test_other_networks_have_no_branches() -> None:
    with pytest.raises(InputError, match="branches share the first stages of a ResNet, and the backbone is a EfficientNet"):
        add_branches(timm.create_model("test_efficientnet"), [])
