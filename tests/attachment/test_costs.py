"""Counting parameters and multiply-accumulates."""

import timm
import torch

import rga


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
