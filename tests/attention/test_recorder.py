"""Watching attention at work."""

import copy
from functools import partial
from typing import Any

import pytest
import timm
import torch
from torch import nn

import rga
from rga.attention.relation import RelationGate

X = torch.randn(2, 8, 6, 4, generator=torch.Generator().manual_seed(3))


def test_gates_explain_the_output() -> None:
    module = rga.create_attention("rga-sc", 8, (6, 4)).eval()
    with rga.record(module) as recording:
        out = module(X)
    assert list(recording) == ["spatial", "channel"]
    spatial, channel = recording["spatial"].gate, recording["channel"].gate
    assert spatial.shape == (2, 1, 6, 4)
    assert channel.shape == (2, 8, 1, 1)
    torch.testing.assert_close(X * spatial * channel, out)
    assert recording["spatial"].rows is None


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_relations_are_rows_and_columns_of_the_affinity(training: bool, dense: bool) -> None:
    module = rga.create_attention("rga-parallel", 8, (6, 4), dense=dense).train(training)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with rga.record(module, positions=[(0.0, 0.0), (0.5, 0.99), (1.0, 1.0)], channels=[5]) as recording:
        module(X)
    module.load_state_dict(before)
    assert recording["spatial"].nodes == (0, 3 * 4 + 3, 23)
    assert recording["channel"].nodes == (5,)
    for name, nodes in (("spatial", X.flatten(2).mT), ("channel", X.flatten(2))):
        gate = module.get_submodule(f"{name}.gate")
        assert isinstance(gate, RelationGate)
        assert gate.theta_phi_psi is not None
        theta, phi, _ = gate.split(nodes, gate.theta_phi_psi(nodes))
        affinity = theta @ phi.mT
        chosen = list(recording[name].nodes)
        torch.testing.assert_close(recording[name].rows, affinity[:, chosen])
        torch.testing.assert_close(recording[name].columns, affinity.mT[:, chosen])


def test_nothing_stays_behind() -> None:
    module = rga.create_attention("rga-sc", 8, (6, 4))
    with pytest.raises(RuntimeError, match="stop"), rga.record(module, positions=[(0, 0)]):
        raise RuntimeError("stop")
    assert not any(child._forward_hooks for child in module.modules())


MULTIPLYING = {"se", "cbam-s", "cbam-c", "fc-s", "fc-c", "fc-parallel", "sca-s", "sca-c", "harmonious", "timm:eca"}
MULTIPLYING |= {"simam", "triplet", "ema", "fca", "coordinate"}


def test_every_multiplying_attention_shows_its_gates() -> None:
    for name in rga.list_attentions():
        module = rga.create_attention(name, 8, (6, 4)).eval()
        if name in MULTIPLYING:
            with rga.record(module) as recording, torch.no_grad():
                out = module(X)
            explained = X
            for record in recording.values():
                explained = explained * record.gate
            torch.testing.assert_close(explained, out)


def test_a_whole_network_is_recorded_stage_by_stage() -> None:
    model = rga.attach(timm.create_model("resnet18", num_classes=0), "rga-sc", image_size=(64, 32)).eval()
    with rga.record(model, positions=[(0.5, 0.5)]) as recording:
        model(torch.rand(1, 3, 64, 32))
    assert list(recording) == [f"layer{stage}.attention.{role}" for stage in (1, 2, 3, 4) for role in ("spatial", "channel")]
    assert recording["layer2.attention.spatial"].nodes == (4 * 4 + 2,)
    with pytest.raises(KeyError, match=r"'layer1'.*layer1\.attention\.spatial"):
        recording["layer1"]


@pytest.mark.parametrize("way", ["in place", *(pytest.param(way, marks=pytest.mark.slow) for way in ("a stage", "wrapped", "forward"))])
def test_compiled_networks_are_recorded_as_others_are(way: str) -> None:
    torch.compiler.reset()
    model = rga.attach(timm.create_model("test_resnet", num_classes=0), "rga-s", image_size=(64, 32)).eval()
    run: Any = model
    if way == "in place":
        model.compile(backend="eager")
    elif way == "wrapped":
        run = torch.compile(model, backend="eager")
    elif way == "forward":
        model.forward = torch.compile(model.forward, backend="eager")
    else:
        model.get_submodule("layer2").compile(backend="eager")
    x = torch.rand(1, 3, 64, 32)
    with torch.no_grad():
        expected = run(x)
        for recorded in (model, run):
            with rga.record(recorded) as recording:
                torch.testing.assert_close(run(x), expected)
            assert list(recording) == [f"layer{stage}.attention.spatial" for stage in (1, 2, 3, 4)]


def test_a_networks_own_gates_are_not_recorded() -> None:
    plain = timm.create_model("test_efficientnet", num_classes=0)
    assert any(type(module).__name__ == "SqueezeExcite" for module in plain.modules())
    with pytest.raises(ValueError, match="no attention with a gate"), rga.record(plain):
        pass
    model = rga.attach(plain, "rga-s", image_size=(64, 32)).eval()
    with rga.record(model) as recording:
        model(torch.rand(1, 3, 64, 32))
    assert list(recording) == [f"{name}.attention.spatial" for name in rga.attached(model)]


def test_a_pass_of_which_nothing_is_seen_is_said() -> None:
    module = rga.create_attention("se", 8, (6, 4)).eval()
    model = nn.Sequential(module)
    other = copy.deepcopy(module)
    model.forward = partial(other)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="the model ran, and none of its attentions was seen"), rga.record(model):
        model(X)


def test_nan_input_is_named() -> None:
    module = rga.create_attention("rga-sc", 8, (6, 4)).eval()
    x = X.clone()
    x[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"attention 'spatial' computed a gate that is not finite"), rga.record(module):
        module(x)


def test_wrong_wishes_are_named() -> None:
    module = rga.create_attention("rga-sc", 8, (6, 4))
    with pytest.raises(ValueError, match=r"a position is .down, across.*1\.5"), rga.record(module, positions=[(0.5, 1.5)]):
        pass
    with pytest.raises(ValueError, match="channel 8 is outside of attention 'channel'"), rga.record(module, channels=[8]):
        pass
    with pytest.raises(ValueError, match="no attention with a gate"), rga.record(nn.Conv2d(3, 3, 1)):
        pass
    unary = rga.create_attention("rga-s", 8, (6, 4), relation=False)
    with pytest.raises(ValueError, match="relation=False"), rga.record(unary, positions=[(0, 0)]):
        unary(X)
