"""The data that a model is evaluated on if none are named: those that it was trained and tested with."""

import json
import shutil
from pathlib import Path

import pytest

from cli.terminal import TINY_REID, rga
from rga.evaluations import Measured, evaluate
from rga.loading import load
from rga.reid.datasets.samples import ReidData
from rga.reid.evaluation import ReidEvaluation

CAMERA = r"folder:{}?camera=_c(\d)s&test_fraction=0.34"


def data_of(measured: Measured) -> ReidData:
    """What was evaluated on."""
    assert isinstance(measured.result, ReidEvaluation)
    return measured.result.data


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


def test_options_of_the_training_apply_to_other_folders_of_the_same_reader_and_can_be_left_out(
    photo_run: Path, photos: Path, people: Path, tmp_path: Path
) -> None:
    own = evaluate(photo_run)
    assert evaluate(photo_run, f"folder:{photos}").fingerprint == own.fingerprint
    moved = Path(shutil.copytree(photos, tmp_path / "moved"))
    for model in (photo_run, load(photo_run), shutil.copytree(photo_run / "last", tmp_path / "alone")):
        there = evaluate(model, f"folder:{moved}")
        assert (there.fingerprint, data_of(there).has_cameras) == (own.fingerprint, True)
    blind = evaluate(photo_run, f"folder:{photos}?camera=none")
    assert not data_of(blind).has_cameras
    assert "cameras are not known" in " ".join(blind.notes)
    assert evaluate(photo_run, f"market1501:{people}").notes == ()


def test_images_that_were_trained_on_are_told(photo_run: Path, photos: Path) -> None:
    note = "the model was trained on 4 of the 8 images of this test: the figures are too high"
    assert note in evaluate(photo_run, f"folder:{photos}?seed=1").notes  # another split into train and test


def test_data_that_have_changed_are_told(photo_run: Path, photos: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(photo_run, tmp_path / "run"))
    changed = Path(shutil.copytree(photos, tmp_path / "photos"))
    for path in (run / "recipe.json", run / "last" / "config.json"):
        path.write_text(path.read_text().replace(str(photos), str(changed)))
    assert evaluate(run).notes == ()
    next(changed.rglob("*.jpg")).unlink()
    (note,) = evaluate(run).notes
    assert note.startswith(f"the data have changed since the training: their fingerprint was {load(run).trained_on['fingerprint']}")


def test_a_run_whose_record_is_damaged_says_that_its_options_are_not_applied(photo_run: Path, photos: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(photo_run, tmp_path / "run"))
    (run / "recipe.json").write_text("{")
    found = evaluate(run, f"folder:{photos}")
    assert "the options of the training are not known, and not applied to folder:" in found.notes[0]
    assert "recipe.json is not JSON" in found.notes[0]
    assert not data_of(found).has_cameras


def test_more_datasets_to_train_and_test_on_are_read_alike(photos: Path, tmp_path: Path) -> None:
    for name in ("more", "test"):
        shutil.copytree(photos, tmp_path / name)
        for index, path in enumerate(sorted((tmp_path / name).rglob("*.jpg"))):
            path.write_bytes(path.read_bytes() + bytes([index, len(name)]))  # other people, let us say
    words = ("train", "reid/generated", "--data", CAMERA.format(photos), "-o", tmp_path / "run", *TINY_REID, "--max-steps", 1)
    done = rga(*words, "--also-train", f"folder:{tmp_path / 'more'}", "--test-data", f"folder:{tmp_path / 'test'}?test_fraction=0.5")
    assert done.code == 0, done.said
    for name, option in (("more", ""), ("test", "?test_fraction=0.5")):
        assert f"note: folder:{tmp_path / name}{option} is read as folder:{tmp_path / name}?" in done.out
    own = evaluate(tmp_path / "run")
    assert data_of(own).has_cameras
    assert own.result.to_dict()["results"]["neck"]["mAP"] == pytest.approx(load(tmp_path / "run").metrics["mAP_neck"])
    alone = evaluate(shutil.copytree(tmp_path / "run" / "last", tmp_path / "alone"))
    assert alone.fingerprint == own.fingerprint
    again = evaluate(tmp_path / "run", f"folder:{tmp_path / 'test'}")  # the options that it had itself in the training
    assert data_of(again).query[0].path in {sample.path for sample in data_of(own).query}
    assert len(data_of(again).query) == len(data_of(own).query)


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
    assert evaluate(shutil.copytree(tmp_path / "run" / "last", tmp_path / "alone")).fingerprint == measured.fingerprint
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
        assert "the model was trained with folder:" in done.err
        assert "if the data were moved, name them with --data" in done.err


def test_a_model_that_does_not_remember_its_data_asks_for_them(photo_run: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(photo_run / "last", tmp_path / "alone"))
    config = json.loads((alone / "config.json").read_text())
    del config["trained_on"]["data"]
    (alone / "config.json").write_text(json.dumps(config))
    done = rga("evaluate", alone)
    assert (done.code, "the model does not say what data it was trained with: name a dataset with --data" in done.err) == (2, True)
