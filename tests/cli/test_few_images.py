"""The way from a folder of few images to a prediction: what a person meets who trains for the first time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli.terminal import Done, rga
from rga.backbones.weights import pretrained
from rga.loading import load
from rga.recipes import read_recipe
from rga.synthetic.fruit import FruitOptions, make_fruit
from rga.tasks import recipe_functions, recipe_type

SMALL = {
    "cls/tiny": ("--backbone", "test_resnet", "--image-size", "32"),
    "seg/tiny": ("--crop-size", "32", "32", "--largest-grid", "4"),
    "reid/tiny": ("--backbone", "test_resnet", "--image-size", "32", "16"),
}
"""Recipe -> flags of a training that takes a second."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Six images for each task as people have them, by recipe."""
    home = tmp_path_factory.mktemp("photos")
    make_fruit(home / "fruit", FruitOptions(train=6, val=2, test=0, classes=2, size=32))
    generator = np.random.default_rng(0)
    for name in "abcdef":
        for kind, largest in (("images", 256), ("masks", 2)):
            (home / "scenes" / kind).mkdir(parents=True, exist_ok=True)
            size = (32, 48, 3) if kind == "images" else (32, 48)
            Image.fromarray(generator.integers(0, largest, size, dtype=np.uint8)).save(home / "scenes" / kind / f"{name}.png")
        for number in range(2):
            (home / "folk" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, (32, 16, 3), dtype=np.uint8)).save(home / "folk" / name / f"{number}.png")
    (home / "scenes" / "classes.csv").write_text("value,name\n0,grass\n1,path\n")
    return {"cls/tiny": home / "fruit", "seg/tiny": home / "scenes", "reid/tiny": home / "folk"}


def train(recipe: str, photos: dict[str, Path], folder: Path, *words: object) -> Done:
    """Trains for a moment on a task's six images, in a folder."""
    return rga("train", recipe, "--data", f"folder:{photos[recipe]}", *SMALL[recipe], "--threads", 1, *words, cwd=folder)


@pytest.mark.parametrize(
    ("recipe", "flag", "fields", "fits"),
    [
        ("cls/tiny", "--batch-size", ("batches", "batch_size"), 6),
        pytest.param("seg/tiny", "--batch-size", ("batches", "batch_size"), 5, marks=pytest.mark.slow),
        pytest.param("reid/tiny", "--ids-per-batch", ("batches", "ids_per_batch"), 3, marks=pytest.mark.slow),
    ],
)
def test_a_batch_larger_than_the_data_is_lowered_with_a_note_that_stays(
    recipe: str, flag: str, fields: tuple[str, str], fits: int, photos: dict[str, Path], tmp_path: Path
) -> None:
    done = train(recipe, photos, tmp_path, flag, 64, "--max-steps", 1, "--epochs", 3)
    assert done.code == 0, done.said
    name = fields[1]
    assert f"batches are fitted to the data: {name} 64 -> " in done.said
    run = tmp_path / "runs" / recipe.replace("/", "-")
    record = json.loads((run / "recipe.json").read_text())
    assert record["fields"][fields[0]][name] == fits
    (change,) = record["changes"]
    assert (change["step"], change[name]) == (0, f"64 -> {fits}")
    start = json.loads((run / "log.jsonl").read_text().splitlines()[0])
    assert (start["kind"], start["fitted"]) == ("start", f"{name} 64 -> {fits}")
    again = rga("resume", run, "--set", "max_steps=2")
    assert again.code == 0, again.said
    assert "fitted" not in again.said


def test_a_batch_that_fits_stays_and_nothing_is_noted(photos: dict[str, Path], tmp_path: Path) -> None:
    done = train("cls/tiny", photos, tmp_path, "--batch-size", 6, "--max-steps", 1)
    assert done.code == 0, done.said
    assert "fitted" not in done.said
    record = json.loads((tmp_path / "runs" / "cls-tiny" / "recipe.json").read_text())
    assert (record["fields"]["batches"]["batch_size"], record["changes"]) == (6, [])


def test_a_batch_that_cannot_be_fitted_is_refused_with_its_flag(photos: dict[str, Path], tmp_path: Path) -> None:
    done = train("cls/tiny", photos, tmp_path, "--gradient-accumulation", 4)
    assert (done.code, "lower batch_size (--batch-size)" in done.said) == (2, True)  # 6 images, in 4 parts of two or more
    done = train("reid/tiny", photos, tmp_path, "--gradient-accumulation", 4)
    assert (done.code, "lower ids_per_batch (--ids-per-batch)" in done.said) == (2, True)


@pytest.mark.parametrize("recipe", ["cls/tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in ("seg/tiny", "reid/tiny"))])
def test_a_training_ends_with_what_can_be_typed_next(recipe: str, photos: dict[str, Path], tmp_path: Path) -> None:
    done = train(recipe, photos, tmp_path, "--epochs", 2, "-o", "my run")
    assert done.code == 0, done.said
    lines = done.out.splitlines()
    steps = lines[lines.index("what you can type next:") + 1 :]
    typed = {"cls/tiny": "classify", "seg/tiny": "segment", "reid/tiny": "search"}[recipe]
    assert steps[0].startswith(f"  rga {typed} 'my run' IMAGES ")
    assert steps[-2].startswith("  rga evaluate 'my run' ")
    assert steps[-1].startswith("  rga report 'my run' ")
    assert [line for line in lines if line.startswith("epoch 1: ")]  # a model is there after the first epoch
    assert load(tmp_path / "my run" / "best").metrics


@pytest.mark.parametrize(
    "name", [name for name, function in recipe_functions().items() if (own := function().data).root is not None and own.name != "walks"]
)
def test_without_data_it_says_how_to_name_them(name: str, tmp_path: Path) -> None:
    done = rga("train", name, cwd=tmp_path)
    own = recipe_functions()[name]().data
    assert done.code == 2
    assert f"name the data: rga train {name} --data {own.name}:DIR" in done.said
    assert f"{own.root} is not there (your own images are folder:DIR" in done.said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("words", ["train cls/tiny --data", "data check"])
def test_a_folder_without_its_reader_is_understood(words: str, photos: dict[str, Path]) -> None:
    home = photos["cls/tiny"].parent
    done = rga(*words.split(), "fruit", cwd=home)
    assert (done.code, "unknown dataset 'fruit'" in done.said, "for a folder of your own write folder:fruit" in done.said) == (
        2,
        True,
        True,
    )
    other = rga(*words.split(), "fruits", cwd=home)
    assert (other.code, "a folder of your own" in other.said) == (2, False)


def test_the_first_words_lead_to_the_recipes_for_few_images() -> None:
    for done in (rga("train"), rga("train", "--help"), rga("train", "--data", "folder:photos")):
        assert all(name in done.said for name in SMALL)
        assert done.said.count("--data folder:") >= 1


def test_weights_that_cannot_be_had_are_one_sentence_with_flags_that_exist(
    photos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def out_of_reach(url: str) -> str:
        asked.append(url)
        return "no network"

    monkeypatch.setattr(pretrained, "cached_weights", lambda _: None)
    monkeypatch.setattr(pretrained, "out_of_reach", out_of_reach)
    words = ("--data", f"folder:{photos['cls/tiny']}", "--weights", "pretrained")
    done = rga("train", "cls/folder", "--backbone", "resnet10t", "--image-size", 32, *words, cwd=tmp_path)
    assert (done.code, len(asked)) == (2, 1)
    assert "--weights none (with few images and no GPU: the recipes cls/tiny, seg/tiny and reid/tiny)" in done.said
    assert "weights=none" not in done.said
    done = rga("train", "cls/tiny", "--backbone", "cifar-resnet20", *words, cwd=tmp_path)
    assert (done.code, "there are no pretrained weights of 'cifar-resnet20': choose --weights none" in done.said) == (2, True)
    assert not any(tmp_path.iterdir())


def test_recipes_for_few_images_need_no_network_and_evaluate_often() -> None:
    for name in SMALL:
        recipe: Any = read_recipe(name)
        assert recipe.model.weights == "none"
        assert recipe.data.name == "folder"
        assert 0 < recipe.loop.evaluate_every <= recipe.optimization.epochs / 5
        assert recipe_type(recipe.task).from_dict(recipe.to_dict()) == recipe
