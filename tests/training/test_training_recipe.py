"""The fields of a recipe that say how it is trained."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from rga.training.recipe import TrainingRecipe


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"lr": -1.0}, "lr must be at least 0, got -1.0"),
        ({"gradient_accumulation": 0}, "gradient_accumulation must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and less than 1, got 1.0"),
        ({"compile": True, "activation_checkpointing": True}, "compile and activation_checkpointing cannot be combined"),
        ({"weight_decay": math.nan}, "weight_decay must be at least 0, got nan"),
        ({"lr": math.inf}, "lr must be finite, got inf"),
        ({"lr_decay": math.nan}, "lr_decay must be finite, got nan"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingRecipe(**wrong)  # type: ignore[arg-type]


def test_groups_keep_their_scale_in_every_optimiser() -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "scale": 0.1}, {"params": [nn.Parameter(torch.zeros(1))], "scale": 1.0}]
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)):
        optimizer = TrainingRecipe(optimizer=name, weight_decay=0.25).build_optimizer(groups)  # type: ignore[arg-type]
        assert type(optimizer) is kind
        assert [group["scale"] for group in optimizer.param_groups] == [0.1, 1.0]
        assert {group["weight_decay"] for group in optimizer.param_groups} == {0.25}


def test_schedules_end_where_they_say() -> None:
    paper = TrainingRecipe().build_schedule()
    assert [paper(0), paper(20), paper(80), paper(599)] == pytest.approx([8e-6, 8e-4, 4e-4, 8e-4 / 2**8])
    for schedule in ("cosine", "poly"):
        lr = TrainingRecipe(schedule=schedule, warmup_epochs=2, epochs=12, lr=1.0, lr_update="step").build_schedule()
        assert [lr(2), lr(12)] == pytest.approx([1.0, 0.0])
        assert lr(7) == pytest.approx({"cosine": 0.5, "poly": 0.5**0.9}[schedule])


def test_the_learning_rate_moves_at_every_step_or_once_an_epoch() -> None:
    for schedule in ("steps", "cosine", "poly"):
        recipe = TrainingRecipe(schedule=schedule, warmup_epochs=2, epochs=12, lr=1.0, warmup_start_lr=0.0)
        by_epoch, by_step = recipe.build_schedule(), replace(recipe, lr_update="step").build_schedule()
        assert [by_epoch(0.5), by_step(0.5)] == pytest.approx([0.0, 0.25])
        for epoch in range(12):
            assert by_epoch(epoch) == by_epoch(epoch + 0.99) == by_step(epoch)


def test_the_loop_and_the_loader_get_what_concerns_them() -> None:
    recipe = TrainingRecipe(
        epochs=3, gradient_accumulation=2, seed=5, ema_decay=0.9, checkpoint_every=7, num_workers=4, prefetch_factor=3, skip_damaged=True
    )
    loop, loader = recipe.loop_options(), recipe.loader_options()
    assert (loop.epochs, loop.gradient_accumulation, loop.seed, loop.ema_decay, loop.checkpoint_every) == (3, 2, 5, 0.9, 7)
    assert (loader.parts, loader.seed, loader.num_workers, loader.prefetch_factor, loader.skip_damaged) == (2, 5, 4, 3, True)
    assert not TrainingRecipe(device="cpu").loader_options().pin
