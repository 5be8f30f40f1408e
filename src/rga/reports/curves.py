"""Curves of trainings by epoch, read from the logs of their runs, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rga.errors import InputError
from rga.reports.plotting import as_png, label_axes, new_figure, styles
from rga.training.run.log import read_log


def draw_runs(
    runs: Mapping[str, Path],
    losses: Sequence[str],
    metric: str,
    *,
    loss_label: str,
    title: str,
    metric_label: str,
) -> bytes:
    """Draws the training loss and one metric of runs by epoch, side by side.

    Args:
        runs: the name of each run in the legend -> its folder with ``log.jsonl``.
        losses: names of the losses in the log whose sum is drawn.
        metric: name of the metric in the log's evaluations, a fraction.
        loss_label: label of the loss axis.
        title: title of the metric's plot.
        metric_label: label of the metric axis, in percent.

    Returns:
        A PNG.

    Raises:
        MissingPackageError: matplotlib is not installed.
        InputError: there are no runs, or the log of one holds no training.
    """
    if not runs:
        raise InputError("there are no runs to draw: pass at least one")
    figure = new_figure(9.4, 3.5)
    loss_axes, metric_axes = figure.subplots(1, 2)
    for (name, folder), style in zip(runs.items(), styles(len(runs)), strict=True):
        trained = read_log(folder, "train")
        if not trained:
            raise InputError(f"the log of {folder} has no training in it: name the folder of a run that trained for at least one epoch")
        marker = {"marker": "o", "markersize": 4}
        alone = marker if len(trained) == 1 else {}  # one epoch makes no line
        loss_axes.plot(
            [event["epoch"] for event in trained], [total_loss(event, losses) for event in trained], label=name, **style, **alone
        )
        tested = [event for event in read_log(folder, "evaluate") if metric in event]
        metric_axes.plot([event["epoch"] for event in tested], [100 * event[metric] for event in tested], label=name, **style, **marker)
    label_axes(loss_axes, "training loss", "epoch", loss_label)
    loss_axes.set_ylim(bottom=0)
    label_axes(metric_axes, title, "epoch", metric_label, legend="lower right")
    metric_axes.set_ylim(0, 100)
    metric_axes.set_xlim(loss_axes.get_xlim())
    return as_png(figure)


def total_loss(event: Mapping[str, Any], losses: Sequence[str]) -> float:
    """The sum of the named losses in a training event; those that the event does not hold count as 0."""
    return sum(float(event[name]) for name in losses if name in event)
