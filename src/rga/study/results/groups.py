"""RGA-SC against the plain network over groups of test images: occluded ones, misaligned ones and others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rga.checks import nearest
from rga.errors import InputError
from rga.study.evidence import RecordedRun
from rga.study.results.comparison import Runs
from rga.study.results.main_results import Gain, gain_of
from rga.study.results.statistics import Difference, paired_difference
from rga.study.settings import SETTINGS
from rga.study.variants import ATTENDED, PLAIN

QUERIES = "queries"
"""What groups name beside their metrics: how many queries they have."""
OPPOSITES = (
    ("occluded", "not occluded"),
    ("heavily occluded", "not occluded"),
    ("misaligned", "aligned"),
    ("cluttered", "uncluttered"),
    ("busy background", "plain background"),
    ("other viewpoint", "same viewpoint"),
)
"""A group in which attention should help more, and the one that it is compared with."""


def metric_in_groups(metric: str) -> str:
    """The name of a metric in groups, which are judged by one feature alone.

    Example:
        >>> metric_in_groups("mAP_pooled")
        'mAP'
    """
    return metric.split("_", maxsplit=1)[0]


def gains_by_group(runs: Runs, setting: str) -> list[Gain]:
    """What RGA-SC gains over each group of test images of a setting."""
    metric = SETTINGS[setting].metrics[0]
    own = runs_with_groups(runs, setting)
    found = []
    for group in dict.fromkeys(group for run in own for group in run.conditions):
        inside = [of_group(run, group) for run in own if group in run.conditions]
        queries = inside[0].metrics.get(QUERIES)
        name = group if queries is None else f"{group} ({queries:,.0f} queries)"
        found.append(gain_of(name, metric.label, metric_in_groups(metric.name), inside))
    return found


def runs_with_groups(runs: Runs, setting: str) -> list[RecordedRun]:
    """The runs of a setting, of the plain network and of RGA-SC, that were judged by groups."""
    return [run for run in runs.values() if run.setting == setting and run.variant in (PLAIN, ATTENDED) and run.conditions]


def of_group(run: RecordedRun, group: str) -> RecordedRun:
    """A run whose metrics are those over a group of test images.

    Raises:
        InputError: it has no such group.
    """
    if group not in run.conditions:
        raise InputError(f"{run.variant} with seed {run.seed} of {run.setting} has no group {group!r}{nearest(group, run.conditions)}")
    return replace(run, metrics=run.conditions[group])


def contrasts(runs: Runs, setting: str) -> list[tuple[str, Difference]]:
    """Whether RGA-SC gains more in one group than in its opposite: the name of each pair, and the difference of the two gains."""
    own = runs_with_groups(runs, setting)
    found = []
    for group, opposite in OPPOSITES:
        inside = [run for run in own if group in run.conditions and opposite in run.conditions]
        difference = contrast(inside, group, opposite, metric_in_groups(SETTINGS[setting].metrics[0].name))
        if difference is not None:
            found.append((f"{group} - {opposite}", difference))
    return found


def contrast(runs: Iterable[RecordedRun], group: str, opposite: str, metric: str, variant: str = ATTENDED) -> Difference | None:
    """By how much more a variant gains in one group than in another, paired by seed.

    Args:
        runs: of one setting.
        group: of test images.
        opposite: the other group.
        metric: its name in groups.
        variant: what is compared with the plain network.

    Returns:
        The gain in the group minus the gain in the opposite; None without a pair.

    Raises:
        InputError: a run has no such group.
    """
    gaps: dict[str, dict[int, float]] = {PLAIN: {}, variant: {}}
    for run in runs:
        if run.variant in gaps:
            gaps[run.variant][run.seed] = of_group(run, group).metrics[metric] - of_group(run, opposite).metrics[metric]
    return paired_difference(gaps[variant], gaps[PLAIN]) if gaps[variant].keys() & gaps[PLAIN].keys() else None
