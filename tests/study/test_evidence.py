"""Recorded runs: written whole, read strictly, counted only where the recipe is still the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rga.errors import InputError
from rga.study.evidence import Evidence, RecordedRun
from rga.study.tables import TABLES
from rga.study.trainings.measurement import metrics
from rga.study.trial import Trial, deciding_fields, trials_of
from rga.training.outcome import Outcome


def trial(variant: str = "plain", seed: int = 0) -> Trial:
    return next(each for each in trials_of(TABLES["ablation"].blocks[:1], 3, [variant]) if each.seed == seed)


def recorded(of: Trial, **changes: Any) -> RecordedRun:
    values: dict[str, Any] = {
        "setting": of.setting.name,
        "variant": of.variant.name,
        "seed": of.seed,
        "task": "reid",
        "recipe": deciding_fields(of.recipe()),
        "data": {"name": "market1501", "fingerprint": "f00", "samples": 10},
        "metrics": {"mAP_pooled": 0.5},
        "curve": ({"epoch": 1, "step": 3, "loss": 2.5},),
        "parameters": 10,
        "macs": 20,
        "steps": 3,
        "step_seconds": 0.5,
        "hours": 0.1,
        "weights": "abc",
        "machine": {"device": "cpu"},
        "finished": "2026-11-26T21:30:00Z",
        "conditions": {},
    }
    return RecordedRun(**{**values, **changes})


def test_a_line_is_read_as_it_was_written(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "new")
    runs = [recorded(trial("rga-s")), recorded(trial("plain", 1)), recorded(trial("plain"))]
    for run in runs:
        evidence.add(run)
    assert evidence.runs("people") == [runs[2], runs[1], runs[0]]
    assert Evidence(tmp_path / "new").of([trial(), trial("rga-c")]) == {("people", "plain", 0): runs[2]}
    assert evidence.runs("elsewhere") == []


def test_a_second_line_of_a_run_replaces_the_first(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    for value in (0.1, 0.2):
        evidence.add(recorded(trial(), metrics={"mAP_pooled": value}))
    assert [run.metrics["mAP_pooled"] for run in evidence.runs("people")] == [0.2]


def test_runs_of_another_recipe_do_not_count(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    evidence.add(recorded(trial()))
    changed = replace(trial(), setting=replace(trial().setting, changes={"lr": 0.5}))
    assert evidence.of([changed]) == {}
    assert len(evidence.of([trial()])) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2"),
        ("[]", "line 2"),
        ('{"format": 9}', r"line 2: its format is 9, and this version reads 1"),
        ('{"format": 1}', r"line 2: it is not a recorded run"),
        (recorded(trial(), setting="streets").to_line(), r"line 2: it is a run of 'streets': put it into .*streets\.jsonl"),
        (recorded(trial("rga-s")).to_line(), r"line 2: rga-s with seed 0 stands there twice: remove one of the lines"),
        (json.dumps({**json.loads(recorded(trial()).to_line()), "surprise": 1}), "surprise"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "people.jsonl").write_text(f"{recorded(trial('rga-s')).to_line()}\n{line}\n")
    with pytest.raises(InputError, match=message):
        Evidence(tmp_path).runs("people")


def test_figures_that_are_no_numbers_are_not_written(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    evidence.add(recorded(trial()))
    with pytest.raises(ValueError, match="not JSON compliant"):
        evidence.add(recorded(trial("rga-s"), metrics={"mAP_pooled": float("nan")}))
    assert len(evidence.runs("people")) == 1


def test_metrics_of_the_split_that_chose_stand_beside_those_of_the_test() -> None:
    assert metrics(Outcome(1, 2, {"mIoU": 0.5}, 0.5)) == {"mIoU": 0.5}
    assert metrics(Outcome(1, 2, {"mIoU": 0.5}, 0.5, test={"mIoU": 0.4})) == {"mIoU": 0.4, "val_mIoU": 0.5}
