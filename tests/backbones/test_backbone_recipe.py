"""The backbone's fields of a recipe, and its weights in an optimiser."""

from dataclasses import replace
from typing import Any

import pytest
import timm
from torch import nn

import rga
from rga.backbones.parameter_groups import parameter_groups
from rga.backbones.recipe import ModelRecipe


class Network(nn.Module):
    """A backbone, and what a task puts on it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = rga.attach(timm.create_model("test_resnet", num_classes=0), "rga-sc", image_size=(64, 32))
        self.head = nn.Linear(4, 2)
        self.head.bias.requires_grad_(False)


def test_the_backbones_own_weights_learn_at_their_own_learning_rate() -> None:
    model = Network()
    backbone, others = parameter_groups(model, model.backbone, 0.1)
    assert (backbone["scale"], others["scale"]) == (0.1, 1.0)
    plain = timm.create_model("test_resnet", num_classes=0)
    assert [p.shape for p in backbone["params"]] == [p.shape for p in plain.parameters()]
    attention = [p for each in rga.attached(model.backbone).values() for p in each.parameters()]
    assert {id(p) for p in others["params"]} == {id(p) for p in [*attention, model.head.weight]}


def test_the_attention_learns_at_its_own_learning_rate_and_weight_decay() -> None:
    model = Network()
    attention = [id(p) for each in rga.attached(model.backbone).values() for p in each.parameters()]
    cases: tuple[tuple[dict[str, Any], dict[str, float]], ...] = (
        ({"attention_lr_scale": 3.0}, {"scale": 3.0}),
        ({"attention_weight_decay": 0.0}, {"scale": 1.0, "weight_decay": 0.0}),
        ({"attention_lr_scale": 0.5, "attention_weight_decay": 0.25}, {"scale": 0.5, "weight_decay": 0.25}),
    )
    for options, expected in cases:
        backbone, others, own = parameter_groups(model, model.backbone, 0.1, **options)
        assert (backbone["scale"], others["scale"]) == (0.1, 1.0)
        assert [id(p) for p in others["params"]] == [id(model.head.weight)]
        assert sorted(id(p) for p in own.pop("params")) == sorted(attention)
        assert own == expected
        assert "weight_decay" not in backbone.keys() | others.keys()
    plain = rga.detach(model.backbone)
    assert len(parameter_groups(model, plain, 0.1, attention_lr_scale=3.0)) == 2


def test_options_are_rgas_alone() -> None:
    recipe = ModelRecipe(reduction=4, initial_gate=0.9)
    assert recipe.attention_options() == {
        "reduction": 4,
        "hidden_reduction": 8,
        "embedding": "asymmetric",
        "relation": True,
        "original": True,
        "gate_norm": "batch",
        "gate_norm_momentum": 0.1,
        "gate_precision": "auto",
        "initial_gate": 0.9,
        "fit": "exact",
    }
    assert ModelRecipe(attention="fc-s", fit="pool", largest_grid=8).attention_options() == {"fit": "pool", "largest_grid": (8, 8)}
    assert ModelRecipe(attention="se", initial_gate=0.9).attention_options() == {}
    with pytest.raises(ValueError, match="reduction: options of RGA only, and attention is 'se'"):
        replace(recipe, attention="se")
    assert ModelRecipe().attention_after() is None
    assert ModelRecipe(after=("layer4",)).attention_after() == ["layer4"]
    assert ModelRecipe(inside_blocks=True).attention_after() == "blocks"
    with pytest.raises(ValueError, match="inside_blocks puts attention inside every block: leave after out"):
        ModelRecipe(inside_blocks=True, after=("layer4",))
    with pytest.raises(ValueError, match="hidden_reduction must be at least 1, got 0"):
        ModelRecipe(hidden_reduction=0)
