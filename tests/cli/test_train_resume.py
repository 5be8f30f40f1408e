"""Going on with a run: by its own recipe, with changes that are checked, logged and recorded."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rga.cli.run_record import CHANGEABLE, PATHS, RunRecord, read_record

from rga.__main__ import main
from rga.cli.train import BUILDERS, RECIPES, train
from rga.reid.recipes import reid_generated
from rga.reid.task import ReidTask
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.log import read_log

PEOPLE = PeopleOptions(identities=12, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
TINY: dict[str, Any] = {
    "backbone": "test_resnet",
    "height": 64,
    "width": 32,
    "ids_per_batch": 2,
    "images_per_id": 2,
    "epochs": 3,
    "evaluate_every": 0,
    "num_workers": 0,
    "threads": 1,
    "log_every": 1,
    "eval_batch_size": 16,
    "lr": 1e-3,
}
FLAGS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people to train on: three steps an epoch."""
    return make_people(tmp_path_factory.mktemp("people") / "people", PEOPLE)


@pytest.fixture(scope="module")
def begun(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from the command line, stopped in the middle of its second epoch."""
    out = tmp_path_factory.mktemp("begun") / "run"
    assert main(["train", "reid-generated", "--root", str(people), "--out", str(out), *FLAGS, "--max-steps", "4"]) == 0
    return out


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def steps(out: Path) -> int:
    return len(read_log(out, "step"))


def go_on(run: Path, *words: object) -> int:
    return main(["train", "reid-generated", "--out", str(run), "--resume", *map(str, words)])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}


def test_without_a_word_it_goes_on_by_its_own_recipe(run: Path, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "recipe.json").read_bytes()
    assert go_on(run) == 0
    assert steps(run) == 4  # as long as it was to be
    assert (run / "recipe.json").read_bytes() == before
    assert "changed" not in capsys.readouterr().out
    assert go_on(run, "--max-steps", 0) == 0
    assert steps(run) == 9
    recipe = json.loads((run / "recipe.json").read_text())
    assert {name: recipe[name] for name in TINY} == TINY
    assert Path(recipe["root"]) == people


def test_what_is_typed_is_a_change_even_if_it_is_the_recipes_default(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reid_generated().epochs != 3
    words = ["--max-steps", 0, "--epochs", 4, "--evaluate-every", reid_generated().evaluate_every, "--lr", 5e-4]
    assert go_on(run, *words) == 0
    assert steps(run) == 12
    said = " ".join(capsys.readouterr().out.split())
    assert "changed from step 4 on: lr 0.001 -> 0.0005, epochs 3 -> 4" in said
    (event,) = read_log(run, "changed")
    assert (event["step"], event["epochs"], event["max_steps"]) == (4, "3 -> 4", "4 -> 0")
    record = read_record(run)
    assert (record.fields["epochs"], record.fields["lr"], record.fields["height"]) == (4, 5e-4, 64)
    (change,) = record.changes
    assert (change["step"], change["epochs"]) == (4, "3 -> 4")
    assert [event["lr"] for event in read_log(run, "step")][3:5] != [1e-3, 1e-3]


def test_changes_are_logged_again_where_the_log_was_cut_behind_them(run: Path) -> None:
    last = (run / "last.pt").read_bytes()
    assert go_on(run, "--max-steps", 6) == 0
    (run / "last.pt").write_bytes(last)  # as if killed before the next checkpoint
    assert go_on(run) == 0
    (event,) = read_log(run, "changed")
    assert event["max_steps"] == "4 -> 6"
    assert steps(run) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ids-per-batch", 3], "has ids_per_batch 2, and ids_per_batch 3 would make another training of it"),
        (["--images-per-id", 3], "has images_per_id 2, and images_per_id 3 would"),
        (["--passes", 2], "has passes 1, and passes 2 would"),
        (["--seed", 1, "--attention", "none"], "has attention rga-sc and seed 0, and attention none and seed 1 would"),
        (["--optimizer", "sgd"], "optimizer sgd would make another training"),
        (["--weight-decay", 0.5], "weight_decay 0.5 would make another training"),
        (["--backbone", "resnet18"], "backbone resnet18 would"),
        (["--ema-decay", 0.9], "ema_decay 0.9 would"),
        (["--gradient-accumulation", 2], "gradient_accumulation 2 would"),
        (["--amp-dtype", "bfloat16"], "amp_dtype bfloat16 would"),
        (["--weights", "pretrained"], "weights pretrained would"),
        (["--data", "folder"], "data folder would"),
        (["--hold-out", 2], "hold_out 2 would"),
        (["--max-steps", 2], "4 steps are over (epoch 2, step 4), more than the 2"),
        (["--epochs", 1, "--max-steps", 0], "4 steps are over (epoch 2, step 4), more than the 3"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_would_make_another_training_is_refused_and_nothing_is_changed(
    run: Path, words: list[object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    assert go_on(run, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert contents(run) == before


def test_data_elsewhere_must_be_the_same(run: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = shutil.copytree(people, tmp_path / "moved")
    other = make_people(tmp_path / "other", replace(PEOPLE, seed=1))
    before = contents(run)
    assert go_on(run, "--root", other, "--max-steps", 0) == 2
    assert f"and root {other} holds other data" in capsys.readouterr().err
    assert contents(run) == before
    assert go_on(run, "--root", moved, "--max-steps", 5) == 0
    (event,) = read_log(run, "changed")
    assert (event["root"], event["max_steps"]) == (f"{people} -> {moved}", "4 -> 5")
    assert read_record(run).fields["root"] == str(moved)


@pytest.mark.parametrize("person", [False, True])
def test_data_with_less_to_train_on_are_refused(people: Path, tmp_path: Path, person: bool, capsys: pytest.CaptureFixture[str]) -> None:
    mine = Path(shutil.copytree(people, tmp_path / "people"))
    recipe = replace(reid_generated(), root=mine, **TINY)
    train(replace(recipe, max_steps=4), tmp_path / "run")
    images = sorted((mine / "bounding_box_train").iterdir())
    first = images[0].name.split("_")[0]
    gone = [path for path in images if path.name.startswith(first)] if person else images[:1]
    for path in gone:
        path.unlink()
    before = contents(tmp_path / "run")
    with pytest.raises(ValueError, match=rf"has {len(images)} images to train on, and there are {len(images) - len(gone)} now"):
        train(recipe, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before


def test_another_recipe_than_the_runs_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(run)
    for name in ("reid-small", "cls-digits"):
        assert main(["train", name, "--out", str(run), "--resume"]) == 2
        assert f"was started by rga train reid-generated, not by {name}: go on with it as it was started" in capsys.readouterr().err
    with pytest.raises(ValueError, match="not by a ClassificationRecipe"):
        train(RECIPES["cls-digits"](), run, resume=True)
    assert contents(run) == before


def spoil(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        fields = json.loads(path.read_text())
        change(fields)
        path.write_text(json.dumps(fields))

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "no recipe.json, though a checkpoint; start without --resume"),
        (lambda path: path.write_text('{"backbone": '), "recipe.json is not the record of a run, or damaged"),
        (lambda path: path.write_text('{"data_fingerprint": "0"}'), "it has no field of a recipe"),
        (spoil(lambda fields: fields.pop("data_fingerprint")), "recipe.json is not the record of a run, or damaged"),
        (
            spoil(lambda fields: fields.update(future=1)),
            "has fields that this version of rga (0.1.0) does not know: future; it was written by rga",
        ),
        (spoil(lambda fields: fields.update(epochs="many")), "recipe.json is damaged: epochs is 'many'"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(
    run: Path, harm: Callable[[Path], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(run / "recipe.json")
    before = contents(run)
    assert go_on(run) == 2
    assert message in capsys.readouterr().err
    assert contents(run) == before


def test_a_record_of_an_earlier_version_lacks_fields_that_came_later(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def earlier(fields: dict[str, Any]) -> None:
        del fields["checkpoint_minutes"], fields["run"]

    spoil(earlier)(run / "recipe.json")
    assert go_on(run, "--max-steps", 5) == 0
    assert "lacks fields; taken are, where nothing is typed: checkpoint_minutes 5.0" in " ".join(capsys.readouterr().out.split())
    assert steps(run) == 5
    assert read_record(run).fields["checkpoint_minutes"] == 5


def test_a_log_that_ends_in_half_a_line_is_gone_on_with_and_a_damaged_one_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = run / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"kind": "st')
    assert [len(read_log(run, kind)) for kind in ("start", "step")] == [1, 4]
    log.write_bytes(whole[:-5])  # shorter than when the checkpoint was taken
    assert go_on(run, "--max-steps", 5) == 0
    assert steps(run) == 5
    log.write_bytes(b"\xff" + whole)
    capsys.readouterr()
    assert go_on(run) == 2
    assert f"{log} is damaged in line 1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--resume"]])
def test_a_folder_that_is_a_file_is_told_first(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["train", "reid-generated", "--root", "nowhere", "--out", str(tmp_path / "file" / "run"), *words]) == 2
    assert ("is a file" if not words else "there is no run in") in capsys.readouterr().err


def test_where_there_is_no_run_there_is_nothing_to_go_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go_on(tmp_path / "nowhere") == 2
    assert "there is no run in" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_final_evaluation_that_failed_is_done_on_resume(people: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(people, tmp_path / "people"))
    recipe = replace(reid_generated(), root=mine, **TINY)
    victim = next((mine / "query").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:300])
    for resume in (False, True):
        with pytest.raises(ValueError, match=victim.name):
            train(recipe, tmp_path / "run", resume=resume)
    victim.write_bytes(whole)
    outcome = train(recipe, tmp_path / "run", resume=True)
    assert "mAP_neck" in outcome.metrics
    for name in ("best", "last"):
        assert json.loads((tmp_path / "run" / name / "config.json").read_text())["metrics"]["mAP_neck"] == outcome.metrics["mAP_neck"]
    assert len(read_log(tmp_path / "run", "evaluate")) == 1
    assert len(read_log(tmp_path / "run", "train")) == 3


def test_a_new_run_writes_over_nothing(people: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = replace(reid_generated(), root=people, **TINY, max_steps=1)
    for name in ("last.pt", "previous.pt"):
        (run / name).unlink(missing_ok=True)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds best and last already, and no checkpoint"):
        train(recipe, run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    for name in ("recipe.json", "log.jsonl"):
        foreign = tmp_path / name.split(".")[0]
        foreign.mkdir()
        (foreign / name).write_text("mine")
        (foreign / ".mine.tmp").write_text("mine, too")
        with pytest.raises(ValueError, match=f"{name} is (not the record|there already)"):
            train(recipe, foreign)
        assert [path.read_text() for path in sorted(foreign.iterdir())] == ["mine, too", "mine"]


def test_a_run_that_left_no_checkpoint_is_begun_anew_and_that_is_said(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    recipe = replace(reid_generated(), root=people, **TINY, max_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(ReidTask, "losses", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            train(recipe, tmp_path / "run")
    train(replace(recipe, seed=1), tmp_path / "run")
    assert "it is begun anew" in capsys.readouterr().out
    assert read_record(tmp_path / "run").fields["seed"] == 1


def test_what_may_change_is_a_field_of_some_recipe() -> None:
    fields = {name for kind in BUILDERS for name in kind.__dataclass_fields__}
    assert fields >= CHANGEABLE | PATHS
    assert not CHANGEABLE & {
        "seed",
        "backbone",
        "attention",
        "ids_per_batch",
        "images_per_id",
        "batch_size",
        "optimizer",
        "gradient_accumulation",
        "ema_decay",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]()
    RunRecord(recipe.to_dict(), "f", name=name).write(tmp_path)
    assert read_record(tmp_path).recipe(type(recipe), tmp_path) == recipe


def test_help_names_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "reid-generated", "--resume", "--help"])
    out = capsys.readouterr().out
    assert "--resume-previous" in out
    assert "--out" in out
