"""Paragraphs written by hand whose numbers come from recorded runs.

A paragraph holds placeholders, such as ``{{ gain("people", "rga-sc") }}``. They take the name of a setting, of a variant, and of a metric
(by default the setting's first one). An unknown name is an error. A placeholder whose runs are missing says "not run".

- ``mean``, ``spread``: 72.7; 72.7 ± 1.3.
- ``difference``, ``interval``, ``gain``: +2.7; [+0.5, +5.0]; +2.7 [+0.5, +5.0]. They compare with the plain network, or with another
  variant: ``against="se"``.
- ``verdict``: where the interval lies: "above zero", "below zero", "around zero", or "one seed".
- ``claim``: whether the runs say that a variant is better: "holds here", "not shown here", "the opposite here", or "one seed".
- ``seeds``, ``pairs``: number of seeds of the variant; of those that the other variant has, too.
- ``condition``: as ``gain``, over a group of test images: ``condition("people", "rga-sc", "occluded")``.
- ``contrast``: by how much more a variant gains in one group than in another: ``contrast("people", "rga-sc", "occluded", "not occluded")``.
- ``runs``, ``hours``: number and hours of the runs of a setting, or of all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, StrictUndefined, TemplateError

from rga.checks import nearest
from rga.errors import InputError
from rga.study.evidence import RecordedRun
from rga.study.results.columns import NOT_RUN, write_gain, write_interval, write_spread
from rga.study.results.comparison import Runs, difference_of, values_of
from rga.study.results.groups import contrast, metric_in_groups, of_group
from rga.study.results.statistics import Difference, Spread, spread
from rga.study.settings import SETTINGS
from rga.study.variants import PLAIN, VARIANTS


def markdown_environment() -> Environment:
    """Jinja2 for Markdown: nothing is escaped, an unknown placeholder is an error, and lines of statements leave no empty lines."""
    return Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701  not HTML


class Prose:
    """Fills in paragraphs.

    Args:
        runs: those that count.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs_by_key = runs
        self.environment = markdown_environment()
        functions: tuple[Callable[..., object], ...] = (
            *(self.mean, self.spread, self.difference, self.interval, self.gain, self.verdict, self.claim),
            *(self.seeds, self.pairs, self.condition, self.contrast, self.runs, self.hours),
        )
        self.environment.globals = {function.__name__: function for function in functions}

    def fill(self, path: Path) -> str:
        """A file of paragraphs with its numbers, without line breaks around it.

        Raises:
            InputError: a placeholder is unknown, or wrong; the file is named.
        """
        try:
            return self.environment.from_string(path.read_text(encoding="utf-8")).render().strip()
        except (TemplateError, TypeError, InputError) as error:
            raise InputError(f"{path}: {error}") from error

    def mean(self, setting: str, variant: str, metric: str = "") -> str:
        """The mean over the seeds in percent."""
        found = self.spread_of(setting, variant, metric)
        return NOT_RUN if found is None else f"{100 * found.mean:.1f}"

    def spread(self, setting: str, variant: str, metric: str = "") -> str:
        """The mean and the standard deviation in percent."""
        return write_spread(self.spread_of(setting, variant, metric))

    def difference(self, setting: str, variant: str, metric: str = "", against: str = PLAIN) -> str:
        """The mean paired difference in percentage points."""
        found = self.difference_to(setting, variant, metric, against)
        return NOT_RUN if found is None else f"{100 * found.mean:+.1f}"

    def interval(self, setting: str, variant: str, metric: str = "", against: str = PLAIN) -> str:
        """The 95 % interval of the mean paired difference in percentage points."""
        found = self.difference_to(setting, variant, metric, against)
        if found is None:
            return NOT_RUN
        return "one seed" if found.low is None or found.high is None else write_interval(found.low, found.high)

    def gain(self, setting: str, variant: str, metric: str = "", against: str = PLAIN) -> str:
        """The mean paired difference and its interval."""
        found = self.difference_to(setting, variant, metric, against)
        return NOT_RUN if found is None else write_gain(found)

    def verdict(self, setting: str, variant: str, metric: str = "", against: str = PLAIN) -> str:
        """Where the interval lies."""
        found = self.difference_to(setting, variant, metric, against)
        if found is None:
            return NOT_RUN
        if found.low is None:
            return "one seed"
        return "above zero" if found.above_zero else "below zero" if found.below_zero else "around zero"

    def claim(self, setting: str, variant: str, metric: str = "", against: str = PLAIN) -> str:
        """What the runs say of the claim that a variant is better than another one."""
        found = self.verdict(setting, variant, metric, against)
        return {"above zero": "holds here", "around zero": "not shown here", "below zero": "the opposite here"}.get(found, found)

    def seeds(self, setting: str, variant: str) -> int:
        """How many seeds finished."""
        return len(self.of(setting, variant))

    def pairs(self, setting: str, variant: str, against: str = PLAIN) -> int:
        """How many seeds finished of both variants."""
        return len(self.of(setting, variant).keys() & self.of(setting, against).keys())

    def condition(self, setting: str, variant: str, group: str, metric: str = "", against: str = PLAIN) -> str:
        """The mean paired difference and its interval over a group of test images."""
        name = metric_in_groups(self.metric(setting, metric))
        ours, others = ({seed: of_group(run, group) for seed, run in self.of(setting, each).items()} for each in (variant, against))
        found = difference_of(name, ours, others)
        return NOT_RUN if found is None else write_gain(found)

    def contrast(self, setting: str, variant: str, group: str, opposite: str) -> str:
        """The gain in one group of test images minus that in another, with its interval."""
        runs = [*self.of(setting, variant).values(), *self.of(setting, PLAIN).values()]
        found = contrast(runs, group, opposite, metric_in_groups(self.metric(setting, "")), variant)
        return NOT_RUN if found is None else write_gain(found)

    def runs(self, setting: str = "") -> int:
        """How many runs finished, in a setting or in all."""
        return len(self.of_setting(setting))

    def hours(self, setting: str = "") -> str:
        """Hours of the runs by the clock, in a setting or in all."""
        return f"{sum(run.hours for run in self.of_setting(setting)):.1f}"

    def spread_of(self, setting: str, variant: str, metric: str) -> Spread | None:
        """A metric over the seeds; None without a run."""
        values = values_of(self.metric(setting, metric), self.of(setting, variant))
        return spread(values.values()) if values else None

    def difference_to(self, setting: str, variant: str, metric: str, against: str) -> Difference | None:
        """The paired difference of a metric; None without a pair."""
        return difference_of(self.metric(setting, metric), self.of(setting, variant), self.of(setting, against))

    def metric(self, setting: str, metric: str) -> str:
        """A metric's name; the setting's first one if none is given."""
        if setting not in SETTINGS:
            raise InputError(f"unknown setting {setting!r}{nearest(setting, SETTINGS)}")
        return metric or SETTINGS[setting].metrics[0].name

    def of(self, setting: str, variant: str) -> dict[int, RecordedRun]:
        """The runs of a variant by seed.

        Raises:
            InputError: the setting or the variant is unknown.
        """
        if variant not in VARIANTS:
            raise InputError(f"unknown variant {variant!r}{nearest(variant, VARIANTS)}")
        return {run.seed: run for run in self.of_setting(setting) if run.variant == variant}

    def of_setting(self, setting: str) -> list[RecordedRun]:
        """The runs of a setting, or of all.

        Raises:
            InputError: the setting is unknown.
        """
        if setting and setting not in SETTINGS:
            raise InputError(f"unknown setting {setting!r}{nearest(setting, SETTINGS)}")
        return [run for run in self.runs_by_key.values() if not setting or run.setting == setting]
