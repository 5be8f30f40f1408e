"""RGA-SC against the plain network in every setting: the first table of the page of results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rga.study.evidence import RecordedRun
from rga.study.results.columns import markdown_table, write_gain, write_spread
from rga.study.results.comparison import Runs, difference_of, values_of
from rga.study.results.statistics import Difference, Spread, spread
from rga.study.settings import SETTINGS
from rga.study.tables import TABLES
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


MAIN = ("datasets", "segmentation", "classification")
"""The tables whose settings are those of the main results: the others ask about forms of RGA, or about trainings."""


def gains(runs: Runs) -> list[Gain]:
    """What RGA-SC gains in each setting of the main tables that has runs of both."""
    found = []
    for name in dict.fromkeys(block.setting for table in MAIN for block in TABLES[table].blocks):
        setting = SETTINGS[name]
        own = [run for run in runs.values() if run.setting == name]
        gain = gain_of(setting.title, setting.metrics[0].label, setting.metrics[0].name, own)
        if gain.difference is not None:
            found.append(gain)
    return found


def gain_of(name: str, label: str, metric: str, runs: Iterable[RecordedRun]) -> Gain:
    """What RGA-SC gains in runs of one setting."""
    listed = sorted(runs, key=lambda run: run.seed)
    plain, attended = ({run.seed: run for run in listed if run.variant == variant} for variant in (PLAIN, ATTENDED))
    before, after = (spread(values_of(metric, own).values()) if own else None for own in (plain, attended))
    return Gain(name, label, before, after, difference_of(metric, attended, plain))


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
