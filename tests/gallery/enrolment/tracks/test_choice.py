"""The best few crops of a track, spread in time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.gallery.enrolment.tracks.choice import BestSpread


def chosen(qualities: Sequence[float], count: int) -> list[int]:
    best: BestSpread[int] = BestSpread(count, lambda moment: qualities[moment])
    for moment in range(len(qualities)):
        best.add(moment, moment)
    assert best.seen == len(qualities)
    assert len(best.parts) <= 2 * count
    return best.chosen()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400), st.integers(1, 6))
def test_as_many_as_wanted_in_order_with_the_best_of_all(qualities: list[float], count: int) -> None:
    found = chosen(qualities, count)
    assert len(found) == min(count, len(qualities))
    assert found == sorted({*found})
    assert max(qualities[moment] for moment in found) == max(qualities)


@pytest.mark.parametrize(
    "qualities", [[0.5] * 300, [0.6 + moment / 900 for moment in range(300)], [0.9 - moment / 900 for moment in range(300)]]
)
def test_five_of_three_hundred_are_spread(qualities: list[float]) -> None:
    found = chosen(qualities, 5)
    assert len(found) == 5
    assert all(abs(moment - middle) <= 45 for moment, middle in zip(found, range(30, 300, 60), strict=True))


def test_sharp_moments_are_taken() -> None:
    sharp = [17, 90, 151, 222, 280]
    assert chosen([0.9 if moment in sharp else 0.1 for moment in range(300)], 5) == sharp


def test_a_part_without_anything_good_has_none() -> None:
    found = chosen([0.1 if 100 <= moment < 200 else 0.8 for moment in range(300)], 3)
    assert len(found) == 3
    assert not any(100 <= moment < 200 for moment in found)


def test_what_an_item_is_worth_may_change() -> None:
    """As more is known of a track, what looked good before does so no more."""
    worth = {"a": 1.0, "b": 0.5}
    best = BestSpread(1, worth.__getitem__)
    best.add(0, "a")
    best.add(1, "b")
    worth["a"] = 0.1
    assert best.chosen() == ["b"]
