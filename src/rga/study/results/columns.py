"""A comparison as text: the same columns for the terminal and for the page of results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from rich.table import Table

from rga.study.results.comparison import Comparison, Measured, Row
from rga.study.results.statistics import Difference, Spread
from rga.study.variants import PLAIN

NOT_RUN = "not run"
DIFFERENCE = "difference [95 %]"
PARAMETERS, MACS, STEP = "parameters (M)", "MAC (G)", "s a step"
SHORT = {PARAMETERS: "M", MACS: "GMAC", STEP: "s/step"}
"""Heads of columns as the terminal has room for them."""


def cells(comparison: Comparison) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A comparison as text: the heads of the columns, and the rows. Metrics and differences are in percent and percentage points."""
    metrics = comparison.setting.metrics
    with_paper = [number for number, _ in enumerate(metrics) if any(row.metrics[number].paper is not None for row in comparison.rows)]
    heads = (
        "variant",
        "seeds",
        *(head for metric in metrics for head in (metric.label, f"{metric.label}: {DIFFERENCE}")),
        PARAMETERS,
        MACS,
        STEP,
        *(f"{metrics[number].label}, paper" for number in with_paper),
    )
    rows = tuple(
        (
            row.variant.label,
            row.seeds,
            *(text for measured in row.metrics for text in (write_spread(measured.spread), write_difference(measured, row))),
            f"{row.runs[0].parameters / 1e6:.2f}" if row.runs else "",
            f"{row.runs[0].macs / 1e9:.2f}" if row.runs else "",
            write_step(row, comparison.devices),
            *(write_paper(comparison, row.variant.name, number) for number in with_paper),
        )
        for row in comparison.rows
    )
    return heads, rows


def write_spread(found: Spread | None) -> str:
    """Mean and deviation in percent.

    Example:
        >>> write_spread(Spread(0.727, 0.0131, 4)), write_spread(Spread(0.727, None, 1)), write_spread(None)
        ('72.7 \N{PLUS-MINUS SIGN} 1.3', '72.7', 'not run')
    """
    if found is None:
        return NOT_RUN
    return f"{100 * found.mean:.1f}" + ("" if found.deviation is None else f" \N{PLUS-MINUS SIGN} {100 * found.deviation:.1f}")


def write_gain(found: Difference) -> str:
    """A difference and its interval in percentage points.

    Example:
        >>> write_gain(Difference(((0, 0.02), (1, 0.03)), 0.025, 0.001, 0.049, 0))
        '+2.5 [+0.1, +4.9]'
        >>> write_gain(Difference(((0, 0.02),), 0.02, None, None, 0))
        '+2.0 (one seed)'
    """
    if found.low is None or found.high is None:
        return f"{100 * found.mean:+.1f} (one seed)"
    return f"{100 * found.mean:+.1f} {write_interval(found.low, found.high)}"


def write_interval(low: float, high: float) -> str:
    """An interval in percentage points."""
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]"


def write_difference(measured: Measured, row: Row) -> str:
    """The difference of a row; the number of pairs is said where it is not the number of the row's seeds."""
    found = measured.difference
    if found is None:
        return "" if row.variant.name == PLAIN or not row.runs else "no pair"
    return write_gain(found) + (f", {found.n} pairs" if 1 < found.n != len(row.runs) else "")


def write_step(row: Row, devices: tuple[str, ...]) -> str:
    """The mean time of a step on each device; the device is named where the comparison has several."""
    times = {
        device: [run.step_seconds for run in row.runs if run.machine["device"] == device and run.step_seconds is not None]
        for device in devices
    }
    return ", ".join(
        f"{statistics.fmean(found):.2f}" + (f" ({device})" if len(devices) > 1 else "") for device, found in times.items() if found
    )


def write_paper(comparison: Comparison, variant: str, metric: int) -> str:
    """The paper's figure in percent, and its difference to the paper's plain network: "77.4 (+8.4)"; empty where it has none."""
    found, plain = (comparison.papers_figure(name, metric) for name in (variant, PLAIN))
    if found is None:
        return ""
    return f"{100 * found:.1f}" + ("" if plain is None or variant == PLAIN else f" ({100 * (found - plain):+.1f})")


def terminal_table(comparison: Comparison) -> Table:
    """A comparison as a table for the terminal: narrower than on the page, with the difference of the first metric alone."""
    heads, rows = cells(comparison)
    first, *further = (f"{metric.label}: {DIFFERENCE}" for metric in comparison.setting.metrics)
    shown = [number for number, head in enumerate(heads) if head not in further]
    table = Table(title=comparison.setting.title, box=None, pad_edge=False, collapse_padding=True)
    for number in shown:
        head = DIFFERENCE if heads[number] == first else SHORT.get(heads[number], heads[number])
        table.add_column(head, justify="right" if number else "left", overflow="fold", no_wrap=heads[number] == first)
    for row in rows:
        table.add_row(*(row[number] for number in shown))
    return table


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    r"""A table in Markdown. Its first ``left`` columns are aligned to the left, the others to the right.

    Example:
        >>> print(markdown_table(("variant", "mAP"), (("RGA-SC", "72.7"), ("a|b", ""))))
        | variant | mAP |
        |---|--:|
        | RGA-SC | 72.7 |
        | a\|b |  |
    """
    lines = [heads, *rows]
    written = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * left + "--:|" * (len(heads) - left), *written[1:]])


def papers_table(comparisons: Iterable[Comparison]) -> str:
    """The paper's figures for settings without a run; empty if it has none."""
    with_figures = [each for each in comparisons if any(measured.paper is not None for row in each.rows for measured in row.metrics)]
    if not with_figures:
        return ""
    names = dict.fromkeys(row.variant for each in with_figures for row in each.rows)
    columns = [(each, number) for each in with_figures for number, _ in enumerate(each.setting.metrics)]
    lines = [(variant.label, *(write_paper(each, variant.name, number) for each, number in columns)) for variant in names]
    heads = (f"{each.setting.title}, {metric.label}" for each in with_figures for metric in each.setting.metrics)
    return markdown_table(("variant", *heads), [line for line in lines if any(line[1:])])
