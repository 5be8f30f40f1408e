"""Fields of a recipe for the optimizer, the schedule, the loop and the machine: what each does to a training."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch
from line import Line, line_recipe, run
from torch import nn

from rga.runs import Run
from rga.tasks import recipe_type
from rga.terminal import PlainConsole
from rga.training.optimization import build_optimizer, build_schedule
from rga.training.recipe import OptimizationRecipe
from rga.training.run.checkpoint import LAST
from rga.training.run.log import RunLog, read_log

BEGIN: dict[str, Any] = {"lr": 0.5, "warmup_start_lr": 0.1, "warmup_epochs": 4, "lr_update": "step", "epochs": 14}
"""Rises from 0.1 to 0.5 over 4 epochs; 10 epochs follow."""


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"optimizer": "adam"}, torch.optim.Adam, {"betas": (0.9, 0.999)}),
        ({"optimizer": "adamw"}, torch.optim.AdamW, {"betas": (0.9, 0.999)}),
        ({"optimizer": "sgd"}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "dampening": 0}),
    ],
    ids=["adam", "adamw", "sgd"],
)
def test_the_optimizer_is_that_of_the_fields(fields: dict[str, Any], kind: type, expected: dict[str, Any]) -> None:
    recipe = OptimizationRecipe(**fields, lr=0.25, weight_decay=0.125)
    optimizer = build_optimizer(recipe, [{"params": [nn.Parameter(torch.ones(1))], "scale": 0.5}])
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    expected = {**expected, "lr": 0.25, "weight_decay": 0.125, "scale": 0.5}
    assert {name: group[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule": "steps", "milestones": (6, 9), "lr_decay": 0.2}, {4: 0.5, 5.9: 0.5, 6: 0.1, 8.9: 0.1, 9: 0.02, 14: 0.02}),
        ({"schedule": "cosine"}, {4: 0.5, 9: 0.25, 6.5: 0.25 * (1 + 0.5**0.5), 14: 0.0}),
        ({"schedule": "cosine", "epochs": 24}, {14: 0.25}),
        ({"schedule": "cosine", "hold_epochs": 2}, {4: 0.5, 6: 0.5, 10: 0.25, 14: 0.0}),
        ({"schedule": "poly"}, {4: 0.5, 9: 0.5 * 0.5**0.9, 14: 0.0}),
        ({"schedule": "poly", "epochs": 24}, {14: 0.5 * 0.5**0.9}),
        ({"schedule": "poly", "lr_update": "epoch"}, {0.9: 0.1, 3.9: 0.4, 9.9: 0.5 * 0.5**0.9}),
        ({"schedule": "cosine", "warmup_epochs": 0}, {0: 0.5, 7: 0.25}),
    ],
    ids=str,
)
def test_the_learning_rate_is_that_of_the_fields(fields: dict[str, Any], expected: dict[float, float]) -> None:
    recipe = OptimizationRecipe(**{**BEGIN, **fields})
    schedule = build_schedule(recipe)
    if recipe.warmup_epochs and recipe.lr_update == "step":
        expected = {0: 0.1, 1: 0.2, 3.5: 0.45, **expected}
    assert {epoch: schedule(epoch) for epoch in expected} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_behind_the_end_the_learning_rate_stays_where_it_is(schedule: Any) -> None:
    found = build_schedule(OptimizationRecipe(**BEGIN, schedule=schedule))
    assert (found(15), found(100)) == pytest.approx((0.0, 0.0), abs=1e-9)
    at_once = build_schedule(OptimizationRecipe(**{**BEGIN, "warmup_epochs": 14}, schedule=schedule))
    assert at_once(14) == pytest.approx(0.5)


def test_evaluations_steps_and_checkpoints_come_as_often_as_the_fields_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr("rga.training.loop.CheckpointWriter.write", lambda _writer, checkpoint: saved.append(checkpoint.step))
    monkeypatch.setattr("rga.training.loop.CheckpointWriter.wait", lambda _writer: None)
    task = Line()  # five steps an epoch
    outcome = run(
        task, tmp_path, line_recipe(epochs=5, evaluate_every=2, checkpoint_every=7, checkpoint_minutes=0, log_every=4, max_steps=23)
    )
    assert outcome.step == 23
    assert [event["epoch"] for event in read_log(tmp_path, "evaluate")] == [1, 2, 4, 5]  # after the first, too
    assert [event["step"] for event in read_log(tmp_path, "step")] == [4, 8, 12, 16, 20]
    assert saved == [7, 14, 21, 23]


@pytest.mark.parametrize(("minutes", "times"), [(0.0, 1), (1e-9, 10)])
def test_checkpoints_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, times: int) -> None:
    saved: list[int] = []
    monkeypatch.setattr("rga.training.loop.CheckpointWriter.write", lambda _writer, checkpoint: saved.append(checkpoint.step))
    monkeypatch.setattr("rga.training.loop.CheckpointWriter.wait", lambda _writer: None)
    run(Line(), tmp_path, line_recipe(epochs=2, checkpoint_minutes=minutes))
    assert len(set(saved)) == times


def test_without_these_fields_only_the_end_is_evaluated_and_no_step_is_logged(tmp_path: Path) -> None:
    outcome = run(Line(), tmp_path, line_recipe(epochs=3))
    assert outcome.step == 15
    assert [event["epoch"] for event in read_log(tmp_path, "evaluate")] == [3]
    assert not read_log(tmp_path, "step")
    assert not (tmp_path / "last-ema").exists()
    assert (tmp_path / LAST).is_file()


def test_the_norm_of_the_gradients_is_clipped_to_the_field_and_not_without_it(tmp_path: Path) -> None:
    moved = {}
    for clip in (0.0, 0.5, 2.0):
        task = Line()
        before = [p.detach().clone() for p in task.model.parameters()]
        run(task, tmp_path / str(clip), line_recipe(epochs=1, max_steps=1, gradient_clip_norm=clip), lr=1.0)
        step = torch.cat([(a - b).flatten() for a, b in zip(task.model.parameters(), before, strict=True)])
        moved[clip] = step.norm().item()
    assert moved[0.5] == pytest.approx(0.5, rel=1e-3)
    assert moved[0.0] == pytest.approx(max(moved.values()))
    assert moved[0.0] > 1


class Prepared:
    """What ``Run.prepared`` takes of a training."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2))

    def describe_start(self) -> dict[str, str]:
        return {"weights": "none"}

    def describe_data(self) -> str:
        return "no data"


def test_norms_are_synchronised_and_the_model_is_compiled_if_the_fields_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr("rga.runs.synchronise_norms", lambda _model, _device: done.append("synchronised"))
    monkeypatch.setattr(nn.Module, "compile", lambda _model: done.append("compiled"))
    for together, fields, expected in (
        (True, {}, []),
        (True, {"sync_bn": True}, ["synchronised"]),
        (False, {"sync_bn": True}, []),
        (True, {"compile": True}, ["compiled"]),
    ):
        done.clear()
        monkeypatch.setattr("rga.training.distributed.processes.together", lambda together=together: together)
        prepared: Any = Prepared()
        run_of("reid", tmp_path, **fields).prepared(prepared)
        assert done == expected


def run_of(task: str, folder: Path, **fields: Any) -> Run:
    return Run(recipe_type(task)().override(**fields), folder, "")


def test_device_and_threads_are_those_of_the_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert run_of("reid", tmp_path, device="cuda:1", threads=3).device == torch.device("cuda:1")
    assert run_of("reid", tmp_path, device="cpu").device == torch.device("cpu")
    assert threads == [3]


def test_products_of_float32_are_as_the_field_says_while_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    seen: list[tuple[bool, bool]] = []

    def look(*_: object) -> NoReturn:
        seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        raise InterruptedError

    for which in ("none", "convolutions", "all"):
        running = run_of("reid", tmp_path, tf32=which, device="cpu")
        monkeypatch.setattr(running, "fitted", look)
        monkeypatch.setattr(running, "task", SimpleNamespace(read=lambda _recipe: None))
        with pytest.raises(InterruptedError):
            running.train()
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
        monkeypatch.setattr(running, "build_again", look)
        record: Any = None
        with pytest.raises(InterruptedError):
            running.resume(record, {}, previous=False)
    assert seen == [(False, False)] * 2 + [(False, True)] * 2 + [(True, True)] * 2


def test_on_a_gpu_card_and_precision_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(nn.Module, "to", lambda model, _device: model)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "NVIDIA H200")
    running = run_of("reid", tmp_path, device="cpu", amp_dtype="bfloat16", tf32="all")
    running.console = PlainConsole()
    prepared: Any = Prepared()
    running.prepared(prepared)
    assert "TF32" not in capsys.readouterr().out
    running.device = torch.device("cuda")
    running.prepared(prepared)
    assert "on NVIDIA H200: bfloat16, in TF32: all\n" in capsys.readouterr().out


def test_logs_for_tensorboard_are_written_if_the_field_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Log(RunLog):
        def __init__(self, folder: Path, tensorboard: bool = False, **more: Any) -> None:
            asked.append(tensorboard)
            super().__init__(folder, **more)

    monkeypatch.setattr("rga.runs.RunLog", Log)
    monkeypatch.setattr("rga.runs.RunRecord.write", lambda _record, _folder: None)
    training: Any = Prepared()
    training.fingerprint, training.loader = "0123", type("Loader", (), {"samples": 3})
    for tensorboard in (True, False):
        with run_of("reid", tmp_path, tensorboard=tensorboard).begin(training):
            pass
    assert asked == [True, False]
