"""Recorded runs as a table: for each variant of a setting mean, deviation, paired difference to the plain network, and costs.

A comparison holds numbers; ``columns`` writes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rga.errors import InputError
from rga.study import paper
from rga.study.evidence import RecordedRun
from rga.study.results.statistics import Difference, Spread, paired_difference, spread
from rga.study.settings import SETTINGS, Metric, Setting
from rga.study.tables import Block
from rga.study.variants import PLAIN, VARIANTS, Variant

Runs = Mapping[tuple[str, str, int], RecordedRun]
"""Names of setting and variant, and seed -> recorded run."""


@dataclass(frozen=True)
class Measured:
    """One metric of a variant; fractions.

    Attributes:
        spread: over its seeds; None without a run.
        difference: to the plain network, over the seeds that both have; None without a pair, and for the plain network itself.
        paper: the paper's figure where data and protocol match; None elsewhere.
    """

    spread: Spread | None
    difference: Difference | None
    paper: float | None


@dataclass(frozen=True)
class Row:
    """A variant in a setting.

    Attributes:
        variant: what it is.
        planned: number of seeds that the table asks for.
        runs: those that finished, by seed.
        metrics: in the order of the setting's metrics.
    """

    variant: Variant
    planned: int
    runs: tuple[RecordedRun, ...]
    metrics: tuple[Measured, ...]

    @property
    def seeds(self) -> str:
        """How many seeds there are: "5", or "3 of 5" while some are missing."""
        return str(len(self.runs)) if len(self.runs) >= self.planned else f"{len(self.runs)} of {self.planned}"


@dataclass(frozen=True)
class Comparison:
    """The variants of a table in one setting.

    Attributes:
        setting: where they are compared.
        rows: in the table's order.
    """

    setting: Setting
    rows: tuple[Row, ...]

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """The runs of all rows."""
        return tuple(run for row in self.rows for run in row.runs)

    def papers_figure(self, variant: str, metric: int) -> float | None:
        """The paper's figure of a variant for the metric of a number, a fraction; None where it has none."""
        return next((row.metrics[metric].paper for row in self.rows if row.variant.name == variant), None)

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of the runs."""
        return tuple(sorted({str(run.machine["device"]) for run in self.runs}))


def compare(blocks: Iterable[Block], runs: Runs) -> tuple[Comparison, ...]:
    """What recorded runs say about blocks of tables: a comparison for each of their settings.

    Args:
        blocks: which variants are compared, where, and with how many seeds.
        runs: those that count. A variant may have more seeds than the blocks ask for.

    Raises:
        InputError: runs of one setting had different data, or runs of one variant were of different models.
        MissingPackageError: scipy is not installed.
    """
    planned: dict[str, dict[str, int]] = defaultdict(dict)
    for block in blocks:
        for name in block.variants:
            planned[block.setting][name] = max(block.seeds, planned[block.setting].get(name, 0))
    return tuple(compare_in(SETTINGS[setting], seeds, runs) for setting, seeds in planned.items())


def compare_in(setting: Setting, planned: Mapping[str, int], runs: Runs) -> Comparison:
    """Compares variants in one setting.

    Args:
        setting: where.
        planned: name of each variant, in the order of the rows -> number of seeds.
        runs: those that count, of any setting.

    Raises:
        InputError: as ``compare``.
    """
    by_variant: dict[str, dict[int, RecordedRun]] = defaultdict(dict)
    for (where, variant, seed), run in sorted(runs.items()):
        if where == setting.name:
            by_variant[variant][seed] = run
    check_same_data(setting, (run for found in by_variant.values() for run in found.values()))
    rows = []
    for name, seeds in planned.items():
        found = by_variant[name]
        check_same_model(setting, name, found.values())
        measured = tuple(measure(setting, metric, name, found, by_variant[PLAIN]) for metric in setting.metrics)
        rows.append(Row(VARIANTS[name], seeds, tuple(found.values()), measured))
    return Comparison(setting, tuple(rows))


def measure(setting: Setting, metric: Metric, variant: str, runs: Mapping[int, RecordedRun], plain: Mapping[int, RecordedRun]) -> Measured:
    """One metric of a variant, from its runs and those of the plain network by their seeds."""
    values = values_of(metric.name, runs)
    difference = difference_of(metric.name, runs, plain) if variant != PLAIN else None
    return Measured(spread(values.values()) if values else None, difference, papers_figure(setting, metric, variant))


def values_of(metric: str, runs: Mapping[int, RecordedRun]) -> dict[int, float]:
    """A metric of runs by their seeds.

    Raises:
        InputError: a run does not have the metric.
    """
    for seed, run in runs.items():
        if metric not in run.metrics:
            raise InputError(f"{run.variant} with seed {seed} of {run.setting} has no {metric}: it has {', '.join(run.metrics)}")
    return {seed: run.metrics[metric] for seed, run in runs.items()}


def difference_of(metric: str, runs: Mapping[int, RecordedRun], others: Mapping[int, RecordedRun]) -> Difference | None:
    """The paired difference of a metric; None if no seed is in both."""
    if not runs.keys() & others.keys():
        return None
    return paired_difference(values_of(metric, runs), values_of(metric, others))


def papers_figure(setting: Setting, metric: Metric, variant: str) -> float | None:
    """The paper's figure of a variant, a fraction; None where the paper has none for these data and this protocol."""
    rank_1_and_map = paper.FIGURES.get(setting.paper or "", {}).get(variant)
    if rank_1_and_map is None:
        return None
    kinds = dict(zip(("R1", "mAP"), rank_1_and_map, strict=True))
    percent = kinds.get(metric.name.split("_")[0])
    return None if percent is None else percent / 100


def check_same_data(setting: Setting, runs: Iterable[RecordedRun]) -> None:
    """Raises an InputError if runs of one setting had different data: their differences would mean nothing."""
    same = setting.generated.same if setting.generated is not None else str
    fingerprints = {same(str(run.data["fingerprint"])): run for run in runs}
    if len(fingerprints) > 1:
        named = ", ".join(f"{run.variant} with seed {run.seed} on {each}" for each, run in sorted(fingerprints.items()))
        raise InputError(f"the runs of {setting.name} had different data ({named}): keep the lines of one of them")


def check_same_model(setting: Setting, variant: str, runs: Iterable[RecordedRun]) -> None:
    """Raises an InputError if runs of one variant were of different models."""
    sizes = {(run.parameters, run.macs) for run in runs}
    if len(sizes) > 1:
        named = ", ".join(f"{parameters:,} parameters and {macs:,} multiply-accumulates" for parameters, macs in sorted(sizes))
        raise InputError(f"the runs of {variant} in {setting.name} were of different models ({named}): keep the lines of one of them")
