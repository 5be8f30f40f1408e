"""Classification from the command line, as a user types it: check, train, go on, evaluate, classify."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

import rga
from rga.__main__ import main
from rga.classification.datasets.digits import read_digits

TINY = ["--epochs", "2", "--evaluate-every", "1", "--size", "8", "--batch-size", "256", "--attention", "se", "--threads", "1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two short epochs on the digits."""
    folder = tmp_path_factory.mktemp("work") / "run"
    assert main(["train", "cls-digits", "--out", str(folder), *TINY]) == 0
    return folder


@pytest.fixture(scope="module")
def images(run: Path) -> Path:
    """A folder with images of digits."""
    folder = run.parent / "images"
    folder.mkdir()
    for number in range(3):
        read_digits(Path()).test.images[number].save(folder / f"{number}.png")
    return folder


def test_a_run_leaves_all_that_is_needed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = json.loads((run / "recipe.json").read_text())
    assert (recipe["data"], recipe["size"], recipe["attention"]) == ("digits", 8, "se")
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["start", *["train", "evaluate"] * 2]
    assert {"top1", "top5", "calibration_error", "test_cross_entropy"} <= events[2].keys()
    assert rga.load(run).classes == tuple("0123456789")
    assert main(["train", "cls-digits", "--out", str(run), *TINY]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_evaluate_prints_the_figures_and_writes_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate-classification", str(run), "--data", "digits"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "359 images of 10 classes" in printed
    assert "taken for" in printed
    report = json.loads((run / "evaluation-digits.json").read_text())
    assert report["fingerprint"] == report["trained_on"]["fingerprint"]
    assert np.array(report["confusion"]).sum() == 359
    assert report["top1"] == rga.load(run).metrics["top1"] == np.trace(report["confusion"]) / 359
    assert main(["evaluate-classification", str(run), "--data", "digits", "--out", str(run.parent / "other.json")]) == 0
    assert json.loads((run.parent / "other.json").read_text()) == report


def test_results_of_other_weights_are_not_written_over(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = Path(shutil.copytree(run, tmp_path / "run"))
    words = ["evaluate-classification", str(mine), "--data", "digits"]
    out = ["--out", str(tmp_path / "found.json")]
    assert main(words) == main([*words, *out]) == 0
    weights_file = mine / "best" / "model.safetensors"
    weights = load_file(weights_file)
    save_file({name: value + 0.125 if value.is_floating_point() else value for name, value in weights.items()}, weights_file)
    assert main(words) == 0
    both = [json.loads((mine / f"evaluation-digits{number}.json").read_text()) for number in ("", "-2")]
    assert both[0]["weights"] != both[1]["weights"]
    capsys.readouterr()
    assert main([*words, *out]) == 2
    assert "name another file with --out" in capsys.readouterr().err


def test_classify_names_what_images_show(run: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run.parent / "answers.json"
    one = images / "1.png"
    assert main(["classify", str(one), str(images), "--model", str(run), "--top", "3", "--json-out", str(out)]) == 0
    assert "3." in capsys.readouterr().out
    answers = json.loads(out.read_text())
    assert sorted(answers) == [str(images / f"{number}.png") for number in range(3)]
    expected = rga.load(run).classify([one], top=3)[0]
    assert [each["class"] for each in answers[str(one)]] == [answer.label for answer in expected]
    assert [each["probability"] for each in answers[str(one)]] == pytest.approx([answer.probability for answer in expected], rel=1e-4)


def test_data_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "digits", "--open-images", "--json-out", str(tmp_path / "report.json")]) == 0
    printed = capsys.readouterr().out
    assert "train          10      1,438" in printed
    assert json.loads((tmp_path / "report.json").read_text())["found"]["test"] == {"classes": 10, "images": 359}
    assert main(["data", "check", "digit"]) == 1
    assert "unknown dataset 'digit': choose one of market1501, " in capsys.readouterr().err
    assert main(["data", "check", "digits", "--task", "segmentation"]) == 1
    assert "unknown dataset 'digits' for segmentation: choose one of cityscapes, camvid, folder, streets" in capsys.readouterr().err
    assert main(["data", "check", "folder"]) == 1
    assert "a dataset 'folder' for reid, segmentation, classification: choose one of them with --task" in capsys.readouterr().err


def one_class(root: Path) -> None:
    (root / "train" / "cat").mkdir(parents=True)
    (root / "val" / "cat").mkdir(parents=True)
    for split in ("train", "val"):
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
        (Path, "no folder"),
        (loose_images, "has no folders in it, though 1 images: sort them into folders named like their classes"),
        (one_class, "has 1 class (cat): to tell classes apart takes two or more"),
        (missing_class, "1 of 2 classes have no image to test on ('dog'); add images of each"),
    ],
)
def test_wrong_data_are_one_clear_error(make: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(make)
    make(tmp_path / "images")
    assert main(["train", "cls-folder", "--root", str(tmp_path / "images"), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rga: ")
    assert message in error
    assert error.count("\n") == 1
    assert main(["data", "check", "folder", "--task", "classification", "--root", str(tmp_path / "images")]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["classify", "--model", "RUN"], "there is nothing to classify"),
        (["classify", "nowhere.png", "--model", "RUN"], "there is no image at nowhere.png"),
        (["classify", "x", "--model", "RUN", "--top", "0"], "top must be at least 1, got 0"),
        (["classify", "x", "--model", "RUN", "--batch-size", "0"], "batch-size must be at least 1, got 0"),
        (["classify", "x", "--model", "RUN", "--json-out", "."], "is a folder: name a file to write to"),
        (["evaluate-classification", "RUN", "--data", "digits", "--out", "RUN"], "is a folder: name a file to write to"),
        (["evaluate-classification", "RUN", "--data", "digits", "--num-workers", "-1"], "num_workers must be at least 0, got -1"),
        (["data", "check", "digits", "--json-out", "RUN"], "is a folder: name a file to write to"),
        (["classify", "x", "--model", "nowhere"], "there is no image at x"),
        (["embed", "x", "--model", "RUN"], "is for classification, which serves rga classify"),
        (["evaluate-classification", "RUN", "--data", "cifar"], "unknown dataset 'cifar': choose one of digits"),
        (["evaluate-classification", "RUN", "--data", "digits", "--test-folder", "val"], "'digits' has no option 'test_folder'"),
        (["train", "cls-cifar10", "--root", "nowhere"], "no folder nowhere/cifar-10-batches-py"),
        (["train", "cls-digits", "--random-erasing", "2"], "random_erasing must lie between 0 and 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_clear_error(run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word.replace("RUN", str(run)) for word in words]) == 2
    assert message in capsys.readouterr().err
