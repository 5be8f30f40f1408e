"""The fields of a recipe that say how it is trained."""

import math
import re
from typing import Any

import pytest
import torch
from line import line_recipe
from torch import nn

from rga.training.optimization import build_optimizer, build_schedule
from rga.training.recipe import OptimizationRecipe


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"lr": -1.0}, "lr must be at least 0, got -1.0"),
        ({"gradient_accumulation": 0}, "gradient_accumulation must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and less than 1, got 1.0"),
        ({"compile": True, "activation_checkpointing": True}, "compile and activation_checkpointing exclude each other"),
        ({"weight_decay": math.nan}, "weight_decay must be at least 0, got nan"),
        ({"lr": math.inf}, "lr must be finite, got inf"),
        ({"lr_decay": math.nan}, "lr_decay must be at least 0, got nan"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        line_recipe(**wrong)


def test_groups_keep_their_scale_in_every_optimiser() -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "scale": 0.1}, {"params": [nn.Parameter(torch.zeros(1))], "scale": 1.0}]
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)):
        optimizer = build_optimizer(line_recipe(optimizer=name, weight_decay=0.25).optimization, groups)
        assert type(optimizer) is kind
        assert [group["scale"] for group in optimizer.param_groups] == [0.1, 1.0]
        assert {group["weight_decay"] for group in optimizer.param_groups} == {0.25}


@pytest.mark.parametrize("nesterov", [True, False])
def test_momentum_of_sgd_with_and_without_nesterov(nesterov: bool) -> None:
    """Two steps of 0.1 down a slope of 1: the second has 1.9 of momentum, and Nesterov's looks 0.9 of it ahead."""
    weight = nn.Parameter(torch.zeros(1))
    recipe = line_recipe(optimizer="sgd", nesterov=nesterov, lr=0.1, weight_decay=0.0)
    optimizer = build_optimizer(recipe.optimization, [{"params": [weight]}])
    for _ in range(2):
        weight.grad = torch.ones(1)
        optimizer.step()
    expected = (1.9 + (1 + 0.9 * 1.9)) if nesterov else (1 + 1.9)
    assert -10 * weight.item() == pytest.approx(expected)


def test_schedules_end_where_they_say() -> None:
    paper = build_schedule(OptimizationRecipe())
    assert [paper(0), paper(20), paper(80), paper(599)] == pytest.approx([8e-6, 8e-4, 4e-4, 8e-4 / 2**8])
    for schedule in ("cosine", "poly"):
        lr = build_schedule(line_recipe(schedule=schedule, warmup_epochs=2, epochs=12, lr=1.0, lr_update="step").optimization)
        assert [lr(2), lr(12)] == pytest.approx([1.0, 0.0])
        assert lr(7) == pytest.approx({"cosine": 0.5, "poly": 0.5**0.9}[schedule])


def test_the_learning_rate_moves_at_every_step_or_once_an_epoch() -> None:
    for schedule in ("steps", "cosine", "poly"):
        recipe = line_recipe(schedule=schedule, warmup_epochs=2, epochs=12, lr=1.0, warmup_start_lr=0.0)
        by_epoch, by_step = (build_schedule(recipe.override(lr_update=when).optimization) for when in ("epoch", "step"))
        assert [by_epoch(0.5), by_step(0.5)] == pytest.approx([0.0, 0.25])
        for epoch in range(12):
            assert by_epoch(epoch) == by_epoch(epoch + 0.99) == by_step(epoch)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"warmup_epochs": 9.5}, ""),
        ({"warmup_epochs": 10}, "there are 10 epochs: the learning rate never reaches lr 0.5, since the warm-up takes 10 epochs"),
        ({"warmup_epochs": 20, "warmup_start_lr": 0.5}, ""),  # there is none
        ({"warmup_epochs": 2, "hold_epochs": 7, "schedule": "cosine"}, ""),
        ({"warmup_epochs": 2, "hold_epochs": 8, "schedule": "cosine"}, "the learning rate never falls, since it is held until epoch 10"),
        ({"warmup_epochs": 0, "freeze_epochs": 9}, ""),
        ({"warmup_epochs": 0, "freeze_epochs": 10}, "the backbone never learns, since it is frozen for 10 epochs"),
        ({"warmup_epochs": 12, "freeze_epochs": 12}, r"takes 12 epochs \(warmup_epochs\), and the backbone never learns"),
    ],
)
def test_what_a_training_is_too_short_for_is_said(fields: dict[str, Any], said: str) -> None:
    found = OptimizationRecipe(**{"epochs": 10, "lr": 0.5, "warmup_start_lr": 0.0, **fields}).unfinished
    assert re.search(said, found) if said else found == ""
