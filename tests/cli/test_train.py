"""``rga train``: recipes by name and from files, their flags, and what a run leaves; and the same as a function."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

import rga as package
from cli.terminal import TINY_REID, rga
from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError
from rga.evaluations import Measured
from rga.loading import load
from rga.recipes import read_recipe
from rga.reid.evaluation import Calibration
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import small
from rga.tasks import recipe_functions
from rga.training.recipe import Recipe


def test_a_run_leaves_all_that_is_needed(reid_run: Path, people: Path) -> None:
    record = json.loads((reid_run / "recipe.json").read_text())
    assert (record["format"], record["task"], record["recipe"], record["changes"]) == (2, "reid", "reid/generated", [])
    assert record["fields"]["model"]["backbone"] == "test_resnet"
    assert record["fields"]["data"] == f"market1501:{people}"
    assert len(record["data"]["fingerprint"]) == 16
    events = [json.loads(line) for line in (reid_run / "log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events if event["kind"] != "step"] == ["start", *["train", "evaluate"] * 2]
    trained, evaluated = (next(event for event in events if event["kind"] == kind) for kind in ("train", "evaluate"))
    assert {"identity", "triplet", "lr", "images_per_second"} <= trained.keys()
    assert {"mAP_neck", "R1_pooled", "mINP_neck"} <= evaluated.keys()
    model = load(reid_run)
    assert model.trained_on["fingerprint"] == record["data"]["fingerprint"]
    reached = [event["mAP_neck"] for event in events if event["kind"] == "evaluate"]
    assert model.metrics["mAP_neck"] == max(reached) > 0.1
    assert (reid_run / "last.pt").is_file()


def test_recipes_are_listed_with_what_they_are_for() -> None:
    for words in (("train", "--list"), ("train", "--help")):
        done = rga(*words)
        assert (done.code, done.err) == (0, "")
        for name, function in recipe_functions().items():
            assert f"  {name} " in done.out
            assert str(function.__doc__).splitlines()[0] in done.out
    done = rga("train")
    assert (done.code, "usage: rga train RECIPE" in done.out) == (2, True)


@pytest.mark.parametrize("name", recipe_functions())
def test_a_recipe_that_is_shown_is_read_again(name: str, tmp_path: Path) -> None:
    done = rga("train", "--show", name)
    assert (done.code, done.err) == (0, "")
    (tmp_path / "mine.json").write_text(done.out)
    assert read_recipe(tmp_path / "mine.json") == recipe_functions()[name]()


def test_every_field_is_a_flag_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("reid/market1501", "seg/cityscapes", "cls/digits"):
        done = rga("train", name, "--help")
        assert done.code == 0
        for field in recipe_functions()[name]().fields():
            assert f"--{field.replace('_', '-')}" in done.out
        for group in ("model options", "optimization options", "loop options", "loader options", "machine options"):
            assert group in done.out
        assert done.out.index("--data") < done.out.index("--backbone") < done.out.index("--lr ") < done.out.index("--num-workers")


def test_an_edited_recipe_is_trained_by(people: Path, tmp_path: Path) -> None:
    shown = json.loads(rga("train", "--show", "reid/generated").out)
    shown["fields"]["data"] = f"market1501:{people}"
    shown["fields"]["model"] |= {"backbone": "test_resnet", "image_size": [64, 32]}
    shown["fields"]["batches"] |= {"ids_per_batch": 2, "images_per_id": 2}
    shown["fields"]["loader"]["num_workers"] = 0
    shown["fields"]["loop"]["max_steps"] = 1
    (tmp_path / "mine.json").write_text(json.dumps(shown))
    done = rga("train", "mine.json", "--lr", "2e-3", cwd=tmp_path)
    assert done.code == 0, done.said
    (run,) = (tmp_path / "runs").iterdir()
    assert f"the run is in {run.relative_to(tmp_path)}" in done.out
    trained = read_recipe(run / "recipe.json")
    assert trained == read_recipe(tmp_path / "mine.json").override(lr=2e-3)
    again = rga("train", run / "recipe.json", "-o", "again", cwd=tmp_path)  # the record of a run is a recipe
    assert again.code == 0, again.said
    assert read_recipe(tmp_path / "again" / "recipe.json") == trained


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("reid/generated --data market1501:nowhere", "no folder nowhere"),
        ("reid/generated --data market1501", "dataset 'market1501' needs a folder"),
        ("reid/generated --data market1501:nowhere?seed=1", "dataset 'market1501' has no option 'seed'"),
        ("reid/generated --data photos/mine", "(for a folder of your own: folder:photos/mine)"),
        ("reid/generated --attension se", "Perhaps you meant: --attention"),
        ("reid/generated --random-erasing 2", "random_erasing must lie between 0 and 1, got 2.0"),
        ("reid/generated --device gpu", "unknown device 'gpu'"),
        ("reid/generated --schedule linear", "invalid choice 'linear'"),
        ("reid/generated --epochs many", "--epochs"),
        ("reid/generated --attention se --reduction 4", "reduction: options of RGA only, and attention is 'se'"),
        ("reid/generated --initial-gate 1", "initial_gate must lie between 0 and 1, without them, got 1.0"),
        ("reid/generated --no-relation --no-original", "relation and original must not both be off"),
        ("cls/digits --attention rga", "unknown attention 'rga': did you mean rga-"),
        ("cls/digits --attention timm:so", "unknown attention 'timm:so'"),
        ("cls/digits --reduction 0", "reduction must be at least 1, got 0"),
        ("cls/digits --backbone resnet5O", "unknown backbone 'resnet5O'"),
        ("cls/digits --after layer9", "layer9"),
        ("cls/digits --weights nowhere.pth", "nowhere.pth"),
        ("reid/generated --ids-per-batch 1", "triplets need at least 2 identities with 2 images in a batch"),
        ("reid/market1502", "unknown recipe 'reid/market1502': did you mean reid/market1501?"),
        ("market1501", "unknown recipe 'market1501': did you mean reid/market1501?"),
        ("nowhere.json", "there is no recipe at nowhere.json"),
        ("notes.json", "notes.json is not JSON"),
        ("doubled.json", "doubled.json: 'lr' is there twice: leave one of them out"),
        ("list.json", "list.json does not hold a recipe"),
        ("future.json", "unknown field model.attension: did you mean attention?"),
        ("--list reid", "rga train --list takes no other words"),
        ("--show", "name one recipe: rga train --show RECIPE"),
        ("--show reid/markt1501", "did you mean reid/market1501?"),
        ("--data market1501:x", "name the recipe first: rga train RECIPE --data market1501:x"),
    ],
)
def test_mistakes_are_one_clear_error(words: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("notes")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "doubled.json").write_text('{"task": "reid", "fields": {"optimization": {"lr": 1e-3, "epochs": 2, "lr": 1e-4}}}')
    (tmp_path / "future.json").write_text('{"task": "reid", "fields": {"model": {"attension": "se"}}}')
    before = sorted(tmp_path.iterdir())
    done = rga("train", *words.split(), cwd=tmp_path)
    assert done.code == 2
    assert message in done.said
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_recipe_in_a_file_of_any_name_is_read(people: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.txt").write_text(rga("train", "--show", "reid/generated").out)
    done = rga("train", tmp_path / "recipe.txt", "--data", f"market1501:{people}", "-o", tmp_path / "run", *TINY_REID, "--max-steps", 1)
    assert done.code == 0, done.said
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"] == ""


@pytest.mark.slow
def test_the_commands_are_functions(people: Path, tmp_path: Path) -> None:
    spec = f"market1501:{people}"
    tiny: dict[str, Any] = {
        "backbone": "test_resnet",
        "image_size": (64, 32),
        "ids_per_batch": 2,
        "images_per_id": 2,
        "num_workers": 0,
        "threads": 1,
    }
    run = tmp_path / "run"
    outcome = package.train("reid/generated", spec, output=run, **tiny, max_steps=1)
    assert (outcome.step, outcome.exit_code) == (1, 0)
    assert json.loads((run / "recipe.json").read_text())["recipe"] == "reid/generated"
    assert package.resume(run, changes={"max_steps": 2}).step == 2
    measured = package.evaluate(run, flip=True, output=run / "figures.json")
    assert measured.task == "reid"
    assert measured.path == run / "figures.json"
    assert set(measured.result.to_dict()["results"]) == {"pooled", "neck"}
    assert package.evaluate(run).path is None  # no file is written unless one is named
    assert package.evaluate(package.load(run), DataSpec("market1501", people)).fingerprint == measured.fingerprint
    found: list[Measured] = []
    calibrated = package.calibrate(run, spec, unknown=0.5, false_alarms=0.3, on_result=found.append)
    assert calibrated.kept == run / "best" / "config.json"
    assert [each.result for each in found] == [calibrated.result]
    assert package.load(run).threshold == cast("Calibration", calibrated.result).threshold
    recipe = package.read_recipe(run / "recipe.json")
    assert isinstance(recipe, ReidRecipe)
    assert package.train(recipe, output=tmp_path / "again").step == 2


@pytest.mark.parametrize(
    ("recipe", "overrides", "error", "message"),
    [
        ("reid/generatd", {}, InputError, "did you mean reid/generated"),
        ("nowhere/recipe.json", {}, MissingFileError, "there is no recipe at nowhere/recipe.json"),
        ("reid/generated", {"lrr": 1}, InputError, "a recipe for reid has no field 'lrr': did you mean lr"),
        ("reid/generated", {"lr": "fast"}, InputError, "lr is 'fast': Input should be a valid number"),
        ("reid/generated", {"image_size": (64,)}, InputError, "image_size is "),
        ("reid/generated", {"data": "photos"}, InputError, "unknown dataset 'photos'"),
    ],
)
def test_mistakes_in_python_are_named(recipe: str, overrides: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        package.train(recipe, output=tmp_path / "run", **overrides)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "a model for reid has no option 'split': it takes flip, feature, frames, comparison"),
        ({"batch_size": 0}, "batch-size must be at least 1, got 0"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
    ],
)
def test_mistaken_options_of_an_evaluation_are_named(reid_run: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        package.evaluate(reid_run, **options)  # type: ignore[arg-type]  # what is mistaken


def test_a_recipe_is_the_same_by_name_and_by_value() -> None:
    assert isinstance(read_recipe("reid/small"), Recipe)
    assert read_recipe("reid/small") == small()
