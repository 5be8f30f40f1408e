"""Gates and maps are those that the model computes."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import rga
from explanation.conftest import Build
from rga.errors import InputError
from rga.explanation import ChannelGates, SpatialGates, read_gates


@pytest.mark.parametrize("task", ["reid", "classification", "segmentation"])
def test_the_output_of_each_attention_is_its_map_times_its_gates(build: Build, photo: Image.Image, task: str) -> None:
    model = build(task)
    outputs: dict[str, Tensor] = {}
    handles = [
        attention.register_forward_hook(lambda _module, _args, out, stage=stage: outputs.update({stage: out}))
        for stage, attention in rga.attached(model.backbone).items()
    ]
    with torch.no_grad():
        model(model.input_of(photo))
    for handle in handles:
        handle.remove()
    found = read_gates(model, photo)
    stages = list(outputs)
    assert [(each.stage, type(each)) for each in found] == [(stage, kind) for stage in stages for kind in (SpatialGates, ChannelGates)]
    for each in found:
        if isinstance(each, ChannelGates):
            assert each.maps is not None
            np.testing.assert_allclose(each.maps * each.gates[:, None, None], outputs[each.stage][0].numpy(), rtol=1e-5, atol=1e-6)
            assert each.activations is not None
            np.testing.assert_allclose(each.activations, each.maps.mean((1, 2)))
        else:
            assert each.gates.shape == outputs[each.stage].shape[2:]


@pytest.mark.parametrize("fit", ["pool", "spectral"])
def test_beside_one_another_both_are_computed_from_the_same_map(build: Build, photo: Image.Image, fit: str) -> None:
    options = {"attention": "rga-parallel", "attention_options": {"fit": fit}, "attention_after": ["layer2"]}
    spatial, channel = read_gates(build("reid", **options), photo)
    assert isinstance(spatial, SpatialGates)
    assert isinstance(channel, ChannelGates)
    assert channel.maps is not None
    assert channel.maps.shape[1:] == spatial.gates.shape == (8, 4)


@pytest.mark.parametrize("name", [name for name in rga.list_attentions() if not name.startswith("timm:")])
def test_every_attention_shows_its_gates_or_is_refused(build: Build, photo: Image.Image, name: str) -> None:
    model = build("reid", attention=name, attention_after=["layer1"])
    if name in {"non-local", "simple-non-local", "position", "channel", "dual", "criss-cross"}:
        with pytest.raises(InputError, match="no attention with a gate"):
            read_gates(model, photo)
        return
    if name == "gc":  # adds, and multiplies by nothing
        with pytest.raises(InputError, match="none of its attentions was seen"):
            read_gates(model, photo)
        return
    found = read_gates(model, photo)
    assert found
    for each in found:
        assert each.stage == "layer1"
        assert ((each.gates >= 0) & (each.gates <= 1)).all() or name.startswith("sca")  # 1 plus a softmax, as published


def test_strongest_and_weakest_channels_come_in_their_order() -> None:
    gates = ChannelGates("a", "layer1", np.array([0.5, 0.9, 0.1, 0.9], np.float32), None)
    assert (gates.strongest(3), gates.weakest(2), gates.activations) == ([1, 3, 0], [2, 0], None)


def test_the_model_is_left_as_it_was(build: Build, photo: Image.Image) -> None:
    model = build("reid")
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    read_gates(model, photo)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()] == hooks
