"""Mean, deviation and paired differences: by hand, and as scipy computes them."""

import math
import sys

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from rga.errors import InputError, MissingPackageError
from rga.study.results.statistics import paired_difference, spread


def test_the_deviation_is_that_of_a_sample() -> None:
    found = spread([0.70, 0.72, 0.74, 0.76])
    assert found.mean == pytest.approx(0.73)
    assert found.deviation == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.01**2 + 0.03**2) / 3))
    assert found.n == 4


def test_one_seed_has_no_deviation_and_no_interval() -> None:
    assert spread([0.5]).deviation is None
    found = paired_difference({3: 0.5}, {3: 0.25})
    assert (found.mean, found.low, found.high, found.n) == (0.25, None, None, 1)
    assert not found.above_zero
    assert not found.below_zero


def test_the_interval_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, standard error 1 / sqrt(3), and t of two degrees of freedom is 4.302653."""
    found = paired_difference({0: 11, 1: 22, 2: 33}, {0: 10, 1: 20, 2: 30})
    assert found.by_seed == ((0, 1), (1, 2), (2, 3))
    assert found.mean == 2
    assert found.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert found.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-6)


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_the_interval_is_scipys(count: int) -> None:
    rng = np.random.default_rng(count)
    ours, plain = rng.normal(0.72, 0.02, count), rng.normal(0.70, 0.02, count)
    found = paired_difference(dict(enumerate(ours)), dict(enumerate(plain)))
    theirs = stats.ttest_rel(ours, plain).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.above_zero == (theirs.low > 0)


def test_pairs_are_made_by_seed_and_what_has_no_pair_is_counted() -> None:
    found = paired_difference({5: 0.9, 1: 0.3, 0: 0.2, 8: 0.0}, {0: 0.1, 1: 0.1, 2: 0.7})
    assert dict(found.by_seed) == pytest.approx({0: 0.1, 1: 0.2})
    assert found.unpaired == 3  # 5 and 8 of the one, 2 of the other


def test_which_side_of_zero() -> None:
    better, worse = {0: 1.0, 1: 1.1, 2: 0.9}, {0: 0.0, 1: 0.0, 2: 0.0}
    assert paired_difference(better, worse).above_zero
    assert not paired_difference(better, worse).below_zero
    assert paired_difference(worse, better).below_zero
    assert not paired_difference(worse, better).above_zero
    unclear = paired_difference({0: 1.0, 1: -1.0}, {0: 0.0, 1: 0.0})
    assert not unclear.above_zero
    assert not unclear.below_zero


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(InputError, match="no run"):
        spread([])
    with pytest.raises(InputError, match=r"no seed in common: \[1, 2\] and \[3\]"):
        paired_difference({2: 0.1, 1: 0.1}, {3: 0.1})
    for bad in (math.nan, math.inf):
        with pytest.raises(InputError, match="run it again"):
            spread([0.1, bad])
        with pytest.raises(InputError, match="run it again"):
            paired_difference({0: bad}, {0: 0.1})


def test_a_missing_scipy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingPackageError, match=r"scipy, which is not installed: pip install 'rga\[reproduce\]'"):
        paired_difference({0: 0.1, 1: 0.2}, {0: 0.1, 1: 0.1})
    assert paired_difference({0: 0.5}, {0: 0.25}).n == 1  # without an interval it is not needed
