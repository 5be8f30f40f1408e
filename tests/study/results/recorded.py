"""Made-up runs for tests: numbers from a formula, in the form in which real runs are recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rga.study.evidence import Evidence, RecordedRun
from rga.study.settings import SETTINGS
from rga.study.trial import Trial, deciding_fields
from rga.study.variants import VARIANTS


def recorded(setting: str, variant: str, seed: int, value: float, **changes: Any) -> RecordedRun:
    """A run whose first metric is ``value``; each further metric is 0.1 higher than the one before."""
    where = SETTINGS[setting]
    names = [metric.name for metric in where.metrics]
    made: dict[str, Any] = {
        "setting": setting,
        "variant": variant,
        "seed": seed,
        "task": where.base().task,
        "recipe": deciding_fields(Trial(where, VARIANTS[variant], seed).recipe()),
        "data": {"name": "market1501", "fingerprint": "0123abcd", "samples": 2400},
        "metrics": {name: round(value + 0.1 * number, 6) for number, name in enumerate(names)},
        "curve": tuple(point(names[0], value, epoch) for epoch in range(1, 7)),
        "parameters": 4_900_000,
        "macs": 130_000_000,
        "steps": 648,
        "step_seconds": 0.61,
        "hours": 0.12,
        "weights": f"{seed:016x}",
        "machine": {"device": "cpu", "processor": "a CPU", "threads": 1, "at_once": 2, "torch": "2.14.1", "rga": "0.1.0"},
        "finished": "2026-11-26T21:30:00Z",
        "conditions": {},
    }
    return RecordedRun(**{**made, **changes})


def point(metric: str, value: float, epoch: int) -> Mapping[str, float]:
    """A point of a learning curve; the metric is evaluated at every other epoch."""
    tested = {metric: round(value * (1 - 0.5**epoch), 5)} if epoch % 2 == 0 else {}
    return {"epoch": epoch, "step": 108 * epoch, "loss": round(6 * 0.7**epoch, 5), **tested}


def by_key(*runs: RecordedRun) -> dict[tuple[str, str, int], RecordedRun]:
    """Runs by their keys."""
    return {run.key: run for run in runs}


def write(folder: Path, *runs: RecordedRun) -> Path:
    """Records runs in a folder, beside those of other settings; in one go, which ``Evidence.add`` does not."""
    folder.mkdir(exist_ok=True)
    for setting in {run.setting for run in runs}:
        Evidence(folder).file(setting).write_text("".join(f"{run.to_line()}\n" for run in runs if run.setting == setting))
    return folder


PLAIN_VALUES = (0.700, 0.690, 0.715, 0.705, 0.698)
GAINS: Mapping[str, tuple[float, ...]] = {
    "rga-s": (0.01, 0.02, 0.015, 0.02, 0.01),
    "rga-c": (0.01, -0.02, 0.015, 0.02, -0.01),
    "rga-sc": (0.03, 0.02, 0.025, 0.04, 0.03),
    "se": (-0.01, -0.02, -0.015, -0.02, -0.01),
    "rga-sc-from-50": (-0.40, -0.42, -0.41, -0.43, -0.44),
}


def people(gains: Mapping[str, tuple[float, ...]] = GAINS) -> list[RecordedRun]:
    """Five seeds of the plain network and of some variants on generated people."""
    plain = [recorded("people", "plain", seed, value) for seed, value in enumerate(PLAIN_VALUES)]
    others = [
        recorded("people", variant, seed, PLAIN_VALUES[seed] + gain) for variant, own in gains.items() for seed, gain in enumerate(own)
    ]
    return [*plain, *others]
