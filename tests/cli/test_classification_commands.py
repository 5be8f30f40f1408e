"""Classification from the command line, as a user types it: train, evaluate, classify."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from cli.terminal import rga
from rga.loading import load


@pytest.fixture
def my_digits_run(digits_run: Path, tmp_path: Path) -> Path:
    """A copy of the run on the digits, to be written to."""
    return Path(shutil.copytree(digits_run, tmp_path / "run"))


def test_a_run_leaves_all_that_is_needed(digits_run: Path) -> None:
    record = json.loads((digits_run / "recipe.json").read_text())
    assert (record["task"], record["recipe"], record["fields"]["data"]) == ("classification", "cls/digits", "digits")
    assert (record["fields"]["model"]["image_size"], record["fields"]["model"]["attention"]) == (8, "se")
    assert record["data"]["samples"] == 1438
    events = [json.loads(line) for line in (digits_run / "log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["start", *["train", "evaluate"] * 2]
    assert {"top1", "top5", "calibration_error", "test_cross_entropy"} <= events[2].keys()
    assert load(digits_run).classes == tuple("0123456789")
    done = rga("train", "cls/digits", "-o", digits_run)
    assert (done.code, "holds a run already" in done.err) == (2, True)


def test_evaluate_prints_the_figures_and_writes_json(my_digits_run: Path, tmp_path: Path) -> None:
    done = rga("evaluate", my_digits_run)
    assert done.code == 0, done.err
    assert "359 images of 10 classes" in done.said
    assert "taken for" in done.said
    report = json.loads((my_digits_run / "evaluation-digits.json").read_text())
    assert report["fingerprint"] == report["trained_on"]["fingerprint"]
    assert np.array(report["confusion"]).sum() == 359
    assert report["top1"] == load(my_digits_run).metrics["top1"] == np.trace(report["confusion"]) / 359
    assert rga("evaluate", my_digits_run, "--data", "digits", "-o", tmp_path / "other.json").code == 0
    assert json.loads((tmp_path / "other.json").read_text()) == report


def test_results_of_other_weights_are_not_overwritten(my_digits_run: Path, tmp_path: Path) -> None:
    out = ("--output", tmp_path / "found.json")
    assert rga("evaluate", my_digits_run).code == rga("evaluate", my_digits_run, *out).code == 0
    weights_file = my_digits_run / "best" / "model.safetensors"
    weights = load_file(weights_file)
    save_file({name: value + 0.125 if value.is_floating_point() else value for name, value in weights.items()}, weights_file)
    assert rga("evaluate", my_digits_run).code == 0
    both = [json.loads((my_digits_run / f"evaluation-digits{number}.json").read_text()) for number in ("", "-2")]
    assert both[0]["weights"] != both[1]["weights"]
    done = rga("evaluate", my_digits_run, *out)
    assert (done.code, "name another file with --output" in done.err) == (2, True)


def test_classify_names_what_images_show(digits_run: Path, digit_images: Path, tmp_path: Path) -> None:
    one, out = digit_images / "1.png", tmp_path / "answers.json"
    words = ("classify", digits_run, one, digit_images, "--top", 3, "-o", out)
    done = rga(*words)
    assert done.code == 0, done.err
    assert "3." in done.out
    answers = json.loads(out.read_text())
    assert sorted(answers) == [str(digit_images / f"{number}.png") for number in range(3)]
    expected = load(digits_run).classify([one], top=3)[0]
    assert [each["class"] for each in answers[str(one)]] == [answer.label for answer in expected]
    assert [each["probability"] for each in answers[str(one)]] == pytest.approx([answer.probability for answer in expected], rel=1e-4)
    before = out.read_bytes()
    done = rga(*words)
    assert (done.code, "is there already: name another file with --output" in done.err) == (2, True)
    assert out.read_bytes() == before
    assert rga(*words, "--overwrite").code == 0


def one_class(root: Path) -> None:
    for split in ("train", "val"):
        (root / split / "cat").mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(root / split / "cat" / "1.png")


def missing_class(root: Path) -> None:
    one_class(root)
    (root / "train" / "dog").mkdir()
    Image.new("RGB", (8, 8)).save(root / "train" / "dog" / "1.png")


def loose_images(root: Path) -> None:
    root.mkdir()
    Image.new("RGB", (8, 8)).save(root / "1.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _root: None, "no folder"),
        (loose_images, "has no folders in it, though 1 images: sort them into folders named like their classes"),
        (one_class, "has 1 class (cat): to tell classes apart takes two or more"),
        (missing_class, "1 of 2 classes have no image to choose the best model by ('dog'); add images of each"),
    ],
)
def test_wrong_data_are_one_clear_error(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    make(tmp_path / "images")
    spec = f"folder:{tmp_path / 'images'}"
    for words in (("train", "cls/folder", "--data", spec, "-o", tmp_path / "run"), ("data", "check", spec, "--task", "classification")):
        done = rga(*words)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith("rga: ")
        assert message in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("classify RUN", "name images, or folders of them"),
        ("classify RUN nowhere.png", "there is no image at nowhere.png"),
        ("classify RUN x --top 0", "top must be at least 1, got 0"),
        ("classify RUN x --batch-size 0", "batch-size must be at least 1, got 0"),
        ("classify RUN x --num-workers -1", "num-workers must lie between 0 and 256, got -1"),
        ("classify RUN x --num-workers 99999999999999999999", "num-workers must lie between 0 and 256, got 99999999999999999999"),
        ("classify RUN x -o .", "is a folder: name a file to write to"),
        ("classify nowhere IMAGES", "there is no model at nowhere"),
        ("embed RUN IMAGES", "is for classification: use rga classify or rga evaluate with it"),
        ("segment RUN IMAGES", "is for classification: use rga classify or rga evaluate with it"),
        ("evaluate RUN -o RUN", "is a folder: name a file to write to"),
        ("evaluate RUN --num-workers -1", "num-workers must lie between 0 and 256, got -1"),
        ("evaluate RUN --data cifar:x", "unknown dataset 'cifar': did you mean cifar10?"),
        ("evaluate RUN --data digits?test_folder=val", "dataset 'digits' has no option 'test_folder': it takes none"),
        ("train cls/cifar10 --data cifar10:nowhere", "no folder nowhere/cifar-10-batches-py"),
        ("train cls/digits --random-erasing 2", "random_erasing must lie between 0 and 1"),
    ],
)
def test_mistakes_are_one_clear_error(digits_run: Path, digit_images: Path, tmp_path: Path, words: str, message: str) -> None:
    meant = {"RUN": digits_run, "IMAGES": digit_images}
    done = rga(*(meant.get(word, word) for word in words.split()), cwd=tmp_path)
    assert done.code == 2
    assert message in done.said
    assert "Traceback" not in done.err
    assert not list(tmp_path.iterdir())
