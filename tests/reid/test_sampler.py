"""Batches of P identities with K images."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.errors import InputError
from rga.reid.sampler import DomainBatches, IdentityBatches


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=12),
    identities=st.integers(1, 4),
    images=st.integers(1, 5),
    passes=st.integers(1, 3),
)
def test_every_batch_holds_p_identities_with_k_images(counts: list[int], identities: int, images: int, passes: int) -> None:
    labels = [10 * identity for identity, count in enumerate(counts) for _ in range(count)]
    if len(counts) < identities:
        with pytest.raises(ValueError, match=f"{identities} identities cannot be drawn from {len(counts)}"):
            IdentityBatches(labels, identities, images, seed=0, passes=passes)
        return
    sampler = IdentityBatches(labels, identities, images, seed=0, passes=passes)
    batches = list(sampler.batches(0))
    assert len(batches) == len(sampler) == passes * (len(counts) // identities)
    for batch in batches:
        seen = Counter(labels[index] for index in batch)
        assert len(seen) == identities
        assert set(seen.values()) == {images}
        for label in seen:
            drawn = [index for index in batch if labels[index] == label]
            assert len(set(drawn)) == images or labels.count(label) < images  # different images where there are enough
    for start in range(0, len(batches), len(counts) // identities):
        one_pass = [
            labels[batch[0 + k * images]] for batch in batches[start : start + len(counts) // identities] for k in range(identities)
        ]
        assert len(one_pass) == len(set(one_pass))  # nobody twice in a pass


def test_epochs_differ_and_depend_on_seed_and_epoch_alone() -> None:
    labels = [i // 5 for i in range(100)]
    first = IdentityBatches(labels, 4, 3, seed=1)
    zero, one = list(first.batches(0)), list(first.batches(1))
    assert zero != one
    assert list(IdentityBatches(labels, 4, 3, seed=1).batches(1)) == one
    assert list(IdentityBatches(labels, 4, 3, seed=2).batches(0)) != zero


def test_an_image_is_replaced_by_one_of_its_identity_first() -> None:
    plan = IdentityBatches([0, 1, 0, 0, 1, 2], 2, 2, seed=0)
    assert list(plan.substitutes(2)) == [3, 0, 1, 4, 5]
    assert list(plan.substitutes(5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("wrong", [{"ids_per_batch": 0}, {"images_per_id": 0}, {"passes": 0}])
def test_sizes_must_be_positive(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one identity and one image"):
        IdentityBatches([0, 0, 1], **{"ids_per_batch": 2, "images_per_id": 2, "seed": 0, **wrong})


def test_the_draw_does_not_depend_on_which_identity_comes_first() -> None:
    """Files are listed in one order on one machine and in another on the next."""
    labels = [3, 3, 1, 1, 2, 2, 0, 0]
    first = IdentityBatches(labels, 2, 2, seed=5)
    other = IdentityBatches(sorted(labels), 2, 2, seed=5)
    drawn = [[labels[index] for index in batch] for batch in first.batches(0)]
    assert drawn == [[sorted(labels)[index] for index in batch] for batch in other.batches(0)]


@settings(max_examples=60)
@given(
    people=st.lists(st.integers(2, 9), min_size=1, max_size=3), share=st.integers(1, 3), passes=st.integers(1, 2), seed=st.integers(0, 5)
)
def test_every_dataset_has_as_many_identities_in_every_batch(people: list[int], share: int, passes: int, seed: int) -> None:
    domains = [number for number, count in enumerate(people) for _ in range(3 * count)]
    labels = [index // 3 for index in range(len(domains))]  # three images of each
    size = share * len(people)
    if min(people) < share:
        own = rf"each of {len(people)} datasets has {share} identities in a batch, and one has {min(people)} in all: lower ids_per_batch to"
        fewer = rf"a batch of {size} identities cannot be drawn from {sum(people)}: lower ids_per_batch"
        with pytest.raises(InputError, match=own if sum(people) >= size else fewer):
            DomainBatches(labels, domains, size, 2, seed, passes)
        return
    plan = DomainBatches(labels, domains, size, 2, seed, passes)
    batches = list(plan.batches(1))
    assert len(batches) == len(plan) == passes * (sum(people) // size)
    rounds: dict[int, list[int]] = {number: [] for number in range(len(people))}
    for batch in batches:
        identities = [labels[index] for index in batch[::2]]
        assert [labels[index] for index in batch[1::2]] == identities
        assert len(set(identities)) == size
        assert [domains[index] for index in batch[::2]] == list(
            range(len(people))
        ) * share  # in turns: any part of the batch has some of all
        for index in batch[::2]:
            rounds[domains[index]].append(labels[index])
    for number, count in enumerate(people):
        whole = count // share * share  # nobody twice before all have had their turn, but for a rest of less than a share
        for start in range(0, len(rounds[number]), whole):
            assert len(set(rounds[number][start : start + whole])) == len(rounds[number][start : start + whole])
    assert list(DomainBatches(labels, domains, size, 2, seed, passes).batches(1)) == batches


def test_batches_that_datasets_cannot_share_equally_are_refused() -> None:
    with pytest.raises(InputError, match="a batch of 5 identities cannot be shared equally by 2 datasets: choose a multiple of 2"):
        DomainBatches([0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1], 5, 1, seed=0)
