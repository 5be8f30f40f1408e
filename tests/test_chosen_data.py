"""What a model is evaluated on: named data are read as in the training, and what makes figures misleading is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.chosen_data import ChosenData, choose_data
from rga.classification.recipe import ClassificationRecipe
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.recipes import to_json
from rga.reid.recipe import ReidRecipe
from rga.tasks import get_task
from rga.training.image_training import trained_on
from rga.training.recipe import Recipe

TASK = get_task("reid")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six people in a folder a, and others in b; the names of the files say one of two cameras."""
    generator = np.random.default_rng(0)
    for name in "ab":
        for identity in range(6):
            for camera in (1, 2):
                path = tmp_path / name / f"{identity}" / f"c{camera}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(generator.integers(0, 256, (8, 4, 3), dtype=np.uint8)).save(path)
    return tmp_path


def recipe(photos: Path, **more: Any) -> ReidRecipe:
    return ReidRecipe().override(data=DataSpec("folder", photos / "a", {"camera": r"c(\d)", "seed": 1}), **more)


def remembered(recipe: Recipe) -> dict[str, Any]:
    """What a model of this training remembers, read from JSON."""
    task = get_task(recipe.task)
    found: dict[str, Any] = json.loads(json.dumps({**trained_on(recipe, task.read(recipe)), "weights": "none"}))
    return found


def chosen(recipe: ReidRecipe, data: str | None = None, source: Path | None = None) -> ChosenData:
    return choose_data(TASK, remembered(recipe), source, data)


def run(photos: Path, recipe: ReidRecipe) -> Path:
    folder = photos / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text(to_json(recipe))
    return folder


def test_options_of_the_training_apply_to_folders_of_the_same_reader(photos: Path) -> None:
    own = chosen(recipe(photos))
    assert (own.notes, own.read_as) == ((), (f"folder:{photos}/a?camera=c(\\d)&seed=1",))
    again = chosen(recipe(photos), f"folder:{photos}/a")
    assert (again.data, again.read_as) == (own.data, own.read_as)
    (note,) = again.notes
    assert note.startswith(f"folder:{photos}/a is read as in the training of the model: camera=c(\\d), seed=1 (to read it without")
    assert chosen(recipe(photos), f"folder:{photos}/a?camera=c(\\d)&seed=1").notes == ()
    moved = shutil.copytree(photos / "a", photos / "moved")
    assert chosen(recipe(photos), f"folder:{moved}").data.fingerprint == own.data.fingerprint


def test_an_option_can_be_left_out(photos: Path) -> None:
    blind = chosen(recipe(photos), f"folder:{photos}/b?camera=none")
    assert not blind.data.has_cameras
    assert any("the cameras are not known" in note for note in blind.notes)


def test_a_table_has_no_options_of_a_folder(photos: Path) -> None:
    lines = [
        f"a/{identity}/c{camera}.png,{identity + 1},{'query' if camera == 1 else 'gallery'}" for identity in (0, 1) for camera in (1, 2)
    ]
    (photos / "table.csv").write_text("\n".join(["path,identity,split", *lines]))
    found = chosen(recipe(photos), f"csv:{photos}/table.csv")
    assert found.read_as == (f"csv:{photos}/table.csv",)


def test_images_that_were_trained_on_are_told(photos: Path) -> None:
    """Another seed is another split: its test holds people who were trained on."""
    trained = {sample.path for sample in TASK.read(recipe(photos)).train}
    for seed in range(2, 6):
        found = chosen(recipe(photos), f"folder:{photos}/a?seed={seed}")
        again = sum(sample.path in trained for sample in (*found.data.query, *found.data.gallery))
        note = f"the model was trained on {again} of the 6 images of this test: the figures are too high"
        assert (note in found.notes) == (again > 0)
    shutil.rmtree(photos / "a")  # nothing can be compared any more
    assert not any("trained on" in note for note in choose_data(TASK, {"data": f"folder:{photos}/a"}, None, f"folder:{photos}/b").notes)


def test_data_that_have_changed_are_told(photos: Path) -> None:
    remember = remembered(recipe(photos))
    assert choose_data(TASK, remember, None, None).notes == ()
    next((photos / "a").rglob("c1.png")).rename(photos / "a" / "0" / "c1_again.png")
    (note, *_) = choose_data(TASK, remember, None, None).notes
    assert note.startswith(f"the data have changed since the training: their fingerprint was {remember['fingerprint']}, and is ")


def test_a_model_outside_of_its_run_remembers_all_that_chose_its_data(photos: Path) -> None:
    """It is tested on what its run is tested on."""
    other = DataSpec("folder", photos / "b")
    for more in ({"hold_out": 2, "seed": 3}, {"test_data": other}, {"also_train": (other,)}, {"also_train": (other,), "test_data": other}):
        made = recipe(photos, **more)
        alone = chosen(made)
        assert alone.data == TASK.read(made)
        assert alone.data.has_cameras
        folder = run(photos, made)
        assert choose_data(TASK, {}, folder, None).data == alone.data
        assert choose_data(TASK, {}, folder / "best", None).data == alone.data
        shutil.rmtree(folder)


def test_options_of_a_dataset_that_was_named_in_the_training_count_before_those_of_others(photos: Path) -> None:
    made = recipe(photos, test_data=DataSpec("folder", photos / "b", {"test_fraction": 0.3}))
    assert chosen(made, f"folder:{photos}/b").read_as == (f"folder:{photos}/b?test_fraction=0.3&camera=c(\\d)&seed=1",)
    assert chosen(made, f"folder:{photos}/a").read_as == (f"folder:{photos}/a?camera=c(\\d)&seed=1",)


def test_a_record_that_is_damaged_says_that_its_options_are_not_applied(photos: Path) -> None:
    folder = run(photos, recipe(photos))
    (folder / "recipe.json").write_text("{")
    found = choose_data(TASK, {}, folder, f"folder:{photos}/a")
    assert "the options of the training are not known, and not applied to folder:" in found.notes[0]
    assert "recipe.json is not JSON" in found.notes[0]
    assert not found.data.has_cameras
    with pytest.raises(InputError, match="is not JSON"):
        choose_data(TASK, {}, folder, None)


def test_other_tasks_remember_their_data_too(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(10):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (10 * number, 0, 0)).save(path)
    made = ClassificationRecipe().override(data=DataSpec("folder", tmp_path / "pets", {"seed": 4}), hold_out=0.25)
    task = get_task("classification")
    remember = remembered(made)
    assert choose_data(task, remember, None, None).data.fingerprint == task.read(made).fingerprint
    (note,) = choose_data(task, remember, None, f"folder:{tmp_path / 'pets'}").notes
    assert "is read as in the training of the model: seed=4" in note
