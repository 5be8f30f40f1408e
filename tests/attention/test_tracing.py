"""Attention recorded as a graph: by ``torch.fx``, torchvision's feature extractor and ``torch.jit.trace``."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

import rga
from rga.attention.catalog import OF_A_GRID
from rga.attention.tracing import recorded_whole

CHANNELS, GRID = 16, (6, 4)
ARRANGEMENTS = ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel"]


def make(name: str, **options: object) -> nn.Module:
    return rga.create_attention(name, CHANNELS, GRID if name in OF_A_GRID else None, **options)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", rga.list_attentions())
def test_a_symbolic_trace_is_the_module(name: str, training: bool) -> None:
    module = make(name).train(training)
    again = copy.deepcopy(module)
    traced = torch.fx.symbolic_trace(again)
    traced.graph.lint()
    assert dict(traced.named_parameters()).keys() == dict(module.named_parameters()).keys()
    for images in (3, 5):
        x = torch.randn(images, CHANNELS, *GRID)
        leaves = [x.clone().requires_grad_(), x.clone().requires_grad_()]
        outs = [one(leaf) for one, leaf in zip((module, traced), leaves, strict=True)]
        torch.testing.assert_close(outs[1], outs[0], rtol=0, atol=0)
        for out in outs:
            out.square().sum().backward()
        torch.testing.assert_close(leaves[1].grad, leaves[0].grad)
    for ours, theirs in zip(again.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for mine, other in zip(again.buffers(), module.buffers(), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("name", rga.list_attentions())
def test_a_symbolic_trace_keeps_checks_precision_and_survives_copies(name: str) -> None:
    module = make(name).eval()
    with torch.no_grad():  # by which inference goes its own way: the graph must not
        traced = torch.fx.symbolic_trace(module)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    with pytest.raises(ValueError, match=f"built for {CHANNELS} channels, got a map with {CHANNELS + 1}"):
        traced(torch.rand(2, CHANNELS + 1, *GRID))
    x = (30 * torch.randn(2, CHANNELS, *GRID)).half()
    with torch.autocast("cpu", dtype=torch.float16):
        torch.testing.assert_close(traced(x), module(x))
    for other in (copy.deepcopy(traced), pickle.loads(pickle.dumps(traced))):
        torch.testing.assert_close(other(x), module(x))
    traced(x.float().requires_grad_()).sum().backward()


def test_other_grids_are_served_and_refused_by_a_trace() -> None:
    pooled = make("rga-sc", fit="pool").eval()
    x = torch.randn(2, CHANNELS, 12, 8)
    torch.testing.assert_close(torch.fx.symbolic_trace(pooled)(x), pooled(x))
    with pytest.raises(rga.GridMismatchError, match="got a map on a 12x8 grid"):
        torch.fx.symbolic_trace(make("rga-sc"))(x)


SLOWER = ("rga-parallel", "fc-parallel", "dual", "non-local", "cbam-cs", "harmonious", "triplet", "ema", "fca", "criss-cross", "coordinate")


@pytest.mark.parametrize("name", ["rga-sc", "se", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)])
def test_torchvisions_feature_extractor_trains_and_evaluates(name: str) -> None:
    model = resnet18(num_classes=3)
    model.layer1 = nn.Sequential(model.layer1, rga.create_attention(name, 64, (16, 8) if name in OF_A_GRID else None))
    extractor = create_feature_extractor(model, {"layer1": "first", "layer4": "last"})
    before = copy.deepcopy(extractor.state_dict())
    optimizer = torch.optim.SGD(extractor.parameters(), 1e-3)
    found = extractor.train()(torch.randn(4, 3, 64, 32))
    (found["first"].square().mean() + found["last"].square().mean()).backward()
    assert [key for key, parameter in extractor.named_parameters() if parameter.grad is None] == []
    optimizer.step()
    moved = [key for key, value in extractor.state_dict().items() if "layer1.1." in key and not torch.equal(value, before[key])]
    assert moved
    x = torch.randn(2, 3, 64, 32)
    model.eval()
    extractor.eval()
    expected = model.layer1(model.maxpool(model.relu(model.bn1(model.conv1(x)))))
    torch.testing.assert_close(extractor(x)["first"], expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace:FutureWarning")
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_jit_traces_with_gradients_and_without(name: str, training: bool, gradients: bool) -> None:
    """``torch.jit.trace`` traces again to check itself, without gradients: it must find the same graph."""
    module = make(name).train(training)
    with torch.set_grad_enabled(gradients):
        traced = torch.jit.trace(module, (torch.randn(2, CHANNELS, *GRID),))
        for images in (2, 5):
            x = torch.randn(images, CHANNELS, *GRID)
            torch.testing.assert_close(traced(x), module(x))
    leaf = torch.randn(3, CHANNELS, *GRID).requires_grad_()
    gradient = torch.autograd.grad(traced(leaf).square().sum(), leaf)[0]
    torch.testing.assert_close(gradient, torch.autograd.grad(module(leaf).square().sum(), leaf)[0])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace:FutureWarning")
@pytest.mark.parametrize("name", sorted(set(rga.list_attentions()) - set(ARRANGEMENTS)))
def test_jit_traces_the_others(name: str) -> None:
    module = make(name).eval()
    traced = torch.jit.trace(module, (torch.randn(2, CHANNELS, *GRID),))
    x = torch.randn(5, CHANNELS, *GRID)
    torch.testing.assert_close(traced(x), module(x))


COMPILED = ("fc-c", "dual", "non-local", "simam", "triplet", "ema", "fca", "criss-cross", "coordinate")


@pytest.mark.parametrize("name", ["rga-s", *(pytest.param(name, marks=pytest.mark.slow) for name in COMPILED)])
def test_compiles_in_training_under_autocast(name: str) -> None:
    torch.compiler.reset()
    module = make(name)
    again = copy.deepcopy(module)
    x = torch.randn(3, CHANNELS, *GRID).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(torch.compile(again, fullgraph=True, backend="aot_eager")(x), module(x))


def test_functions_are_recorded_whole_by_position_and_by_name() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = larger(x=x) + larger(x)
            return out

    traced = torch.fx.symbolic_trace(Net())
    assert [node.target for node in traced.graph.nodes if node.op == "call_function"].count(larger) == 2
    torch.testing.assert_close(traced(torch.tensor(3.0)), torch.tensor(12.0))


@recorded_whole
def larger(x: torch.Tensor) -> torch.Tensor:
    """What follows the value, which a symbolic trace does not know."""
    return 2 * x if x > 0 else x
