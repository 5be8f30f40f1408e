"""RGA-SC against the plain network in every setting, and over groups of test images: the first tables of the page of results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rga.checks import nearest
from rga.errors import InputError
from rga.study.evidence import RecordedRun
from rga.study.results.columns import markdown_table, write_gain, write_spread
from rga.study.results.comparison import Runs, difference_of, values_of
from rga.study.results.statistics import Difference, Spread, spread
from rga.study.settings import SETTINGS
from rga.study.variants import ATTENDED, PLAIN, VARIANTS


@dataclass(frozen=True)
class Gain:
    """What RGA-SC gains.

    Attributes:
        name: of the setting, or of a group of test images.
        metric: its label.
        plain: the metric of the plain network; None without a run.
        attended: the metric of RGA-SC; None without a run.
        difference: of the two; None without a pair.
    """

    name: str
    metric: str
    plain: Spread | None
    attended: Spread | None
    difference: Difference | None


def gains(runs: Runs) -> list[Gain]:
    """What RGA-SC gains in each setting that has runs of both."""
    found = []
    for name, setting in SETTINGS.items():
        own = [run for run in runs.values() if run.setting == name]
        gain = gain_of(setting.title, setting.metrics[0].label, setting.metrics[0].name, own)
        if gain.difference is not None:
            found.append(gain)
    return found


def gains_by_group(runs: Runs, setting: str) -> list[Gain]:
    """What RGA-SC gains over each group of test images of a setting."""
    own = [run for run in runs.values() if run.setting == setting and run.variant in (PLAIN, ATTENDED) and run.conditions]
    metric = SETTINGS[setting].metrics[0]
    groups = dict.fromkeys(group for run in own for group in run.conditions)
    return [gain_of(group, metric.label, metric.name, [of_group(run, group) for run in own if group in run.conditions]) for group in groups]


def gain_of(name: str, label: str, metric: str, runs: Iterable[RecordedRun]) -> Gain:
    """What RGA-SC gains in runs of one setting."""
    listed = sorted(runs, key=lambda run: run.seed)
    plain, attended = ({run.seed: run for run in listed if run.variant == variant} for variant in (PLAIN, ATTENDED))
    before, after = (spread(values_of(metric, own).values()) if own else None for own in (plain, attended))
    return Gain(name, label, before, after, difference_of(metric, attended, plain))


def of_group(run: RecordedRun, group: str) -> RecordedRun:
    """A run whose metrics are those over a group of test images.

    Raises:
        InputError: it has no such group.
    """
    if group not in run.conditions:
        raise InputError(f"{run.variant} with seed {run.seed} of {run.setting} has no group {group!r}{nearest(group, run.conditions)}")
    return replace(run, metrics=run.conditions[group])


def gains_table(found: Iterable[Gain], head: str) -> str:
    """Gains in Markdown.

    Args:
        found: the rows.
        head: of the first column.
    """
    rows = [
        (
            gain.name,
            gain.metric,
            write_spread(gain.plain),
            write_spread(gain.attended),
            write_gain(gain.difference) if gain.difference else "no pair",
            str(gain.difference.n if gain.difference else 0),
        )
        for gain in found
    ]
    return markdown_table(
        (head, "metric", *(VARIANTS[name].label for name in (PLAIN, ATTENDED)), "difference [95 %]", "pairs"), rows, left=2
    )
