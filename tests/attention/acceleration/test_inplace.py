"""At inference the second of two attentions overwrites the map between them, and nothing else."""

import pytest
import torch
from torch import fx, nn

import rga
from rga.attention.acceleration.multiply import gated_inplace

X = torch.randn(2, 16, 8, 4)


@pytest.fixture
def attention() -> nn.Module:
    torch.manual_seed(0)
    return rga.create_attention("rga-sc", channels=16, grid=(8, 4)).eval()


def test_the_map_between_is_overwritten_and_the_input_is_not(attention: nn.Module) -> None:
    maps: list[torch.Tensor] = []
    attention.get_submodule("spatial").register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    x, expected = X.clone(), attention(X)
    assert expected.requires_grad
    with torch.no_grad():
        found = attention(x)
    assert torch.equal(x, X)
    assert found is maps[1]
    assert maps[0] is not expected
    torch.testing.assert_close(found, expected)


def test_one_alone_overwrites_nothing() -> None:
    for name in ("rga-s", "rga-c", "rga-parallel"):
        attention, x = rga.create_attention(name, channels=16, grid=(8, 4)).eval(), X.clone()
        with torch.no_grad():
            attention(x)
        assert torch.equal(x, X)


def test_what_is_recorded_and_what_is_transformed_overwrites_nothing(attention: nn.Module) -> None:
    graph = fx.symbolic_trace(attention)
    torch.testing.assert_close(graph(X), attention(X))
    with torch.no_grad():
        torch.testing.assert_close(graph(X), attention(X))
        gates = torch.rand(3, 2, 16, 1, 1)
        x = X.clone()
        torch.testing.assert_close(torch.vmap(gated_inplace, in_dims=(None, 0))(x, gates), x * gates)
        assert torch.equal(x, X)
