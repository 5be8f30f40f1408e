"""At inference the second of two attentions overwrites the map between them, where nobody else reads it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import create_feature_extractor

import rga
from rga.attention.acceleration import multiply
from rga.attention.acceleration.multiply import gated_inplace
from rga.attention.arrangements import relation_attention

X = torch.randn(2, 16, 8, 4)


@pytest.fixture
def attention() -> nn.Module:
    torch.manual_seed(0)
    return rga.create_attention("rga-sc", channels=16, grid=(8, 4)).eval()


@pytest.fixture
def overwritten(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The addresses of the maps that are overwritten from now on."""
    found: list[int] = []

    def noting(x: Tensor, gate: Tensor) -> Tensor:
        found.append(x.data_ptr())
        return gated_inplace(x, gate)

    monkeypatch.setattr("rga.attention.modules.gated_inplace", noting)
    return found


@pytest.mark.parametrize(
    "build",
    [
        lambda: rga.create_attention("rga-sc", 16, (8, 4)),
        lambda: rga.create_attention("rga-cs", 16, (8, 4)),
        lambda: rga.create_attention("rga-sc", 16, (8, 4), fit="spectral"),
        lambda: rga.create_attention("rga-sc", 16, (4, 4), fit="pool"),
        lambda: relation_attention("sc", 16, (8, 4), frames=2),
    ],
    ids=["sc", "cs", "spectral", "pool", "frames"],
)
def test_the_map_between_is_overwritten_and_the_input_is_not(build: Callable[[], nn.Module], overwritten: list[int]) -> None:
    attention = build().eval()
    x, expected = X.clone(), attention(X)
    assert expected.requires_grad
    assert not overwritten
    with torch.no_grad():
        found = attention(x)
    assert torch.equal(x, X)
    assert overwritten == [found.data_ptr()]
    torch.testing.assert_close(found, expected)


def test_one_alone_overwrites_nothing() -> None:
    for name in ("rga-s", "rga-c", "rga-parallel"):
        attention, x = rga.create_attention(name, channels=16, grid=(8, 4)).eval(), X.clone()
        with torch.no_grad():
            attention(x)
        assert torch.equal(x, X)


def test_the_second_called_by_itself_overwrites_nothing(attention: nn.Module) -> None:
    x = X.clone()
    with torch.no_grad():
        attention.get_submodule("channel")(x)
    assert torch.equal(x, X)


@pytest.mark.parametrize("change", ["identity", "removed", "put in front"])
def test_a_map_that_came_in_is_left_alone(attention: nn.Module, change: str, overwritten: list[int]) -> None:
    if change == "identity":
        attention.spatial = nn.Identity()
    elif change == "removed":
        del attention.spatial
    else:
        attention = type(attention)(nn.Flatten(0, 0), *attention.children())
    x = X.clone()
    with torch.no_grad():
        attention(x)
    assert torch.equal(x, X)
    assert len(overwritten) == (change == "put in front")


@pytest.mark.parametrize("watched", ["spatial", "channel", "channel.gate", "channel.gate.theta_phi_psi"])
def test_a_hook_keeps_what_it_saw(attention: nn.Module, watched: str, overwritten: list[int]) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.extend((each, each.clone()) for each in (inputs[0], output))

    handle = attention.get_submodule(watched).register_forward_hook(keep)
    with torch.no_grad():
        attention(X)
    assert seen
    for kept, as_seen in seen:
        assert torch.equal(kept, as_seen)
    assert not overwritten
    handle.remove()
    with torch.no_grad():
        attention(X)
    assert len(overwritten) == 1


def test_a_hook_on_all_modules_keeps_what_it_saw(attention: nn.Module, overwritten: list[int]) -> None:
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        with torch.no_grad():
            attention(X)
    finally:
        handle.remove()
    assert not overwritten


def test_what_is_recorded_and_what_is_transformed_overwrites_nothing(attention: nn.Module) -> None:
    expected = attention(X)
    with torch.no_grad():
        graph = fx.symbolic_trace(attention)
    assert {node.target for node in graph.graph.nodes if node.op == "call_function"} >= {multiply.gated}
    torch.testing.assert_close(graph(X), expected)
    with torch.no_grad():
        torch.testing.assert_close(graph(X), expected)
        gates = torch.rand(3, 2, 16, 1, 1)
        x = X.clone()
        torch.testing.assert_close(torch.vmap(gated_inplace, in_dims=(None, 0))(x, gates), x * gates)
        assert torch.equal(x, X)


def test_features_of_both_attentions_are_told_apart() -> None:
    torch.manual_seed(0)
    model = rga.attach(timm.create_model("test_resnet", num_classes=3), "rga-sc", image_size=(64, 64)).eval()
    features = create_feature_extractor(model, {"layer1.attention.spatial": "s", "layer1.attention": "sc"})
    images = torch.rand(1, 3, 64, 64)
    expected = features(images)
    with torch.no_grad():
        found = features(images)
    for name in ("s", "sc"):
        torch.testing.assert_close(found[name], expected[name])
    assert not torch.allclose(found["s"], found["sc"])
