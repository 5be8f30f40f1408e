"""Which samples make the batches, and every process's share of them."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.training.input.plan import BalancedBatches, Share, ShuffledBatches


@settings(max_examples=60)
@given(samples=st.integers(1, 40), size=st.integers(1, 12), epoch=st.integers(0, 5))
def test_shuffled_batches_are_a_part_of_a_permutation(samples: int, size: int, epoch: int) -> None:
    if size > samples:
        with pytest.raises(ValueError, match=f"batch of {size} cannot be drawn from {samples} samples"):
            ShuffledBatches(samples, size, seed=0)
        return
    plan = ShuffledBatches(samples, size, seed=0)
    batches = list(plan.batches(epoch))
    assert len(batches) == len(plan) == samples // size
    assert {len(batch) for batch in batches} == {size}
    drawn = [index for batch in batches for index in batch]
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= set(range(samples))
    assert list(ShuffledBatches(samples, size, seed=0).batches(epoch)) == batches


def test_epochs_and_seeds_differ() -> None:
    plan = ShuffledBatches(100, 10, seed=0)
    assert list(plan.batches(0)) != list(plan.batches(1))
    assert list(plan.batches(0)) != list(ShuffledBatches(100, 10, seed=1).batches(0))
    assert list(plan.substitutes(98)) == [99, *range(98)]


@settings(max_examples=60)
@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=5), size=st.integers(1, 12), epoch=st.integers(0, 5))
def test_balanced_batches_draw_every_class_as_often_and_all_its_samples_before_one_again(counts: list[int], size: int, epoch: int) -> None:
    labels = [7 * label for label, count in enumerate(counts) for _ in range(count)]
    if size > len(labels):
        with pytest.raises(ValueError, match=f"batch of {size} cannot be drawn from {len(labels)} samples"):
            BalancedBatches(labels, size, seed=0)
        return
    plan = BalancedBatches(labels, size, seed=0)
    batches = list(plan.batches(epoch))
    assert len(batches) == len(plan) == len(labels) // size
    assert {len(batch) for batch in batches} == {size}
    drawn = Counter(index for batch in batches for index in batch)
    of_class = [sum(drawn[index] for index, label in enumerate(labels) if label == 7 * each) for each in range(len(counts))]
    assert max(of_class) - min(of_class) <= 1
    for each in range(len(counts)):
        own = [drawn[index] for index, label in enumerate(labels) if label == 7 * each]
        assert max(own) - min(own) <= 1
    assert list(BalancedBatches(labels, size, seed=0).batches(epoch)) == batches


def test_balanced_batches_differ_by_epoch_and_seed_and_replace_as_shuffled_ones() -> None:
    plan = BalancedBatches([0] * 50 + [1] * 50, 10, seed=0)
    assert list(plan.batches(0)) != list(plan.batches(1))
    assert list(plan.batches(0)) != list(BalancedBatches([0] * 50 + [1] * 50, 10, seed=1).batches(0))
    assert list(plan.substitutes(98)) == [99, *range(98)]


@settings(max_examples=60)
@given(processes=st.integers(1, 4), parts=st.integers(1, 3), per=st.integers(1, 3), start=st.integers(0, 3), epoch=st.integers(0, 3))
def test_shares_together_are_the_batches_in_their_order(processes: int, parts: int, per: int, start: int, epoch: int) -> None:
    size = processes * parts * per
    plan = ShuffledBatches(3 * size, size, seed=0)
    shares = [Share(plan, 7, rank, processes, parts) for rank in range(processes)]
    for share in shares:
        share.epoch, share.start = epoch, start
    drawn = [list(share) for share in shares]
    assert {len(each) for each in drawn} == {len(shares[0])} == {parts * (3 - start)}
    for number, batch in list(enumerate(plan.batches(epoch)))[start:]:
        own = [part for each in drawn for part in each[(number - start) * parts : (number - start + 1) * parts]]
        assert {len(part) for part in own} == {per}
        draws = [draw for part in own for draw in part]
        assert [draw.sample for draw in draws] == batch
        assert [draw.key for draw in draws] == [(7, epoch, number, position) for position in range(size)]


class Groups(ShuffledBatches):
    """Batches of 6 x 4 samples."""

    together = 4

    def __init__(self) -> None:
        super().__init__(48, 24, seed=0)


@pytest.mark.parametrize(("processes", "parts"), [(4, 1), (1, 4), (12, 1), (2, 2)])
def test_samples_that_belong_together_are_not_parted(processes: int, parts: int) -> None:
    with pytest.raises(ValueError, match=rf"6 x 4 samples cannot be shared by {processes} processes in {parts} parts"):
        Share(Groups(), 0, 0, processes, parts)
    assert Share(Groups(), 0, 0, 3, 2).part == 4
