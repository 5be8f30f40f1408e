"""What a run does, and in which order, with a training and files of which all is known."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from rga.datasets.spec import DataSpec
from rga.recipes import to_json
from rga.runs import Run, resume, train
from rga.tasks import recipe_type
from rga.training.outcome import Outcome
from rga.training.run.log import read_log
from rga.training.run.record import read_run

OUTCOME = Outcome(3, 12, {}, None)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.source = ""

    def set_weights_source(self, source: str) -> None:
        self.source = source


class Training:
    """What a run takes of a training."""

    def __init__(self, recipe: Any, fingerprint: str, load_weights: bool) -> None:
        self.recipe = recipe
        self.load_weights = load_weights
        self.fingerprint = fingerprint
        self.model = Model()
        self.loader = SimpleNamespace(samples=5)
        self.steps_per_epoch = 4

    def describe_start(self) -> dict[str, str]:
        return {"weights": f"of {self.recipe.model.weights}", "mean": "0.5"}

    def describe_data(self) -> str:
        return "five images"

    def optimizer(self) -> str:
        return "optimizer"

    def schedule(self) -> str:
        return "schedule"


class World:
    """What happened around a run, in its order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.trainings: list[Training] = []
        self.fits: list[tuple[Any, ...]] = []
        self.shares: list[int] = []  # that batches were fitted to
        self.fitting: dict[str, Any] = {}  # fields that are lowered where a batch is fitted to the data
        self.fingerprint = "0123"
        self.skipped = 0
        self.signal = 0

    def task(self, name: str) -> Any:
        def build(recipe: Any, data: Any, *, load_weights: bool) -> Training:
            assert data == f"data of {recipe.data}"
            self.trainings.append(Training(recipe, self.fingerprint, load_weights))
            self.events.append("build")
            return self.trainings[-1]

        def fit(recipe: Any, data: Any, shares: int) -> Any:
            assert data == f"data of {recipe.data}"
            self.shares.append(shares)
            return recipe.override(**self.fitting)

        steps = {"rga look RUN": "what it is"}
        return SimpleNamespace(name=name, read=lambda recipe: f"data of {recipe.data}", fit=fit, build=build, next_steps=steps)

    @contextlib.contextmanager
    def locked(self, folder: Path) -> Iterator[None]:
        self.events.append("lock")
        yield
        self.events.append("unlock")

    def fit(self, *given: Any, **more: Any) -> Outcome:
        self.events.append("fit")
        self.fits.append((given, more))
        return Outcome(3, 12, {}, None, skipped=self.skipped, signal=self.signal)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()

    def noted(name: str, answer: Any = None) -> Any:
        def note(*given: Any) -> Any:
            found.events.append((name, *given) if name in ("load", "position", "go_back") else name)
            return answer

        return note

    start = SimpleNamespace(step=6, log=None, processes=1, steps_per_epoch=4)
    monkeypatch.setattr("rga.runs.get_task", found.task)
    monkeypatch.setattr("rga.runs.locked", found.locked)
    monkeypatch.setattr("rga.runs.fit", found.fit)
    monkeypatch.setattr("rga.runs.remove_leftovers", noted("tidy"))
    monkeypatch.setattr("rga.runs.keep_freed_memory", noted("memory"))
    monkeypatch.setattr("rga.runs.load_checkpoint", noted("load", start))
    monkeypatch.setattr("rga.runs.check_position", noted("position"))
    monkeypatch.setattr("rga.runs.check_fits", noted("fits"))
    monkeypatch.setattr("rga.runs.go_back", noted("go_back"))
    return found


def begun(folder: Path, world: World, **fields: Any) -> Path:
    """A run that was trained and left a checkpoint."""
    train("reid/small", "folder:photos", output=folder, device="cpu", **fields)
    (folder / "last.pt").touch()
    (folder / "previous.pt").touch()
    world.events.clear()
    return folder


def test_a_training_is_built_locked_recorded_and_fitted(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.skipped = 7
    outcome = train("reid/small", "folder:photos?camera=c", output=tmp_path / "run", lr="0.25", device="cpu", weights="none")
    assert outcome.step == 12
    assert world.shares == [1]
    assert world.events == ["memory", "build", "lock", "tidy", "fit", "unlock"]
    (training,) = world.trainings
    assert (training.recipe.optimization.lr, training.recipe.data) == (0.25, DataSpec("folder", Path("photos"), {"camera": "c"}))
    assert training.recipe.optimization.epochs == 40  # those of reid/small
    (((found, optimizer, schedule, folder, log, recipe), more),) = world.fits
    assert (found, optimizer, schedule, folder, recipe) == (training, "optimizer", "schedule", tmp_path / "run", training.recipe)
    assert more == {"device": torch.device("cpu"), "start": None}
    assert log is not None
    record = read_run(tmp_path / "run")
    assert (record.task, record.recipe, record.fingerprint, record.samples, record.changes) == ("reid", "reid/small", "0123", 5, ())
    assert record.fields == training.recipe.to_dict()
    (start,) = read_log(tmp_path / "run", "start")
    assert (start["weights"], start["mean"], start["step"]) == ("of none", "0.5", 0)
    said = capsys.readouterr().out
    for line in ("weights: of none", "mean: 0.5", "five images", f"the run is in {tmp_path / 'run'}; 7 images were skipped"):
        assert line in said.splitlines()
    assert said.endswith(f"what you can type next:\n  rga look {tmp_path / 'run'}    what it is\n")
    assert "batches are fitted" not in said
    assert "fitted" not in start


def test_a_training_that_is_too_short_for_its_warm_up_is_told_of(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("reid/small", output=tmp_path / "whole", device="cpu")
    assert capsys.readouterr().err == ""
    train("reid/small", output=tmp_path / "short", device="cpu", epochs=2, warmup_epochs=2, lr=0.5)
    note = "there are 2 epochs: the learning rate never reaches lr 0.5, since the warm-up takes 2 epochs (warmup_epochs)"
    assert capsys.readouterr().err == f"note: {note}\n"
    assert [read_log(tmp_path / run, "start")[0].get("unfinished") for run in ("whole", "short")] == [None, note]


def test_after_a_signal_no_next_steps_are_named(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.signal = 2
    assert train("reid/small", output=tmp_path / "run", device="cpu").interrupted
    said = capsys.readouterr().out
    assert f"the run is in {tmp_path / 'run'}" in said
    assert "what you can type next" not in said


def test_batches_are_fitted_to_the_data(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rga.training.distributed.processes.count", lambda: 3)
    world.fitting = {"ids_per_batch": 4}
    train("reid/small", output=tmp_path / "run", device="cpu", ids_per_batch=8, gradient_accumulation=2)
    change = "ids_per_batch 8 -> 4"
    assert world.shares == [6]
    assert world.trainings[0].recipe.batches.ids_per_batch == world.fits[0][0][5].batches.ids_per_batch == 4
    assert f"batches are fitted to the data: {change}" in capsys.readouterr().out.splitlines()
    record = read_run(tmp_path / "run")
    assert record.fields == world.trainings[0].recipe.to_dict()
    (entry,) = record.changes
    assert {name: entry[name] for name in ("step", "ids_per_batch", "because")} == {
        "step": 0,
        "ids_per_batch": "8 -> 4",
        "because": "the batch was larger than the data",
    }
    (start,) = read_log(tmp_path / "run", "start")
    assert start["fitted"] == change


def test_the_name_of_a_recipe_is_recorded_if_there_is_one(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_type("reid")().override(device="cpu")
    train(recipe, output=tmp_path / "value")
    (tmp_path / "mine.json").write_text(to_json(recipe))
    train(tmp_path / "mine.json", output=tmp_path / "file")
    train(recipe, output=tmp_path / "named", name="reid/mine")
    assert [read_run(tmp_path / name).recipe for name in ("value", "file", "named")] == ["", "", "reid/mine"]
    assert world.trainings[0].recipe == recipe
    assert "images were skipped" not in capsys.readouterr().out


def test_a_run_without_a_checkpoint_begins_anew_and_says_so(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("reid/small", output=tmp_path / "run", device="cpu")
    assert "begins anew" not in capsys.readouterr().out
    train("reid/small", output=tmp_path / "run", device="cpu")
    assert f"{tmp_path / 'run'} holds a run that left no checkpoint: it begins anew" in capsys.readouterr().out


def test_a_run_goes_on_by_its_own_recipe(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path / "run", world, weights="pretrained", lr=0.125)
    capsys.readouterr()
    assert resume(run).step == 12
    names = [event if isinstance(event, str) else event[0] for event in world.events]
    assert names == ["memory", "build", "lock", "tidy", "load", "position", "fits", "fit", "unlock"]
    loaded, position = (next(event for event in world.events if event[0] == name) for name in ("load", "position"))
    assert loaded[1:] == (run / "last.pt", torch.device("cpu"))
    assert position[2:] == (4, 160)  # steps of an epoch, and of 40 epochs
    training = world.trainings[-1]
    assert [each.load_weights for each in world.trainings] == [True, False]  # of the second they are in the checkpoint
    assert training.model.source == "of pretrained"  # as the log of the run says
    ((_, more), (given, again)) = world.fits
    assert (more["start"], again["start"].step) == (None, 6)
    assert given[5].optimization.lr == 0.125
    assert given[5].model.weights == "pretrained"
    assert world.shares == [1]  # a run that continues keeps its batches
    assert read_run(run).changes == ()
    assert "changed" not in capsys.readouterr().out


def test_a_run_that_is_finished_says_so(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for steps, finished in ((7, False), (6, True)):
        run = begun(tmp_path / str(steps), world, max_steps=steps)
        capsys.readouterr()
        resume(run)
        assert (f"{run} was finished at step 6: nothing is left to train" in capsys.readouterr().out) is finished


def test_a_run_whose_log_is_gone_names_the_weights_of_its_recipe(world: World, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", world)
    (run / "log.jsonl").write_text("")
    resume(run)
    assert world.trainings[-1].model.source == "not noted by the run, whose recipe has weights pretrained"
    (run / "log.jsonl").unlink()
    resume(run)
    assert world.trainings[-1].model.source == "not noted by the run, whose recipe has weights pretrained"


def test_the_checkpoint_before_the_last_goes_on_if_it_is_asked_for(world: World, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", world)
    resume(run, previous=True)
    assert [event for event in world.events if event[0] in ("load", "go_back")] == [
        ("load", run / "previous.pt", torch.device("cpu")),
        ("go_back", run),
    ]
    world.events.clear()
    resume(run)
    assert not [event for event in world.events if event[0] == "go_back"]


def test_changes_are_printed_recorded_and_logged(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path / "run", world)
    capsys.readouterr()
    resume(run, changes={"lr": "0.5", "epochs": 41})
    assert "changed from step 6 on: epochs 40 -> 41, lr 0.003 -> 0.5" in capsys.readouterr().out
    record = read_run(run)
    (entry,) = record.changes
    assert {name: entry[name] for name in ("step", "lr", "epochs")} == {"step": 6, "lr": "0.003 -> 0.5", "epochs": "40 -> 41"}
    assert record.fields["optimization"]["lr"] == 0.5
    (logged,) = read_log(run, "changed")
    assert (logged["step"], logged["lr"]) == (6, "0.003 -> 0.5")
    assert world.fits[-1][0][5].optimization.lr == 0.5


def test_other_data_are_said_and_recorded_where_they_may_differ(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path / "run", world)
    world.fingerprint = "4567"
    resume(run)
    assert "the data are not those that the run began with (fingerprint 0123)" in capsys.readouterr().out
    assert read_run(run).changes[0]["data_fingerprint"] == "0123 -> 4567"
    world.fingerprint = "0123"
    resume(run)


def test_fields_that_a_record_lacks_are_named(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path / "run", world)
    text = (run / "recipe.json").read_text()
    assert '"sync_bn": false' in text
    (run / "recipe.json").write_text(text.replace('"sync_bn": false,', "").replace(',\n   "sync_bn": false', ""))
    capsys.readouterr()
    resume(run)
    assert f"{run / 'recipe.json'} lacks fields, whose defaults are taken: sync_bn" in capsys.readouterr().out


def test_of_several_processes_the_first_alone_writes(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.training.distributed.processes.first", lambda: False)
    recipe = recipe_type("reid")().override(device="cpu")
    Run(recipe, tmp_path / "run", "").train()
    assert world.events == ["memory", "build", "fit"]
    assert world.fits[0][0][4] is None
    assert not (tmp_path / "run").exists()


def test_memory_is_kept_on_cpus_alone(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.runs.choose_device", torch.device)
    Run(recipe_type("reid")().override(device="cuda"), tmp_path, "")
    assert world.events == []
    Run(recipe_type("reid")().override(device="cpu"), tmp_path, "")
    assert world.events == ["memory"]


def test_another_number_of_processes_is_said(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(tmp_path / "run", world)
    start = SimpleNamespace(step=6, log=None, processes=3, steps_per_epoch=4)
    monkeypatch.setattr("rga.runs.load_checkpoint", lambda _path, _device: start)
    resume(run)
    (entry,) = read_run(run).changes
    assert (entry["processes"], entry["step"]) == ("3 -> 1", 6)


def test_the_log_goes_on_where_the_checkpoint_was_taken(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(tmp_path / "run", world)
    file = run / "log.jsonl"
    length = len(file.read_bytes())
    with file.open("a") as log:
        log.write('{"time": 1, "kind": "step", "step": 7}\n')
    start = SimpleNamespace(step=6, log=length, processes=1, steps_per_epoch=4)
    monkeypatch.setattr("rga.runs.load_checkpoint", lambda _path, _device: start)
    resume(run)
    assert len(file.read_bytes()) == length
    assert not read_log(run, "step")
