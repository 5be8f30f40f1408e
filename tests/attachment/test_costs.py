"""Counting parameters and multiply-accumulates."""

from typing import Any

import pytest
import timm
import torch
from torch import nn

import rga
from rga.errors import InputError


def test_resnet50_costs_what_is_known_of_it() -> None:
    model = timm.create_model("resnet50", num_classes=1000)
    found = rga.cost(model, (1, 3, 224, 224))
    assert found.parameters == 25_557_032
    assert round(found.macs / 1e9, 2) == 4.09
    assert str(found) == "25.56 M parameters, 4.09 GMAC"


def test_attention_is_counted_and_nothing_is_computed() -> None:
    module = rga.create_attention("rga-s", 16, (4, 4), reduction=2)
    # theta, phi, psi: 24 x 16 a node; the two factors and their product: 3 x 8 x 8 (M/s1 x D/s1) ... x 16 nodes; W1 9 -> 1, W2 1 -> 1
    nodes, embedded, related = 16, 8, 8
    expected = nodes * 16 * 3 * embedded + 2 * nodes * embedded * related + nodes * 2 * embedded * related + nodes * (1 + related) + nodes
    before = {key: value.clone() for key, value in module.state_dict().items()}
    assert rga.cost(module, (1, 16, 4, 4)).macs == expected
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


class Cached(nn.Module):
    """A network that keeps a tensor in an attribute, and makes another one in its first pass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.scale = torch.rand(8, 1, 1)
        self.ramp: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.ramp is None:
            self.ramp = torch.linspace(0, 1, x.shape[-1], device=x.device)
        ramp = self.ramp
        assert ramp is not None
        out: torch.Tensor = self.conv(x) * self.scale * ramp
        return out


def test_a_network_that_keeps_tensors_is_left_as_it_was() -> None:
    model, x = Cached(), torch.rand(1, 3, 8, 8)
    scale = model.scale
    found = rga.cost(model, (1, 3, 8, 8))
    assert model.ramp is None
    assert model.scale is scale
    out: torch.Tensor = model(x)
    assert out.device.type == "cpu"
    assert rga.cost(model, (1, 3, 8, 8)) == found


def test_checkpointing_counts_nothing_twice() -> None:
    model: Any = timm.create_model("test_resnet")
    expected = rga.cost(model, (1, 3, 64, 64))
    model.set_grad_checkpointing()
    assert rga.cost(model, (1, 3, 64, 64)) == expected


@pytest.mark.parametrize("shape", [(1, 3, 100, 100), (True, 3, 160, 160), "13", (1, 3, -1, 4)])
def test_shapes_that_cannot_be(shape: Any) -> None:
    with pytest.raises(InputError, match="shape"):
        rga.cost(timm.create_model("test_vit"), shape)
