"""``rga resume``: a run continues by its own recipe, with changes that are checked, logged and recorded."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import TINY_REID, Done, contents, rga
from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError
from rga.recipes import read_recipe
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import generated
from rga.reid.training import ReidTraining
from rga.runs import resume, train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.tasks import TASKS, recipe_functions, recipe_type
from rga.training.run.log import read_log
from rga.training.run.record import CHANGEABLE, LOCATIONS, RunRecord, read_run


def tiny(people: Path, **changes: Any) -> ReidRecipe:
    """Three steps an epoch, three epochs."""
    values: dict[str, Any] = {
        "data": DataSpec("market1501", people),
        "backbone": "test_resnet",
        "image_size": (64, 32),
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
    return generated().override(**{**values, **changes})


@pytest.fixture(scope="session")
def begun(people: Path, work: Path) -> Path:
    """A run from the command line, stopped in the middle of its second epoch."""
    words = ("--data", f"market1501:{people}", "-o", "begun", *TINY_REID, "--epochs", 3, "--evaluate-every", 0, "--max-steps", 4)
    done = rga("train", "reid/generated", *words, cwd=work)
    assert done.code == 0, done.said
    return work / "begun"


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def steps(run: Path) -> int:
    return len(read_log(run, "step"))


def go_on(run: Path, *changes: str) -> Done:
    """``rga resume`` with some ``--set``."""
    return rga("resume", run, *(word for change in changes for word in ("--set", change)))


def fields(run: Path) -> dict[str, Any]:
    return read_recipe(run / "recipe.json").fields()


def test_without_a_word_it_continues_by_its_own_recipe(run: Path, people: Path) -> None:
    before = (run / "recipe.json").read_bytes()
    done = go_on(run)
    assert done.code == 0, done.err
    assert steps(run) == 4  # as long as it was to be
    assert (run / "recipe.json").read_bytes() == before
    assert "changed" not in done.out
    assert go_on(run, "max_steps=0").code == 0
    assert steps(run) == 9
    assert read_recipe(run / "recipe.json") == tiny(people)
    assert (read_run(run).recipe, read_run(run).task) == ("reid/generated", "reid")


def test_changes_are_printed_logged_and_recorded(run: Path) -> None:
    done = go_on(run, "max_steps=0", "epochs=4", f"evaluate_every={generated().loop.evaluate_every}", "lr=5e-4")
    assert done.code == 0, done.err
    assert steps(run) == 12
    assert "changed from step 4 on: lr 0.001 -> 0.0005" in done.out.replace("epochs 3 -> 4, ", "")
    assert "epochs 3 -> 4" in done.out
    (event,) = read_log(run, "changed")
    assert (event["step"], event["epochs"], event["max_steps"]) == (4, "3 -> 4", "4 -> 0")
    assert (fields(run)["epochs"], fields(run)["lr"], fields(run)["image_size"]) == (4, 5e-4, (64, 32))
    (change,) = read_run(run).changes
    assert (change["step"], change["epochs"]) == (4, "3 -> 4")
    assert [event["lr"] for event in read_log(run, "step")][3:5] != [1e-3, 1e-3]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("milestones=1,2", (1, 2)),
        ("milestones=2", (2,)),
        ("milestones=[1, 2]", (1, 2)),
        ("tensorboard=false", False),
        ("skip_damaged=true", True),
        ("checkpoint_minutes=1.5", 1.5),
        ("checkpoint_minutes=2", 2.0),
        ("lr=1e-4", 1e-4),
        ("schedule=poly", "poly"),
        ("device=cpu", "cpu"),
    ],
)
def test_a_changed_value_has_the_type_of_its_field(change: str, value: object, begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes: list[Any] = []

    class Stop(Exception):  # noqa: N818  nothing is wrong
        pass

    class Run:
        def __init__(self, recipe: object, *_: object) -> None:
            recipes.append(recipe)
            raise Stop

    monkeypatch.setattr("rga.runs.Run", Run)
    with pytest.raises(Stop):
        go_on(begun, *(("schedule=steps",) if "milestones" in change else ()), change)  # milestones are of steps alone
    found = recipes[0].fields()[change.partition("=")[0]]
    assert (found, type(found)) == (value, type(value))


def test_changes_are_logged_again_where_the_log_was_cut_behind_them(run: Path) -> None:
    last = (run / "last.pt").read_bytes()
    assert go_on(run, "max_steps=6").code == 0
    (run / "last.pt").write_bytes(last)  # as if killed before the next checkpoint
    assert go_on(run).code == 0
    (event,) = read_log(run, "changed")
    assert event["max_steps"] == "4 -> 6"
    assert steps(run) == 6


REFUSED = [
    ("ids_per_batch=3", "has ids_per_batch 2, and ids_per_batch 3 would make it another training"),
    ("images_per_id=3", "has images_per_id 2, and images_per_id 3 would"),
    ("passes_per_epoch=2", "has passes_per_epoch 1, and passes_per_epoch 2 would"),
    ("seed=1 attention=none", "has attention rga-sc and seed 0, and attention none and seed 1 would"),
    ("optimizer=sgd", "optimizer sgd would make it another training"),
    ("weight_decay=0.5", "weight_decay 0.5 would make it another training"),
    ("backbone=resnet18", "backbone resnet18 would"),
    ("ema_decay=0.9", "ema_decay 0.9 would"),
    ("gradient_accumulation=2", "gradient_accumulation 2 would"),
    ("amp_dtype=bfloat16", "amp_dtype bfloat16 would"),
    ("weights=pretrained", "weights pretrained would"),
    ("margin=none", "margin None would"),
    ("hold_out=2", "hold_out 2 would"),
    ("data=folder:nowhere", "no folder nowhere"),
    ("max_steps=2", "4 steps are over (epoch 2, step 4), more than the 2"),
    ("epochs=1 max_steps=0", "4 steps are over (epoch 2, step 4), more than the 3"),
    ("epoch=5", "a recipe for reid has no field 'epoch': did you mean epochs?"),
    ("epochs=many", "epochs is 'many': Input should be a valid integer"),
    ("epochs=0", "epochs must be at least 1, got 0"),
    ("lr=nan", "lr must be"),
    ("milestones=1,2", "milestones does nothing, since schedule is cosine: choose steps there, or leave it out"),
    ("schedule=linear", "schedule is 'linear': Input should be 'steps', 'cosine' or 'poly'"),
    ("device=gpu", "unknown device 'gpu'"),
    ("data=nowhere/people", "data is 'nowhere/people': 'nowhere/people' does not name a dataset: write NAME:FOLDER"),
    ("lr=1e-3 epochs=5 lr=1e-4", "--set lr is there twice: give one value"),
    ("epochs", "--set takes KEY=VALUE, such as --set epochs=80, got 'epochs'"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[changes for changes, _ in REFUSED])
def test_what_cannot_be_changed_is_one_line_and_nothing_is_changed(run: Path, changes: str, message: str) -> None:
    before = contents(run)
    done = go_on(run, *changes.split())
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert contents(run) == before


def test_data_elsewhere_must_be_the_same(run: Path, people: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(people, tmp_path / "moved")
    other = PeopleOptions(identities=12, cameras=2, images_per_camera=2, distractors=4, junk=2, height=64, width=32, seed=1)
    make_people(tmp_path / "other", other)
    before = contents(run)
    done = go_on(run, f"data=market1501:{tmp_path / 'other'}", "max_steps=0")
    assert done.code == 2
    assert f"and data market1501:{tmp_path / 'other'} holds other data" in done.err
    assert contents(run) == before
    assert go_on(run, f"data=market1501:{moved}", "max_steps=5").code == 0
    (event,) = read_log(run, "changed")
    assert (event["data"], event["max_steps"]) == (f"market1501:{people} -> market1501:{moved}", "4 -> 5")
    assert fields(run)["data"] == DataSpec("market1501", Path(moved))


@pytest.mark.parametrize("person", [False, True])
def test_data_with_less_to_train_on_are_refused(people: Path, begun: Path, tmp_path: Path, person: bool) -> None:
    mine = Path(shutil.copytree(people, tmp_path / "people"))
    run = Path(shutil.copytree(begun, tmp_path / "run"))
    record = json.loads((run / "recipe.json").read_text())
    record["fields"]["data"] = f"market1501:{mine}"  # the same bytes in another folder, and their fingerprint
    (run / "recipe.json").write_text(json.dumps(record))
    images = sorted((mine / "bounding_box_train").iterdir())
    first = images[0].name.split("_")[0]
    gone = [path for path in images if path.name.startswith(first)] if person else images[:1]
    for path in gone:
        path.unlink()
    before = contents(run)
    with pytest.raises(InputError, match=rf"has {len(images)} images to train on, and there are {len(images) - len(gone)} now"):
        resume(run)
    assert contents(run) == before


def spoil(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "it has no recipe.json, only a checkpoint; name the folder of a run"),
        (lambda path: path.write_text('{"task": '), "recipe.json is not the record of a run, or damaged"),
        (lambda path: path.write_text("[]"), "recipe.json is not the record of a run, or damaged"),
        (lambda path: path.write_text('{"format": 2, "task": "reid"}'), "recipe.json is not the record of a run, or damaged"),
        (spoil(lambda record: record.pop("data")), "recipe.json is not the record of a run, or damaged"),
        (spoil(lambda record: record.update(format=3)), "it has format 3, and this version reads format 2: update rga to read it"),
        (spoil(lambda record: record.pop("format")), "it has format 1, and this version reads format 2: start a new run by it: rga train"),
        (spoil(lambda record: record.update(task="gait")), "unknown task 'gait'"),
        (spoil(lambda record: record["fields"].update(future=1)), "(written by rga 0.1.0, this is 0.1.0): unknown field future"),
        (spoil(lambda record: record["fields"]["loop"].update(evaluate=1)), "unknown field loop.evaluate: did you mean evaluate_every?"),
        (spoil(lambda record: record["fields"]["optimization"].update(epochs="many")), "optimization.epochs is 'many'"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(run: Path, harm: Callable[[Path], object], message: str) -> None:
    harm(run / "recipe.json")
    before = contents(run)
    done = go_on(run)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err
    assert contents(run) == before


def test_a_record_of_an_earlier_version_lacks_fields_that_came_later(run: Path) -> None:
    spoil(lambda record: record["fields"]["loop"].pop("checkpoint_minutes"))(run / "recipe.json")
    done = go_on(run, "max_steps=5")
    assert done.code == 0, done.err
    assert "lacks fields, whose defaults are taken: checkpoint_minutes 5.0" in done.out
    assert steps(run) == 5
    assert json.loads((run / "recipe.json").read_text())["fields"]["loop"]["checkpoint_minutes"] == 5


def test_a_log_that_ends_in_half_a_line_is_continued_and_a_damaged_one_is_named(run: Path) -> None:
    log = run / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"kind": "st')
    assert [len(read_log(run, kind)) for kind in ("start", "step")] == [1, 4]
    log.write_bytes(whole[:-5])  # shorter than when the checkpoint was taken
    assert go_on(run, "max_steps=5").code == 0
    assert steps(run) == 5
    log.write_bytes(b"\xff" + whole)
    done = go_on(run)
    assert (done.code, f"{log} is damaged in line 1" in done.err) == (2, True)


def test_a_folder_that_is_a_file_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = rga("train", "reid/generated", "--data", "market1501:nowhere", "-o", tmp_path / "file" / "run")
    assert (done.code, "is a file" in done.err) == (2, True)
    done = rga("resume", tmp_path / "file" / "run")
    assert (done.code, "there is no run in" in done.err) == (2, True)


def test_where_there_is_no_run_there_is_nothing_to_continue(tmp_path: Path) -> None:
    done = go_on(tmp_path / "nowhere")
    assert (done.code, "there is no run in" in done.err) == (2, True)
    assert not (tmp_path / "nowhere").exists()


def test_a_final_evaluation_that_failed_is_done_on_resume(people: Path, tmp_path: Path) -> None:
    mine, run = Path(shutil.copytree(people, tmp_path / "people")), tmp_path / "run"
    victim = next((mine / "query").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:300])
    with pytest.raises(InputError, match=victim.name):
        train(tiny(mine), output=run)
    with pytest.raises(InputError, match=victim.name):
        resume(run)
    victim.write_bytes(whole)
    outcome = resume(run)
    assert "mAP_neck" in outcome.metrics
    for name in ("best", "last"):
        assert json.loads((run / name / "config.json").read_text())["metrics"]["mAP_neck"] == outcome.metrics["mAP_neck"]
    assert len(read_log(run, "evaluate")) == 1
    assert len(read_log(run, "train")) == 3


def test_a_new_run_overwrites_nothing(people: Path, run: Path, tmp_path: Path) -> None:
    recipe = tiny(people, max_steps=1)
    before = contents(run)
    with pytest.raises(ExistingFileError, match=r"holds a run already: use it, continue it with rga resume .*, or choose another folder"):
        train(recipe, output=run)
    assert contents(run) == before
    for name in ("last.pt", "previous.pt"):
        (run / name).unlink(missing_ok=True)
    before = contents(run)
    with pytest.raises(ExistingFileError, match="holds best and last already, and no checkpoint"):
        train(recipe, output=run)
    assert contents(run) == before
    for name in ("recipe.json", "log.jsonl"):
        foreign = tmp_path / name.split(".")[0]
        foreign.mkdir()
        (foreign / name).write_text("mine")
        (foreign / ".mine.tmp").write_text("mine, too")
        with pytest.raises((InputError, ExistingFileError), match=f"{name} is (not the record|there already)"):
            train(recipe, output=foreign)
        assert [path.read_text() for path in sorted(foreign.iterdir())] == ["mine, too", "mine"]


def test_a_run_that_left_no_checkpoint_begins_anew_and_that_is_said(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    recipe = tiny(people, max_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(ReidTraining, "losses", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            train(recipe, output=tmp_path / "run")
    train(recipe.override(seed=1), output=tmp_path / "run")
    assert "holds a run that left no checkpoint: it begins anew" in capsys.readouterr().out
    assert fields(tmp_path / "run")["seed"] == 1


def test_what_may_change_is_a_field_of_some_recipe() -> None:
    known = {name for task in TASKS for name in recipe_type(task)().fields()}
    assert known >= CHANGEABLE | LOCATIONS
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
        "amp_dtype",
        "sync_bn",
    }


@pytest.mark.parametrize("name", recipe_functions())
def test_every_recipe_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    recipe = recipe_functions()[name]()
    RunRecord(recipe.task, recipe.to_dict(), "f", 3, name).write(tmp_path)
    record = read_run(tmp_path)
    assert record == RunRecord(recipe.task, record.fields, "f", 3, name)
    assert record.read(type(recipe), tmp_path) == recipe
    assert record.missing(recipe) == {}
    assert replace(record, fields={}).missing(recipe) == recipe.fields()


def test_help_says_where_it_continues_and_what_may_change() -> None:
    done = rga("resume", "--help")
    assert done.code == 0
    for text in ("RUN Folder of the run", "--from {last,previous}", "--set KEY=VALUE", "--set epochs=80", "Changes are recorded"):
        assert text in done.said
