"""The data that a model is evaluated on if none are named: those that it was trained and tested with."""

import json
import shutil
from pathlib import Path

import pytest

from cli.terminal import TINY_REID, rga
from rga.evaluations import evaluate
from rga.loading import load
from rga.recipes import read_recipe

CAMERA = r"folder:{}?camera=_c(\d)s&test_fraction=0.34"


@pytest.fixture(scope="session")
def photos(people: Path, work: Path) -> Path:
    """The people's training images as folders of one's own, one an identity; the camera is in the names of the files."""
    for path in (people / "bounding_box_train").iterdir():
        target = work / "photos" / path.name.split("_")[0] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return work / "photos"


@pytest.fixture(scope="session")
def photo_run(photos: Path, work: Path) -> Path:
    """A run on them, of one step."""
    words = ("train", "reid/generated", "--data", CAMERA.format(photos), "-o", "photo-run", *TINY_REID, "--max-steps", 1)
    done = rga(*words, cwd=work)
    assert done.code == 0, done.said
    return work / "photo-run"


def test_the_reader_has_the_options_of_the_training(photo_run: Path, photos: Path, tmp_path: Path) -> None:
    done = rga("evaluate", photo_run, "--num-workers", 0, "-o", tmp_path / "own.json")
    assert done.code == 0, done.err
    assert "camera rule applied" in done.out  # the expression found the cameras
    own = json.loads((tmp_path / "own.json").read_text())
    assert own["fingerprint"] == own["trained_on"]["fingerprint"]
    assert own["trained_on"]["data"] == CAMERA.format(photos)
    assert own["read_as"] == [CAMERA.format(photos)]
    assert own["notes"] == []


@pytest.mark.parametrize("verb", ["evaluate", "calibrate"])
def test_data_that_are_named_are_read_as_in_the_training(verb: str, photo_run: Path, photos: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(photo_run, tmp_path / "run"))
    done = rga(verb, run, "--data", f"folder:{photos}?test_fraction=0.5", "--num-workers", 0, "-o", tmp_path / "found.json")
    assert done.code == 0, done.err
    assert f"note: folder:{photos}?test_fraction=0.5 is read as in the training of the model: camera=_c(\\d)s (to read it" in done.out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["read_as"] == [f"folder:{photos}?test_fraction=0.5&camera=_c(\\d)s"]
    assert found["notes"][0] in done.out


def test_a_dataset_is_checked_as_it_was_trained_on(photo_run: Path, photos: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(photo_run / "last", tmp_path / "alone")
    for model in (photo_run, alone):
        done = rga("data", "check", f"folder:{photos}", "--trained-by", model)
        assert (done.code, f"read as {CAMERA.format(photos)}" in done.out) == (0, True)
        assert f"fingerprint {load(photo_run).trained_on['fingerprint']}" in done.out
    done = rga("data", "check", f"folder:{photos}", "--trained-by", photo_run, "--task", "classification")
    assert (done.code, "is for reid, not for classification: leave --task out" in done.err) == (2, True)
    config = json.loads((alone / "config.json").read_text())
    del config["trained_on"]
    (alone / "config.json").write_text(json.dumps(config))
    done = rga("data", "check", f"folder:{photos}", "--trained-by", alone)
    assert (done.code, "does not say how its data were read: leave --trained-by out" in done.err) == (2, True)
    done = rga("data", "check", f"folder:{photos}", "--trained-by", tmp_path / "nowhere" / "at" / "all")
    assert (done.code, "there is no model at" in done.err) == (2, True)


@pytest.mark.slow
def test_a_run_whose_data_were_moved_reads_them_as_before(photo_run: Path, photos: Path, tmp_path: Path) -> None:
    run, moved = Path(shutil.copytree(photo_run, tmp_path / "run")), Path(shutil.copytree(photos, tmp_path / "moved"))
    done = rga("resume", run, "--set", f"data=folder:{moved}", "--set", "max_steps=2")
    assert done.code == 0, done.said
    assert str(read_recipe(run / "recipe.json").data) == CAMERA.format(moved)


@pytest.mark.parametrize("again", ["itself", "copy"])
def test_a_dataset_is_not_trained_on_twice(again: str, photos: Path, tmp_path: Path) -> None:
    also = photos if again == "itself" else shutil.copytree(photos, tmp_path / "copy")
    done = rga(
        "train", "reid/generated", "--data", CAMERA.format(photos), "--also-train", f"folder:{also}", "-o", tmp_path / "run", *TINY_REID
    )
    what = "is named twice" if again == "itself" else f"is a copy of that at {photos}"
    assert (done.code, f"at {also} {what} among the datasets to train on: name it once" in done.said) == (2, True)
    assert not (tmp_path / "run").exists()


def test_the_test_set_is_that_of_the_training(photos: Path, people: Path, tmp_path: Path) -> None:
    words = ("train", "reid/generated", "-o", tmp_path / "run", "--data", f"folder:{photos}", *TINY_REID, "--max-steps", 1)
    done = rga(*words, "--test-data", f"market1501:{people}")
    assert done.code == 0, done.said
    measured = evaluate(tmp_path / "run")
    assert measured.data == "photos on market1501"
    assert measured.result.to_dict()["results"]["neck"]["mAP"] == pytest.approx(load(tmp_path / "run").metrics["mAP_neck"])


def test_identities_that_were_held_out_are_what_it_is_tested_on(people: Path, tmp_path: Path) -> None:
    words = ("train", "reid/generated", "-o", tmp_path / "run", "--data", f"market1501:{people}", *TINY_REID, "--max-steps", 1)
    assert rga(*words, "--hold-out", 2).code == 0
    measured = evaluate(tmp_path / "run" / "last")
    held_out = measured.result.to_dict()["results"]["neck"]
    assert held_out["mAP"] == pytest.approx(load(tmp_path / "run").metrics["mAP_neck"])
    assert measured.fingerprint == load(tmp_path / "run").trained_on["fingerprint"]
    assert held_out["queries"] != evaluate(tmp_path / "run", f"market1501:{people}").result.to_dict()["results"]["neck"]["queries"]


def test_a_copied_model_remembers_its_data(photo_run: Path, tmp_path: Path) -> None:
    expected = evaluate(photo_run)
    alone = Path(shutil.copytree(photo_run / "last", tmp_path / "alone"))
    assert evaluate(alone).fingerprint == expected.fingerprint
    (tmp_path / "recipe.json").write_text("of something else")  # beside the model, which is not in a run
    assert evaluate(alone).fingerprint == expected.fingerprint
    assert evaluate(load(alone)).fingerprint == expected.fingerprint


def test_data_that_were_moved_are_named_with_what_to_do(photo_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(photo_run, tmp_path / "run"))
    for path in (run / "recipe.json", run / "last" / "config.json"):
        path.write_text(path.read_text().replace("photos?", "gone?"))
    for model in (run, shutil.copytree(run / "last", tmp_path / "alone")):
        done = rga("evaluate", model)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert "The model was trained with folder:" in done.err
        assert "if the data were moved, name them with --data" in done.err


def test_a_model_that_does_not_remember_its_data_asks_for_them(photo_run: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(photo_run / "last", tmp_path / "alone"))
    config = json.loads((alone / "config.json").read_text())
    del config["trained_on"]["data"]
    (alone / "config.json").write_text(json.dumps(config))
    done = rga("evaluate", alone)
    assert (done.code, "the model does not say what data it was trained with: name a dataset with --data" in done.err) == (2, True)
