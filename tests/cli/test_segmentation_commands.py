"""Segmentation from the command line, as a user types it: check, evaluate, segment."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.terminal import contents, rga
from rga.loading import load
from rga.segmentation.datasets.cityscapes import read_generated
from rga.segmentation.model import SegmentationModel


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is loaded fails the test."""

    def loaded(*_: object) -> None:
        raise AssertionError("the model was loaded for nothing")

    monkeypatch.setattr("rga.evaluations.load", loaded)
    monkeypatch.setattr("rga.cli.opened.load", loaded)


def test_street_scenes_are_checked_and_named(streets: Path) -> None:
    done = rga("data", "check", f"streets:{streets}", "--open-images")
    assert done.code == 0, done.err
    assert done.out.endswith("ok\n")
    assert done.err == ""


def test_a_run_is_loaded_by_its_task(segmentation_run: Path) -> None:
    model = load(segmentation_run)
    assert isinstance(model, SegmentationModel)
    assert not model.training
    assert model.trained_on["name"] == "streets"


@pytest.mark.parametrize("verb", ["embed", "classify"])
def test_a_verb_of_another_task_names_the_right_one(verb: str, segmentation_run: Path, streets: Path) -> None:
    done = rga(verb, segmentation_run, streets, "-o", segmentation_run / "never")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is for segmentation: use rga segment or rga evaluate with it" in done.err


def test_evaluate(segmentation_run: Path, streets: Path, tmp_path: Path) -> None:
    words = ("evaluate", segmentation_run, "--num-workers", 0)
    done = rga(*words)
    assert done.code == 0, done.err
    assert "streets, fingerprint" in done.out
    assert "2 images" in done.out
    file = segmentation_run / "evaluation-streets-val.json"
    report = json.loads(file.read_text())
    assert re.fullmatch("[0-9a-f]{16}", report["weights"])
    log = [json.loads(line) for line in (segmentation_run / "log.jsonl").read_text().splitlines()]
    assert report["mIoU"] == pytest.approx([event for event in log if event["kind"] == "evaluate"][-1]["mIoU"])
    assert report["fingerprint"] == report["trained_on"]["fingerprint"] == read_generated(streets).fingerprint
    many = ("--data", f"streets:{streets}", "--flip", "--scales", 0.75, 1.0, "--window", 48, 48, "-o", tmp_path / "many.json")
    assert rga(*words, *many).code == 0
    assert json.loads((tmp_path / "many.json").read_text())["method"] == "scales 0.75, 1, windows of 48x48, flip"
    before = file.read_bytes()
    assert rga(*words, "--flip").code == 0
    assert file.read_bytes() == before
    second = json.loads((segmentation_run / "evaluation-streets-val-2.json").read_text())
    assert (second["method"], second["options"]["flip"]) == ("single scale, flip", True)
    done = rga(*words, "--split", "test")
    assert (done.code, "the masks of test of dataset 'streets' are not there" in done.err) == (2, True)


def test_segment_writes_three_images_for_each(segmentation_run: Path, streets: Path, tmp_path: Path) -> None:
    folder = streets / "leftImg8bit" / "test"
    Image.new("L", (31, 17), 90).save(tmp_path / "grey.jpg")
    done = rga("segment", segmentation_run, folder, tmp_path / "grey.jpg", "-o", tmp_path / "out")
    assert (done.code, done.out, done.err) == (0, f"3 images: {tmp_path / 'out'}\n", "")
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    names = ["grey", *(f"tempera/tempera_{number:06d}_000019_leftImg8bit" for number in range(2))]
    parts = (("confidence", "png"), ("labels", "png"), ("overlays", "jpg"))
    assert written == sorted(["images.json", *(f"{part}/{name}.{kind}" for part, kind in parts for name in names)])
    for part, kind in parts:
        with Image.open(tmp_path / "out" / part / f"grey.{kind}") as image:
            assert image.size == (31, 17)
    path = next(folder.rglob("*.png"))
    found = load(segmentation_run).segment([path])[0]
    with Image.open(tmp_path / "out" / "labels" / f"tempera/{path.stem}.png") as image:
        assert (np.asarray(image) == found.labels).all()


def test_prediction_files_for_the_benchmarks_server(segmentation_run: Path, streets: Path, tmp_path: Path) -> None:
    words = ("segment", segmentation_run, streets / "leftImg8bit" / "test", "-o", tmp_path, "--dataset-values", "--write", "labels")
    assert rga(*words).code == 0
    files = sorted(path for path in (tmp_path / "labels").rglob("*") if path.is_file())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.json", "labels"]
    assert [path.name for path in files] == [f"tempera_{number:06d}_000019_leftImg8bit.png" for number in range(2)]
    for path in files:
        with Image.open(path) as image:
            assert image.mode == "L"
            assert set(np.unique(np.asarray(image)).tolist()) <= {7, 8, 11, 17, 21, 23, 24, 26}


def test_nothing_is_overwritten_unless_that_is_wanted(segmentation_run: Path, tmp_path: Path) -> None:
    image = tmp_path / "images" / "labels" / "a.png"
    image.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(image)
    before = image.read_bytes()
    words = ("segment", segmentation_run, image, "--write", "labels", "-o")
    for more in ((), ("--overwrite",)):
        done = rga(*words, tmp_path / "images", *more)
        assert (done.code, "is to be segmented and would be overwritten" in done.err) == (2, True)
    assert image.read_bytes() == before
    assert rga(*words, tmp_path / "out").code == 0
    there = contents(tmp_path / "out")
    done = rga(*words, tmp_path / "out")
    assert done.code == 2
    assert "is there already: name another folder with --output, or replace it with --overwrite" in done.err
    assert contents(tmp_path / "out") == there
    assert rga(*words, tmp_path / "out", "--overwrite").code == 0


def test_a_model_from_elsewhere_leaves_no_results_in_its_name(
    segmentation_run: Path, streets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = load(segmentation_run)
    monkeypatch.setattr("rga.loading.task_of", lambda _: "segmentation")
    monkeypatch.setattr("rga.evaluations.task_of", lambda _: "segmentation")
    monkeypatch.setattr("rga.evaluations.load", lambda *_: model)
    words = ("evaluate", "owner/name", "--data", f"streets:{streets}", "--num-workers", 0)
    assert rga(*words, cwd=tmp_path).code == 0
    assert not list(tmp_path.iterdir())
    assert rga(*words, "--output", "found.json", cwd=tmp_path).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evaluate RUN -o .", "is a folder: name a file to write to"),
        ("evaluate RUN -o file/x.json", "file is a file"),
        ("evaluate RUN --report report", "reports are written for re-identification, and this model is for segmentation"),
        ("evaluate RUN --scales 0", "one or more positive numbers"),
        ("evaluate RUN --window 0 8", "a window is (height, width) in pixels"),
        ("evaluate RUN --num-workers -1", "num-workers must lie between 0 and 256, got -1"),
        ("evaluate RUN --rerank", "Unrecognized options: --rerank"),
        ("segment RUN a.png -o file", "file is a file"),
        ("segment RUN a.png -o out --window 0 8", "a window is (height, width) in pixels"),
        ("segment RUN -o out", "name images, or folders of them"),
        ("segment RUN nowhere.png -o out", "there is no image at"),
        ("segment RUN a.png a.jpg -o out", "have the same name 'a'"),
        ("segment RUN a.png -o out --scales 0", "one or more positive numbers"),
        ("segment RUN a.png -o out --write label", "invalid choice 'label'"),
        ("segment RUN a.png --widow 8 8", "Perhaps you meant: --window"),
    ],
)
def test_mistakes_are_told_before_the_model_is_loaded(segmentation_run: Path, tmp_path: Path, words: str, message: str) -> None:
    (tmp_path / "file").write_text("no folder")
    for name in ("a.png", "a.jpg"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    done = rga(*(segmentation_run if word == "RUN" else word for word in words.split()), cwd=tmp_path)
    assert done.code == 2
    assert message in done.said
    assert not (tmp_path / "out").exists()


def test_an_image_that_cannot_be_read_is_named(segmentation_run: Path, tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no image")
    done = rga("segment", segmentation_run, tmp_path / "b.png", "-o", tmp_path / "out")
    assert (done.code, done.err.count("\n"), "b.png cannot be read as an image" in done.err) == (2, 1, True)
