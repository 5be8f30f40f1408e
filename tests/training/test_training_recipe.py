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
        ({"rate": -1.0}, "rate must be at least 0, got -1.0"),
        ({"accumulate": 0}, "accumulate must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"averaging": 1.0}, "averaging must be at least 0 and less than 1, got 1.0"),
        ({"compile": True, "recompute": True}, "compile and recompute exclude one another"),
        ({"weight_decay": math.nan}, "weight_decay must be at least 0, got nan"),
        ({"rate": math.inf}, "rate must be finite, got inf"),
        ({"factor": math.nan}, "factor must be finite, got nan"),
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
        rate = TrainingRecipe(schedule=schedule, warmup=2, epochs=12, rate=1.0, lr_update="step").build_schedule()
        assert [rate(2), rate(12)] == pytest.approx([1.0, 0.0])
        assert rate(7) == pytest.approx({"cosine": 0.5, "poly": 0.5**0.9}[schedule])


def test_the_learning_rate_moves_at_every_step_or_once_an_epoch() -> None:
    for schedule in ("steps", "cosine", "poly"):
        recipe = TrainingRecipe(schedule=schedule, warmup=2, epochs=12, rate=1.0, start_rate=0.0)
        by_epoch, by_step = recipe.build_schedule(), replace(recipe, lr_update="step").build_schedule()
        assert [by_epoch(0.5), by_step(0.5)] == pytest.approx([0.0, 0.25])
        for epoch in range(12):
            assert by_epoch(epoch) == by_epoch(epoch + 0.99) == by_step(epoch)


def test_the_loop_and_the_loader_get_what_concerns_them() -> None:
    recipe = TrainingRecipe(epochs=3, accumulate=2, seed=5, averaging=0.9, checkpoint_every=7, workers=4, prefetch=3, skip_damaged=True)
    loop, loader = recipe.loop_options(), recipe.loader_options()
    assert (loop.epochs, loop.accumulate, loop.seed, loop.averaging, loop.checkpoint_every) == (3, 2, 5, 0.9, 7)
    assert (loader.parts, loader.seed, loader.workers, loader.prefetch, loader.skip_damaged) == (2, 5, 4, 3, True)
    assert not TrainingRecipe(device="cpu").loader_options().pin
