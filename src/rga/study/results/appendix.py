"""The end of the page of results: settings, recipes, machines, and each run."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable

from rga.study.evidence import RecordedRun
from rga.study.results.columns import markdown_table
from rga.study.settings import SETTINGS
from rga.study.variants import VARIANTS


def settings_table(runs: Iterable[RecordedRun]) -> str:
    """The settings with their data, steps and hours."""
    rows = []
    for name, own in by_setting(runs).items():
        first = own[0]
        rows.append(
            (
                SETTINGS[name].title,
                f"`{name}`",
                SETTINGS[name].scale,
                f"`{first.data['fingerprint']}`",
                f"{first.data['samples']:,}",
                ", ".join(str(steps) for steps in sorted({run.steps for run in own})),
                str(len(own)),
                f"{sum(run.hours for run in own):.1f}",
            )
        )
    heads = ("setting", "name", "scale", "fingerprint of the data", "training samples", "steps", "runs", "hours")
    return markdown_table(heads, rows, left=4)


def recipes_of(runs: Iterable[RecordedRun]) -> list[dict[str, str]]:
    """The fields that all runs of a setting share."""
    found = []
    for name, own in by_setting(runs).items():
        varied = {field for run in own for field in VARIANTS[run.variant].changes}
        shared = {field: value for field, value in own[0].recipe.items() if field not in varied}
        text = ", ".join(f"`{field}={json.dumps(value)}`" for field, value in sorted(shared.items()))
        found.append({"title": SETTINGS[name].title, "fields": text or "none"})
    return found


def machines_of(runs: Iterable[RecordedRun]) -> list[str]:
    """The machines, and how many runs each had."""
    counted = Counter(
        f"{run.machine['processor'] if run.machine['device'] == 'cpu' else run.machine['device']}, threads of a training:"
        f" {run.machine['threads']}, trainings at once: {run.machine['at_once']}, torch {run.machine['torch']}, rga {run.machine['rga']}"
        for run in runs
    )
    return [f"{name}; runs: {count}" for name, count in sorted(counted.items())]


def all_runs_table(runs: Iterable[RecordedRun]) -> str:
    """The result of each run: a row for each variant of a setting, the seeds in their order."""
    rows = []
    for name, own in by_setting(runs).items():
        metric = SETTINGS[name].metrics[0]
        for variant in (variant for variant in VARIANTS if any(run.variant == variant for run in own)):
            found = sorted((run for run in own if run.variant == variant), key=lambda run: run.seed)
            results = ", ".join(f"{run.seed}: {100 * run.metrics[metric.name]:.2f}" for run in found)
            hours, last = sum(run.hours for run in found), max(run.finished for run in found)
            rows.append((SETTINGS[name].title, VARIANTS[variant].label, f"{metric.label} {results}", f"{hours:.2f}", last[:10]))
    return markdown_table(("setting", "variant", "seed: result (%)", "hours", "last finished"), rows, left=3)


def by_setting(runs: Iterable[RecordedRun]) -> dict[str, list[RecordedRun]]:
    """Runs by the names of their settings, in the order of the settings."""
    found: dict[str, list[RecordedRun]] = defaultdict(list)
    for run in runs:
        found[run.setting].append(run)
    return {name: found[name] for name in SETTINGS if name in found}
