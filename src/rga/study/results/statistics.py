"""What several seeds say together: mean, standard deviation, and the paired difference of two variants with its confidence interval.

Two variants are compared seed by seed. Both train from the same seed on the same data, so what a seed does to both cancels out. The
differences of the seeds are taken as a sample of a normal distribution: the interval of their mean is Student's t interval with n - 1
degrees of freedom. With three seeds it reaches 2.5 standard deviations of the differences to each side, with five 1.2.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rga.errors import InputError
from rga.extras import require

CONFIDENCE = 0.95
"""Probability with which the interval covers the mean difference."""


@dataclass(frozen=True)
class Spread:
    """Mean and spread of one metric over the seeds of a variant.

    Attributes:
        mean: over the seeds.
        deviation: sample standard deviation (divided by n - 1); None for one seed.
        n: number of seeds.
    """

    mean: float
    deviation: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """The mean difference of two variants over the seeds that both have.

    Attributes:
        by_seed: seed -> the metric of the variant minus the metric of the other, sorted by the seed.
        mean: over these seeds.
        low: lower end of the 95 % interval; None for one seed.
        high: upper end of the 95 % interval; None for one seed.
        unpaired: number of seeds that only one of the two has; they are left out.
    """

    by_seed: tuple[tuple[int, float], ...]
    mean: float
    low: float | None
    high: float | None
    unpaired: int

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.by_seed)

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above zero; False without an interval."""
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval is below zero; False without an interval."""
        return self.high is not None and self.high < 0


def spread(values: Iterable[float]) -> Spread:
    """Mean and sample standard deviation.

    Args:
        values: one for each seed.

    Raises:
        InputError: there are none, or one is NaN or infinite.

    Example:
        >>> spread([0.5, 0.75, 1.0])
        Spread(mean=0.75, deviation=0.25, n=3)
    """
    values = tuple(values)
    if not values:
        raise InputError("there is no run to take the mean of: pass at least one value")
    check_finite(values)
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def paired_difference(values: Mapping[int, float], others: Mapping[int, float]) -> Difference:
    """The mean difference of two variants over the seeds that both have, with its 95 % interval by Student's t.

    Args:
        values: seed -> metric of the variant.
        others: seed -> metric of the variant that it is compared with.

    Raises:
        InputError: they have no seed in common, or a value is NaN or infinite.
        MissingPackageError: scipy is not installed.

    Example:
        >>> found = paired_difference({0: 0.72, 1: 0.75, 2: 0.73}, {0: 0.70, 1: 0.71, 2: 0.72, 3: 0.74})
        >>> f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}], {found.n} pairs, {found.unpaired} seed left out"
        '0.0233 [-0.0146, 0.0613], 3 pairs, 1 seed left out'
    """
    seeds = sorted(values.keys() & others.keys())
    if not seeds:
        raise InputError(f"the variants have no seed in common: {sorted(values)} and {sorted(others)}")
    by_seed = tuple((seed, values[seed] - others[seed]) for seed in seeds)
    differences = [difference for _, difference in by_seed]
    found = spread(differences)
    reach = None if found.deviation is None else student_quantile(found.n - 1) * found.deviation / math.sqrt(found.n)
    low, high = (None, None) if reach is None else (found.mean - reach, found.mean + reach)
    return Difference(by_seed, found.mean, low, high, len(values.keys() ^ others.keys()))


def check_statistics() -> None:
    """Raises a MissingPackageError if intervals cannot be computed."""
    require("scipy")


def student_quantile(degrees: int) -> float:
    """How many standard errors the interval reaches to each side: 12.7 with one degree of freedom, 2.8 with four.

    Raises:
        MissingPackageError: scipy is not installed.
    """
    check_statistics()
    from scipy.stats import t  # type: ignore[import-untyped]  # noqa: PLC0415  an optional dependency, slow to import

    return float(t.ppf((1 + CONFIDENCE) / 2, degrees))


def check_finite(values: Iterable[float]) -> None:
    """Raises an InputError if a value is NaN or infinite: a run with such a result did not finish well."""
    for value in values:
        if not math.isfinite(value):
            raise InputError(f"a metric is {value}: leave the run out, or run it again")
