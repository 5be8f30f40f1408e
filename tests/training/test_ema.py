"""The running average of the weights."""

import contextlib

import torch
from torch import nn

from rga.training.ema import EmaWeights


def test_it_is_the_exponential_average_with_a_decay_that_grows() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    ema = EmaWeights(model, 0.6)
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(1, 8):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        model(torch.randn(4, 3))
        ema.update(model, step)
        decay = 0.0 if step == 1 else min(0.6, 1 - step ** (-2 / 3))
        for name, value in model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value.clone()
    assert decay == 0.6
    for name, value in ema.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert ema.state_dict()["1.num_batches_tracked"] == 7


def test_within_the_block_the_model_has_the_averages_and_afterwards_its_own_whatever_happens() -> None:
    model = nn.Linear(2, 2)
    ema = EmaWeights(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(5.0)
    weight = model.weight
    with contextlib.suppress(KeyError), ema.swapped_into(model):
        assert model.weight is weight
        assert not torch.equal(model.weight, torch.full((2, 2), 5.0))
        assert torch.equal(model.weight, ema.state_dict()["weight"])
        raise KeyError
    assert torch.equal(model.weight, torch.full((2, 2), 5.0))
