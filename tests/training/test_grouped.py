"""Batches of one group each."""

import pytest

from rga.errors import InputError
from rga.training.input.grouped import GroupedBatches


def test_batches_are_of_one_group_but_for_what_is_left() -> None:
    groups = [index % 7 == 0 for index in range(50)]  # 8 and 42
    plan = GroupedBatches(groups, 5, seed=3)
    batches = list(plan.batches(4))
    assert len(batches) == len(plan) == 10
    assert sorted(index for batch in batches for index in batch) == list(range(50))
    assert sum(len({groups[index] for index in batch}) > 1 for batch in batches) == 1
    assert batches == list(plan.batches(4)) != list(plan.batches(5))
    assert list(GroupedBatches(groups, 5, seed=4).batches(4)) != batches
    assert next(iter(plan.substitutes(0))) == 1


def test_a_small_group_is_trained_on_too() -> None:
    plan = GroupedBatches([True, *[False] * 9], 4, seed=0)
    seen = {index for epoch in range(20) for batch in plan.batches(epoch) for index in batch}
    assert seen == set(range(10))
    assert all(len(list(plan.batches(epoch))) == 2 for epoch in range(20))
    with pytest.raises(InputError, match="cannot be drawn from 10 samples"):
        GroupedBatches([True] * 10, 11, seed=0)
